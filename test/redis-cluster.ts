import { rmSync } from "node:fs";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { makeStateDir, type ServerProcess, startServerProcess } from "./server-process.ts";

export interface RedisCluster {
  redis: RedisServer;
  stateDir: string;
  servers: ServerProcess[];
  /** One more process, ready; in place of a dead one if `at` is given. */
  start(at?: number): Promise<ServerProcess>;
  close(): Promise<void>;
}

/** Server processes that share one Redis and one state directory, as instances behind one address do. */
export async function startRedisCluster({
  processes = 2,
  provisioning = {},
  env = {},
}: {
  processes?: number;
  provisioning?: Record<string, unknown>;
  env?: Record<string, string>;
} = {}): Promise<RedisCluster> {
  const redis = await startRedis();
  const stateDir = await makeStateDir(provisioning);
  const servers: ServerProcess[] = [];
  const cluster: RedisCluster = {
    redis,
    stateDir,
    servers,
    async start(at = servers.length) {
      const server = await startServerProcess(stateDir, { OPENCLAW_PROVISIONING_STORAGE: redis.url, ...env });
      servers[at] = server;
      return server;
    },
    async close() {
      await Promise.all(servers.map((server) => server.kill()));
      await redis.dispose();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
  try {
    for (let at = 0; at < processes; at++) await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}
