import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { redisOptions } from "../adapters/node/redis/redis-connection.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

/** Servers refuse what takes Redis a second; on a machine with other work, that is no fault of the suite's Redis. */
const patientMs = 15_000;

/** Connections to a Redis of the suite's own: there from its start to its end, as of so many processes. */
export function redisConnections(count: number): Redis[] {
  const connections: Redis[] = [];
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
    for (let at = 0; at < count; at++)
      connections.push(new Redis(server.url, { ...redisOptions, commandTimeout: patientMs }));
    await Promise.all(connections.map((redis) => new Promise((resolve) => redis.once("ready", resolve))));
  });
  afterAll(async () => {
    for (const redis of connections) redis.disconnect();
    await server.dispose();
  });
  return connections;
}
