import { describe, expect, it, vi } from "vitest";
import { createRedisLedger } from "../../adapters/node/redis/redis-ledger.ts";
import { createRedisOutbox } from "../../adapters/node/redis/redis-outbox.ts";
import type { Outbox } from "../../src/ports.ts";
import { redisConnections } from "../redis-connections.ts";
import { hasRedis } from "../redis-server.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";
import { testThresholds } from "./thresholds.ts";

describe.skipIf(!hasRedis)("redis", () => {
  const connections = redisConnections(2);
  let run = 0;

  async function send(outbox: Outbox, cause: string): Promise<void> {
    await outbox.put({ cause, type: "agent.created", at: Date.now(), data: "{}" });
    const [message] = await outbox.take({ limit: 1, leaseMs: 60_000 });
    await outbox.spread(cause, message!.lease, `m-${cause}`, []);
  }

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

  it("is followed on after Redis lost what was sent last", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const outbox = createRedisOutbox(redis!, prefix);
    await send(outbox, "a");
    await send(outbox, "b");
    const { last: seen } = await outbox.recent(0, 10);
    // As a replica that took over without the second.
    const base = `${prefix}:outbox:{${prefix}-outbox}`;
    await redis!.multi().decr(`${base}:seq`).hdel(`${base}:messages`, "b").zrem(`${base}:log`, "b").exec();
    const { messages, last } = await outbox.recent(seen, 10);
    expect([messages, last]).toEqual([[], 1]);
    await send(outbox, "c");
    expect((await outbox.recent(last, 10)).messages.map(({ message }) => message.cause)).toEqual(["c"]);
  });

  it("goes on where Redis threw its messages away", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const outbox = createRedisOutbox(redis!, prefix);
    const take = () => outbox.take({ limit: 1, leaseMs: 60_000 });
    const message = { type: "agent.created", at: Date.now(), data: "{}" };
    await outbox.put({ ...message, cause: "a" });
    const [first] = await take();
    await outbox.spread("a", first!.lease, "m-a", ["one"]);
    await outbox.put({ ...message, cause: "b" });
    await redis!.del(`${prefix}:outbox:{${prefix}-outbox}:messages`);
    for (let turn = 0; turn < 3; turn++) expect(await take()).toEqual([]);
    expect(await outbox.recent(0, 10)).toEqual({ messages: [], last: 0 });
    await outbox.put({ ...message, cause: "c" });
    expect(await take()).toMatchObject([{ kind: "message", message: { cause: "c" } }]);
  });

  it("is followed past a page of alerts that Redis threw away", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const outbox = createRedisOutbox(redis!, prefix);
    for (const cause of ["a", "b", "c"]) await send(outbox, cause);
    await redis!.del(`${prefix}:outbox:{${prefix}-outbox}:messages`);
    await send(outbox, "d");
    const { last } = await outbox.recent(0, 3);
    expect((await outbox.recent(last, 3)).messages.map(({ message }) => message.cause)).toEqual(["d"]);
  });

  testThresholds("Redis", async () => {
    const clock = settableClock();
    const prefix = `test-${run++}`;
    const [ledger, second] = connections.map((redis) => createRedisLedger(redis, prefix, clock));
    const outbox = createRedisOutbox(connections[1]!, prefix, clock);
    return { ledger: ledger!, second: second!, outbox, bring: async () => {}, dispose: async () => {} };
  });
});
