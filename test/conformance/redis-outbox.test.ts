import { describe, expect, it, vi } from "vitest";
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

  it.each([
    ["behind", -600_000],
    ["ahead", 600_000],
  ])("waits before the next attempt for as long as was asked, on a machine whose clock is %s", async (_, skew) => {
    const outbox = createRedisOutbox(connections[0]!, `test-${run++}`);
    const take = () => outbox.take({ limit: 1, leaseMs: 60_000 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + skew });
    try {
      await outbox.put({ cause: "a", type: "agent.created", at: Date.now(), data: "{}" });
      const [message] = await take();
      await outbox.spread("a", message!.lease, "m1", ["one"]);
      const [delivery] = await take();
      if (delivery?.kind !== "delivery") throw new Error("no delivery is due");
      const attempt = { at: Date.now(), ms: 1, status: 500 };
      await outbox.record(delivery, { state: "pending", dueAt: Date.now() + 1_000 }, attempt);
      expect(await take()).toEqual([]);
      await vi.waitFor(async () => expect(await take()).toHaveLength(1), { timeout: 3_000, interval: 200 });
    } finally {
      vi.useRealTimers();
    }
  });

  testThresholds("Redis", async () => {
    const clock = settableClock();
    const prefix = `test-${run++}`;
    const [ledger, second] = connections.map((redis) => createRedisLedger(redis, prefix, clock));
    const outbox = createRedisOutbox(connections[1]!, prefix, clock);
    return { ledger: ledger!, second: second!, outbox, bring: async () => {}, dispose: async () => {} };
  });
});
