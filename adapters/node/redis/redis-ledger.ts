import type { Redis } from "ioredis";
import { amountsByCounter } from "../../../src/domain/amounts-by-counter.ts";
import { estimateMemoryMs, estimateMinute } from "../../../src/domain/quota.ts";
import type { Abandoned, Clock, HeldAmount, Ledger, LedgerName, UsageEntry } from "../../../src/ports.ts";
import { passingPrefixes } from "../../../src/storage/ledger-names.ts";
import { lostUsage } from "../../../src/storage/lost-usage.ts";
import { answered } from "./redis-connection.ts";
import { ledgerKeys } from "./redis-ledger-keys.ts";
import { createRedisOverview } from "./redis-overview.ts";
import { type RedisArgument, redisScript } from "./redis-script.ts";
import { type UsageAmounts, usageFields, usageRows } from "./usage-fields.ts";

/** A wrong amount would fail in Lua after the first of a script's writes, and Redis takes none of them back. */
function whole(amount: number): number {
  if (!Number.isSafeInteger(amount)) throw new TypeError(`${amount} is not an amount that can be counted`);
  return amount;
}

function usageArguments({ estimate, ...usage }: UsageEntry): RedisArgument[] {
  const amounts: UsageAmounts = { ...usage, estimatedTokens: estimate?.tokens.amount ?? 0 };
  const sums = Object.entries(usageFields).flatMap(([what, name]) =>
    amounts[name] === 0 ? [] : [what, whole(amounts[name])],
  );
  const estimates = [estimate?.tokens, estimate?.microUsd].flatMap((one) =>
    one === undefined || one.amount === 0 ? [] : [one.counter, whole(one.amount)],
  );
  const pairs = (list: RedisArgument[]): RedisArgument[] => [list.length / 2, ...list];
  return [usage.name, usage.day, usage.model, ...pairs(sums), ...pairs(estimates), estimateMemoryMs];
}

/**
 * The ledger of many machines. Every operation is one script, which Redis runs alone.
 *
 * Durability is Redis's: `appendonly yes` with `appendfsync always` keeps whatever was answered; `everysec` may lose
 * the last second with the machine. Replication is asynchronous, so a failover may lose what the replica had not yet
 * got; `maxmemory-policy` has to be `noeviction`.
 * @param clock for tests. Machines' clocks differ, and a window or a claim has to have one time: by default Redis's.
 */
