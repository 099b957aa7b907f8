import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Agent, fetch as undiciFetch } from "undici";
import { makeAgentByHand } from "../agent-by-hand.ts";
import { adminToken, makeStateDir, startServerProcess, token } from "../server-process.ts";
import { contractConfig, type Target } from "./target.ts";

/**
 * A server of two worker processes on files. Each request comes on a connection of its own, and so to the other of the
 * two than the one before.
 */
export async function workersTarget(): Promise<Target> {
  const stateDir = await makeStateDir({ maxAgentsPerKey: 100, ...contractConfig.gateway.provisioning });
  const server = await startServerProcess(stateDir, { OPENCLAW_WORKERS: "2" });
  const dispatcher = new Agent({ pipelining: 0 });
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
    // Its types are undici's own, and the same.
    fetch: (url, init) => undiciFetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>,
    async close() {
      await dispatcher.close();
      await server.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
