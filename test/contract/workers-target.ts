import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeAgentByHand } from "../agent-by-hand.ts";
import { adminToken, makeStateDir, startServerProcess, token } from "../server-process.ts";
import { fetchFromMany } from "./many-clients.ts";
import { contractConfig, type Target } from "./target.ts";

/**
 * A server of two worker processes on files. Each request comes on a connection of its own, and so to the other of the
 * two than the one before.
 */
export async function workersTarget(): Promise<Target> {
  const stateDir = await makeStateDir({ maxAgentsPerKey: 100, ...contractConfig.gateway.provisioning });
  const server = await startServerProcess(stateDir, { OPENCLAW_WORKERS: "2" });
  const clients = fetchFromMany({ pipelining: 0 });
  return {
    origin: server.origin,
    api: `${server.origin}/api/v1`,
    token,
    adminToken,
    storesCredentials: true,
    hasWorkspaces: true,
    processes: 2,
    makeByHand: (agentId) => makeAgentByHand(stateDir, agentId),
    workspace: (name) => join(stateDir, `workspace-${name}`),
    fetch: clients.fetch,
    async close() {
      await clients.close();
      await server.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