export function createRedisLedger(redis: Redis, prefix: string, clock?: Clock): Ledger {
  const keys = ledgerKeys(prefix);
  const time = () => (clock === undefined ? "" : clock.now());
  /** The clock of this machine, where none is given. */
  const now = () => time() || Date.now();
  const script = <T>(name: string) => {
    const run = redisScript<T>(redis, name);
    return (at: string[], ...args: RedisArgument[]) =>
      answered(redis, "store_unwritable", () => run(at, [time(), ...args]));
  };

  const take = script<[number, number, number]>("take");
  const reserve = script<["reserved"] | ["exceeded", number, number, number] | ["changed", string]>("reserve");
  const settle = script<number>("settle");
  const stale = script<LedgerName[]>("stale");
  const creditEstimates = script<[number, number]>("credit-estimates");
  const forget = script<number>("forget");
  const get = script<string | null>("get");
  const put = script<number>("put");
  const replace = script<number>("replace");
  const renew = script<number>("renew");
  const holder = script<string | null>("holder");
  const claim = script<[number, string | null]>("claim");
  const release = script<number>("release");
  const ending = script<[LedgerName, string, number, string | null][]>("ending");

  const settleKeys = (id: LedgerName, day = "-") => [
    ...[keys.counters, keys.reservations, keys.open, keys.usage, keys.estimates, keys.estimated].map((key) => key(id)),
    ...[keys.passed, keys.near, keys.ranks, keys.names].map((key) => key(id)),
    keys.all(id) + day,
  ];

  async function settleOne(
    id: LedgerName,
    actual: Record<LedgerName, number> | "reserved",
    usage?: UsageEntry,
  ): Promise<number> {
    const amounts = actual === "reserved" ? [] : Object.entries(actual);
    return await settle(
      settleKeys(id, usage?.day),
      id,
      actual === "reserved" ? "1" : "0",
      amounts.length,
      ...amounts.flatMap(([counter, amount]) => [counter, whole(amount)]),
      ...(usage === undefined ? [] : usageArguments(usage)),
    );
  }

  async function held(id: LedgerName): Promise<HeldAmount[]> {
    const stored = await answered(redis, "store_unreadable", () => redis.hget(keys.reservations(id), id));
    const lines = (stored ?? "").split("\n").filter((line) => line !== "");
    return amountsByCounter(
      lines.map((line) => {
        const [counter = "", period = "", amount] = line.split(" ");
        return [counter as LedgerName, period, Number(amount)];
      }),
    );
  }

  return {
    async take(bucket, { limit, windowMs }, cost = 1) {
      const [allowed, remaining, resetMs] = await take(
        [keys.bucket(bucket), keys.hits(bucket)],
        limit,
        windowMs,
        whole(cost),
        passingPrefixes.some((prefix) => bucket.startsWith(prefix)) ? "1" : "0",
      );
      // The caller reads it by the clock of this machine; Redis's may be another.
      return { allowed: allowed === 1, remaining, resetAt: now() + resetMs };
    },

    async seen(bucket) {
      const [calls, last] = await answered(redis, "store_unwritable", () =>
        redis.hmget(keys.bucket(bucket), "calls", "last"),
      );
      return last == null ? { count: 0 } : { count: Number(calls), lastAt: Number(last) };
    },

    async reserve(id, entries, expect) {
      const answer = await reserve(
        [keys.counters, keys.reservations, keys.open, keys.texts, keys.near, keys.ranks].map((key) => key(id)),
        id,
        expect?.name ?? "",
        expect?.text ?? "",
        ...entries.flatMap(({ counter, period, limit, amount, alertAt }) => [
          ...[counter, period, limit ?? "", whole(amount)],
          alertAt?.join(",") ?? "",
        ]),
      );
      if (answer[0] === "changed") return { outcome: "changed", text: answer[1] };
      if (answer[0] === "reserved") return { outcome: "reserved" };
      const [, index, used, reserved] = answer;
      const { limit, alertAt: _, ...entry } = entries[index]!;
      return { outcome: "exceeded", exceeded: { ...entry, limit: limit ?? 0, used, reserved } };
    },

    async settle(id, actual, usage) {
      await settleOne(id, actual, usage);
    },

    async creditEstimates(name, since) {
      const used = [keys.counters, keys.usage, keys.estimates, keys.estimated, keys.near, keys.ranks];
      const at = used.map((key) => key(name));
      const [tokens, microUsd] = await creditEstimates(at, name, estimateMinute(since), keys.all(name));
      return { tokens, microUsd };
    },

    async settleStale(prefix, olderThanMs) {
      const foundAt = now();
      const found = await Promise.all(keys.partitions.map(({ open }) => stale([open], olderThanMs)));
      const ids = found.flat().filter((id) => id.startsWith(prefix));
      // One that was settled meanwhile is unknown to the script, and counts as none.
      const settled = await Promise.all(
        ids.map(async (id) => await settleOne(id, "reserved", lostUsage(id, await held(id), foundAt))),
      );
      return settled.reduce((sum, one) => sum + one, 0);
    },

    async unsettled(prefix) {
      const found = await answered(redis, "store_unreadable", () =>
        Promise.all(keys.partitions.map(({ open }) => redis.zrange(open, 0, -1))),
      );
      return found.flat().filter((id): id is LedgerName => id.startsWith(prefix));
    },

    held,

    async used(counter, period) {
      const [used, reserved] = await answered(redis, "store_unwritable", () =>
        redis.hmget(keys.counters(counter), `${counter} ${period} used`, `${counter} ${period} reserved`),
      );
      return { used: Number(used ?? 0), reserved: Number(reserved ?? 0) };
    },

    async usage(name, from, to) {
      const fields = await answered(redis, "store_unwritable", () => redis.hgetall(keys.usage(name)));
      return usageRows(name, fields).filter(({ day }) => day >= from && day <= to);
    },

    ...createRedisOverview(redis, keys, now),

    async forget(prefix) {
      const { counters, usage, texts, reservations, estimates, expiry, open, estimated, near, ranks, names } = keys;
      const all = [counters, usage, texts, reservations, estimates, expiry, open, estimated, near, ranks, names];
      await forget(
        all.map((key) => key(prefix)),
        prefix,
      );
    },

    async get(name) {
      return (await get([keys.texts(name)], name)) ?? undefined;
    },

    async put(name, text, ttlMs) {
      await put([keys.texts(name), keys.expiry(name)], name, text === undefined ? "0" : "1", text ?? "", ttlMs ?? "");
    },

    async replace(name, expected, text, ttlMs) {
      const given = [expected, text].flatMap((one) => [one === undefined ? "0" : "1", one ?? ""]);
      return (await replace([keys.texts(name), keys.expiry(name)], name, ...given, ttlMs ?? "")) === 1;
    },

    async claim(name, { owner, ttlMs, note }) {
      const [granted, text] = await claim(
        [keys.claims(name), keys.ending(name)],
        name,
        owner,
        ttlMs ?? "",
        note === undefined ? "" : `=${note}`,
      );
      if (granted === 0) return { granted: false, owner: text ?? "" };
      return text === null ? { granted: true } : { granted: true, abandoned: text };
    },

    async renew(name, { owner, ttlMs, note, from = owner }) {
      const at = [keys.claims(name), keys.ending(name)];
      return (await renew(at, name, owner, ttlMs ?? "", note === undefined ? "" : `=${note}`, from)) === 1;
    },

    async holder(name) {
      return (await holder([keys.claims(name)], name)) ?? undefined;
    },

    async release(name, owner) {
      await release([keys.claims(name), keys.ending(name)], name, owner);
    },

    async abandoned(isGone) {
      const found = await Promise.all(keys.partitions.map((at) => ending([at.claims, at.ending])));
      return found
        .flat()
        .filter(([, owner, expired]) => expired === 1 || isGone(owner))
        .map(([name, owner, , note]): Abandoned => ({ name, owner, note: note ?? undefined }));
    },

    async check() {
      await answered(redis, "store_unwritable", () => redis.set(keys.check, "written"));
    },

    async close() {},
  };
}
