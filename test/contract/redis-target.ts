import { join } from "node:path";
import { startRedisCluster } from "../redis-cluster.ts";
import { adminToken, token } from "../server-process.ts";
import { fetchFromMany } from "./many-clients.ts";
import { contractConfig, type Target } from "./target.ts";

/** Two server processes on one Redis behind one address, which sends each request to the other of the two. */
export async function redisTarget(): Promise<Target> {
  const origin = "http://instances.test";
  const cluster = await startRedisCluster({
    provisioning: { maxAgentsPerKey: 100, ...contractConfig.gateway.provisioning },
    env: { OPENCLAW_PUBLIC_URL: origin },
  });
  const clients = fetchFromMany();
  let requests = 0;
  return {
    origin,
    api: `${origin}/api/v1`,
    token,
    adminToken,
    storesCredentials: true,
    hasWorkspaces: true,
    processes: 2,
    workspace: (name) => join(cluster.stateDir, `workspace-${name}`),
    fetch(url, init) {
      const server = cluster.servers[requests++ % cluster.servers.length]!;
      return clients.fetch(url.replace(origin, server.origin), init);
    },
    async close() {
      await clients.close();
      await cluster.close();
    },
  };
}
