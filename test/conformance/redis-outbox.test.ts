import { Redis } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { redisOptions } from "../../adapters/node/redis/redis-connection.ts";
import { createRedisLedger } from "../../adapters/node/redis/redis-ledger.ts";
import { createRedisOutbox } from "../../adapters/node/redis/redis-outbox.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";
import { testThresholds } from "./thresholds.ts";

describe.skipIf(!hasRedis)("redis", () => {
  let server: RedisServer;
  let connections: Redis[];
  let run = 0;

  beforeAll(async () => {
    server = await startRedis();
    connections = [1, 2].map(() => new Redis(server.url, redisOptions));
    await Promise.all(connections.map((redis) => new Promise((resolve) => redis.once("ready", resolve))));
  });
  afterAll(async () => {
    for (const redis of connections) redis.disconnect();
    await server.dispose();
  });

  testOutbox("Redis", async () => {
    const clock = settableClock();
    const [outbox, second] = connections.map((redis) => createRedisOutbox(redis, `test-${run}`, clock));
    run++;
    return { outbox: outbox!, second: second!, clock, dispose: async () => {} };
  });

  testThresholds("Redis", async () => {
    const clock = settableClock();
    const prefix = `test-${run++}`;
    const [ledger, second] = connections.map((redis) => createRedisLedger(redis, prefix, clock));
    const outbox = createRedisOutbox(connections[1]!, prefix, clock);
    return { ledger: ledger!, second: second!, outbox, bring: async () => {}, dispose: async () => {} };
  });
});
