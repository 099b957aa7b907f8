import { describe } from "vitest";
import { createRedisLedger } from "../../adapters/node/redis/redis-ledger.ts";
import { createRedisOutbox } from "../../adapters/node/redis/redis-outbox.ts";
import { redisConnections } from "../redis-connections.ts";
import { hasRedis } from "../redis-server.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";
import { testThresholds } from "./thresholds.ts";

describe.skipIf(!hasRedis)("redis", () => {
  const connections = redisConnections(2);
  let run = 0;

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
