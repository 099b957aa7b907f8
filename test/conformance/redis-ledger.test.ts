import { describe, expect, it, vi } from "vitest";
import { createRedisLedger } from "../../adapters/node/redis/redis-ledger.ts";
import { ledgerKeys } from "../../adapters/node/redis/redis-ledger-keys.ts";
import type { LedgerName } from "../../src/ports.ts";
import { addressFailures, consoleLedger, otherFailures } from "../../src/storage/ledger-names.ts";
import { chargeCounter } from "../charge-counter.ts";
import { redisConnections } from "../redis-connections.ts";
import { hasRedis } from "../redis-server.ts";
import { use } from "./ledger/fresh-ledger.ts";
import { testLedger } from "./ledger.ts";
import { settableClock } from "./settable-clock.ts";

describe.skipIf(!hasRedis)("redis", () => {
  const connections = redisConnections(2);
  let run = 0;

  testLedger("Redis", async () => {
    const clock = settableClock();
    const [ledger, second] = connections.map((redis) => createRedisLedger(redis, `test-${run}`, clock));
    run++;
    return { ledger: ledger!, second: second!, clock, dispose: async () => {} };
  });

  it("takes its time from Redis where it is given none", async () => {
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`);
    const before = Date.now();
    const { resetAt } = await ledger.take("key:a/rate", { limit: 1, windowMs: 60_000 });
    expect(resetAt).toBeGreaterThanOrEqual(before + 60_000 - 5);
    expect(resetAt).toBeLessThanOrEqual(Date.now() + 60_000 + 5);
    await ledger.claim("agent:a/claim", { owner: "dead", ttlMs: 60, note: "op" });
    expect(await ledger.claim("agent:a/claim", { owner: "b", ttlMs: 60_000 })).toEqual({
      granted: false,
      owner: "dead",
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await ledger.claim("agent:a/claim", { owner: "b", ttlMs: 60_000 })).toEqual({
      granted: true,
      abandoned: "op",
    });
  });

  it.each([
    ["behind", -60_000],
    ["ahead", 60_000],
  ])("tells a machine whose clock is %s how long it has to wait", async (_, skew) => {
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`);
    const take = () => ledger.take("key:a/rate", { limit: 1, windowMs: 30_000 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + skew });
    try {
      for (const allowed of [true, false]) {
        const decision = await take();
        const waitMs = decision.resetAt - Date.now();
        expect(decision.allowed).toBe(allowed);
        expect(Math.abs(waitMs - 30_000)).toBeLessThan(5_000);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it("nothing stays of the addresses that failed and of console sessions, once their window has passed", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const ledger = createRedisLedger(redis!, prefix);
    const keys = ledgerKeys(prefix);
    const rule = { limit: 2, windowMs: 60_000 };
    for (const name of [addressFailures("203.0.113.1"), otherFailures, consoleLedger("ocs", "s").rate]) {
      for (let turn = 0; turn < 3; turn++) await ledger.take(name, rule);
      for (const key of [keys.bucket(name), keys.hits(name)]) {
        expect(await redis!.pttl(key)).toBeGreaterThan(60_000);
        expect(await redis!.pttl(key)).toBeLessThanOrEqual(120_000);
      }
    }
    // When a key was used last is shown for as long as there is the key.
    await ledger.take("key:k/rate", rule);
    expect(await redis!.pttl(keys.bucket("key:k/rate"))).toBe(-1);
  });

  it("a minute stays counted while machines whose clocks are ahead begin the next ones", async () => {
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`);
    let requests = 0;
    const ask = async (period: string) => {
      const id: LedgerName = `ai-key:a/reservation:${requests++}`;
      const entries = [{ counter: "ai-key:a/requests" as const, period, limit: 2, amount: 1 }];
      const { outcome } = await ledger.reserve(id, entries);
      await ledger.settle(id, { "ai-key:a/requests": 1 });
      return outcome;
    };
    for (const outcome of ["reserved", "reserved", "exceeded"]) expect(await ask("2026-11-30T21:00")).toBe(outcome);
    for (const ahead of ["2026-11-30T21:01", "2026-11-30T21:02", "2026-11-30T21:03"]) {
      expect(await ask(ahead)).toBe("reserved");
      expect(await ask("2026-11-30T21:00")).toBe("exceeded");
    }
    // An hour later, nothing of it is left.
    await ask("2026-11-30T22:00");
    for (let at = 1; at < 6; at++) await ask(`2026-11-30T22:0${at}`);
    expect(await ledger.used("ai-key:a/requests", "2026-11-30T21:00")).toEqual({ used: 0, reserved: 0 });
  });

  it("a clock that was set back holds up no rate limit", async () => {
    const clock = settableClock();
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`, clock);
    const take = () => ledger.take("key:k/rate", { limit: 2, windowMs: 60_000 });
    const now = clock.now();
    clock.set(now + 7_200_000);
    for (const allowed of [true, true, false]) expect((await take()).allowed).toBe(allowed);
    clock.set(now);
    expect(await take()).toEqual({ allowed: true, remaining: 1, resetAt: now + 60_000 });
    expect((await take()).allowed).toBe(true);
    expect(await take()).toMatchObject({ allowed: false, resetAt: now + 60_000 });
  });

  it("does not grow with texts that have ended, whichever way they were stored", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const clock = settableClock();
    const ledger = createRedisLedger(redis!, prefix, clock);
    const keys = ledgerKeys(prefix);
    await ledger.put("key:a/state", "{}");
    for (let at = 0; at < 50; at++) {
      clock.set(clock.now() + 60_000);
      if (at % 2) await ledger.put(`key:a/idempotency:${at}`, "body", 60_000);
      else await ledger.replace(`key:a/idempotency:${at}`, undefined, "body", 60_000);
    }
    expect(await redis!.hlen(keys.texts("key:a/state"))).toBeLessThanOrEqual(3);
    for (let at = 0; at < 50; at++) {
      clock.set(clock.now() + 60_000);
      await ledger.replace(`key:a/idempotency:${at}`, undefined, "body", 60_000);
    }
    expect(await redis!.hlen(keys.texts("key:a/state"))).toBeLessThanOrEqual(3);
    expect(await redis!.zcard(keys.expiry("key:a/state"))).toBeLessThanOrEqual(2);
  });

  it("nothing stays of a shard whose texts have all ended", async () => {
    const [redis] = connections;
    const prefix = `test-${run++}`;
    const ledger = createRedisLedger(redis!, prefix);
    const keys = ledgerKeys(prefix);
    const ends = async (name: LedgerName) => {
      const [texts, expiry] = await Promise.all([redis!.pttl(keys.texts(name)), redis!.pttl(keys.expiry(name))]);
      return [texts, expiry].map((ms) => (ms < 0 ? ms : Math.ceil(ms / 60_000)));
    };
    const state: LedgerName = "operation:o/state";
    await ledger.put(state, "{}", 600_000);
    expect(await ends(state)).toEqual([11, 11]);
    await ledger.replace(state, "{}", "done", 120_000);
    expect(await ends(state)).toEqual([3, 3]);
    // The longest of several, and for ever where one has no end.
    await ledger.put("operation:o/other", "{}", 600_000);
    await ledger.put(state, "{}", 60_000);
    expect(await ends(state)).toEqual([11, 11]);
    await ledger.put("operation:o/kept", "{}");
    expect(await ends(state)).toEqual([-1, -1]);
    await ledger.put("operation:o/kept", undefined);
    expect(await ends(state)).toEqual([11, 11]);
  });

  it("drops the oldest minutes, in whatever order machines have begun them", async () => {
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`);
    const counter = "ai-key:a/requests" as const;
    for (const [at, minute] of [2, 0, 1, 3, 4, 5, 6].entries()) {
      const id: LedgerName = `ai-key:a/reservation:${at}`;
      await ledger.reserve(id, [{ counter, period: `2026-11-30T21:0${minute}`, limit: null, amount: 1 }]);
      await ledger.settle(id, { [counter]: 1 });
    }
    const used = async (minute: number) => (await ledger.used(counter, `2026-11-30T21:0${minute}`)).used;
    expect(await Promise.all([0, 1, 2, 6].map(used))).toEqual([0, 1, 1, 1]);
  });

  it("reads the use of many names so that no other call waits behind all of it", async () => {
    const redis = connections[0]!;
    const ledger = createRedisLedger(redis, `test-${run++}`);
    const names = Array.from({ length: 60 }, (_, at): LedgerName => `ai-key:${at}/usage`);
    for (const name of names) {
      const id = name.replace("usage", "reservation:1") as LedgerName;
      await ledger.reserve(id, [{ counter: "ai-key:a/requests", period: "2026-11", limit: null, amount: 1 }]);
      await ledger.settle(id, {}, { ...use(7), name });
    }
    let underWay = 0;
    let most = 0;
    const send = redis.sendCommand.bind(redis);
    const read = vi.spyOn(redis, "sendCommand").mockImplementation((command, ...rest) => {
      const isOfName = command.getKeys().some((key) => String(key).includes(":usage:"));
      if (!isOfName) return send(command, ...rest);
      most = Math.max(most, ++underWay);
      return Promise.resolve(send(command, ...rest)).finally(() => underWay--);
    });
    const days = { from: "2026-11-01", to: "2026-11-30" };
    const all = { prefix: "ai-key:", ...days, by: "name", orderBy: "requests", limit: 100 } as const;
    const { groups } = await ledger.topUsage(all);
    read.mockRestore();
    expect(groups.map(({ key, tokens }) => [key, tokens])).toEqual(names.toSorted().map((name) => [name, 7]));
    expect(most).toBeLessThan(20);
  });

  it("goes on after Redis forgot its scripts", async () => {
    const ledger = createRedisLedger(connections[0]!, `test-${run++}`);
    await chargeCounter(ledger, "key:a/agents", "all", 1);
    await connections[0]!.script("FLUSH");
    await chargeCounter(ledger, "key:a/agents", "all", 1);
    expect(await ledger.used("key:a/agents", "all")).toEqual({ used: 2, reserved: 0 });
  });

  it("keeps what one operation touches under one hash tag, so that a cluster can hold it", () => {
    const tag = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];
    const keys = ledgerKeys("p");
    const { partitions, check, adopted: _, usages: __, ...named } = keys;
    const tags = new Set<string | undefined>();
    for (let i = 0; i < 200; i++) {
      const name = `ai-key:${i}/reservation:7` as const;
      const own = new Set(Object.values(named).map((key) => tag(key(name))));
      expect(own.size).toBe(1);
      for (const one of own) tags.add(one);
    }
    expect(tags).toEqual(new Set(partitions.map(({ open }) => tag(open))));
    // Written down, because what is stored is found again only as long as it stays so.
    expect(keys.counters("ai-key:a/tokens")).toBe("p:ledger:{p-c}:counters:ai-key:a");
    expect(tag(check)).toBeDefined();
  });

  it("keeps errors free of what the commands carried", async () => {
    const prefix = `test-${run++}`;
    await connections[0]!.set(ledgerKeys(prefix).texts("key:a/state"), "not a hash");
    const error = await createRedisLedger(connections[0]!, prefix)
      .put("key:a/state", "sk-test-not-a-real-key")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "store_unwritable" });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("sk-test");
    expect(Object.keys((error as Error).cause as object)).toEqual([]);
  });
});
