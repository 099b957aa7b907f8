import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteHost } from "../../src/host/remote-host.ts";
import { keptOfAgent, makeAgentByHand } from "../agent-by-hand.ts";
import { testAgentHost } from "./agent-host.ts";
import { localDisk, openGatewayApp, switchboard } from "./gateway-app.ts";

// One gateway: what an id and a binding are unique within. How several are chosen from is in unit/remote-host.test.ts.
testAgentHost("remote", async () => {
  const root = await realpath(await mkdtemp(join(tmpdir(), "remote-host-")));
  const gateway = await openGatewayApp("gw1", root);
  const host = createRemoteHost({
    gateways: [gateway.settings],
    fetch: switchboard([gateway]),
    timeoutMs: 5_000,
    clock: { now: Date.now },
    log: () => undefined,
  });
  return {
    host,
    workspace: (name) => join(root, name),
    disk: localDisk,
    storedKey: gateway.storedKey,
    makeByHand: (agentId) => makeAgentByHand(gateway.stateDir, agentId),
    kept: (agentId) => keptOfAgent(gateway.stateDir, agentId),
    async close() {
      await gateway.close();
      await rm(root, { recursive: true, force: true });
    },
  };
});
