import { rm } from "node:fs/promises";
import { join } from "node:path";
import { testContract } from "../../contract/contract.ts";
import { fetchFromMany } from "../../contract/many-clients.ts";
import { contractConfig, type Target } from "../../contract/target.ts";
import { builtPlugin } from "./built-plugin.ts";
import { makeGateway } from "./gateway.ts";

async function gatewayTarget(): Promise<Target> {
  const plugin = await builtPlugin();
  const adminToken = "contract-admin-of-the-plugin";
  const gateway = await makeGateway({ config: contractConfig, env: { OPENCLAW_ADMIN_TOKEN: adminToken } });
  await gateway.cli(["plugins", "install", "--link", plugin, "--force", "--accept-capabilities"]);
  await gateway.start();
  const clients = fetchFromMany();
  return {
    origin: gateway.url,
    api: `${gateway.url}/api/v1`,
    token: gateway.token,
    adminToken,
    storesCredentials: true,
    hasWorkspaces: true,
    sharesOrigin: true,
    deletesSlowly: true,
    workspace: (name) => join(gateway.stateDir, `workspace-${name}`),
    fetch: clients.fetch,
    async close() {
      await clients.close();
      await gateway.close();
      await rm(plugin, { recursive: true, force: true });
    },
  };
}

testContract("the gateway's port", gatewayTarget, "host");
