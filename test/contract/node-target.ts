import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deployment } from "../../adapters/node/deployment.ts";
import { startServer } from "../../adapters/node/run-server.ts";
import { makeAgentByHand } from "../agent-by-hand.ts";
import { fetchFromMany } from "./many-clients.ts";
import { contractConfig, type Target } from "./target.ts";

export interface NodeTarget extends Target {
  stateDir: string;
  context: Deployment["app"]["context"];
}

/** A whole server on files, in this process, on a port of its own. */
export async function nodeTarget(
  options: { env?: Record<string, string>; config?: unknown } = {},
): Promise<NodeTarget> {
  const stateDir = await mkdtemp(join(tmpdir(), "openclaw-contract-"));
  await writeFile(join(stateDir, "config.json"), JSON.stringify(options.config ?? contractConfig), { mode: 0o600 });
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: "contract-token-of-the-server",
    OPENCLAW_ADMIN_TOKEN: "contract-admin-of-the-server",
    OPENCLAW_GATEWAY_PORT: "0",
    ...options.env,
  };
  const deployment = await startServer(env);
  const clients = fetchFromMany();
  const origin = `http://127.0.0.1:${deployment.server.port}`;
  return {
    origin,
    api: `${origin}/api/v1`,
    token: env.OPENCLAW_GATEWAY_TOKEN,
    adminToken: env.OPENCLAW_ADMIN_TOKEN,
    storesCredentials: true,
    hasWorkspaces: true,
    workspace: (name) => join(stateDir, `workspace-${name}`),
    makeByHand: (agentId) => makeAgentByHand(stateDir, agentId),
    fetch: clients.fetch,
    stateDir,
    context: deployment.app.context,
    async close() {
      await clients.close();
      await deployment.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
