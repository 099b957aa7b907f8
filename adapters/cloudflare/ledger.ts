import { inTurn } from "../../src/domain/in-turn.ts";
import type { ProblemCode } from "../../src/errors.ts";
import type { Abandoned, Clock, Ledger, LedgerName, Reserved } from "../../src/ports.ts";
import { answered } from "./answered.ts";
import type { LedgerObject } from "./ledger-object.ts";
import type { Leftovers } from "./leftovers.ts";

type Stub = DurableObjectStub<LedgerObject>;
type Claimed = Awaited<ReturnType<Ledger["claim"]>>;

/** One run of the cron visits this many objects: a Worker's invocation has a budget of subrequests. */
const visitsPerRun = 100;
/** Rewritten by each check, in an object of its own. */
const written: LedgerName = "check/written";
/** Sums up what the objects hold, which they tell it by alarm. */
const fleetName: LedgerName = "fleet/usage";
/** The upper bound of the age of counts that the objects have not told yet. */
const lateMs = 30_000;
const shardOf = (name: LedgerName): string => name.slice(0, name.indexOf("/"));

/**
 * The `Ledger` over Durable Objects: one object a shard, one round trip a call. Nothing is remembered here, so that
 * every isolate sees the same.
 */
export function createDurableLedger({
  objects,
  leftovers,
  clock,
}: {
  objects: DurableObjectNamespace<LedgerObject>;
  leftovers: Pick<Leftovers, "objects">;
  clock: Clock;
}): Ledger {
  const shard = (name: LedgerName): Stub => objects.get(objects.idFromName(shardOf(name)));

  const fleet = objects.idFromName(shardOf(fleetName)).toString();

  /** Nobody can ask one whose note an earlier deployment left: its objects went with it. */
  function noted(id: string): Stub[] {
    try {
      return [objects.get(objects.idFromString(id))];
    } catch (cause) {
      console.error("a note is of no object of this deployment", id, String(cause));
      return [];
    }
  }

  /** One that does not answer keeps none of the others waiting. */
  async function visit<T>(work: (shard: Stub) => Promise<T>): Promise<T[]> {
    const ids = inTurn(await leftovers.objects(), visitsPerRun, clock.now());
    const visits = await Promise.allSettled(ids.flatMap(noted).map(work));
    const failed = visits.filter((one) => one.status === "rejected");
    if (failed.length > 0 && failed.length === visits.length) throw failed[0]!.reason;
    for (const { reason } of failed) console.error("an object that left a note could not be asked", String(reason));
    return visits.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  return {
    take: (bucket, rule, cost = 1) =>
      answered("store_unwritable", () => shard(bucket).take(clock.now(), bucket, rule, cost)),
    seen: (bucket) => again("store_unreadable", () => shard(bucket).seen(clock.now(), bucket)),
    reserve: (id, entries, expect) =>
      again<Reserved>("store_unwritable", () => shard(id).reserve(clock.now(), fleet, id, entries, expect)),
    settle: (id, actual, usage) =>
      again("store_unwritable", () => shard(id).settle(clock.now(), fleet, id, actual, usage)),
    // Not repeated: it would find nothing more to give back, and say so.
    creditEstimates: (name, since) =>
      answered("store_unwritable", () => shard(name).creditEstimates(clock.now(), fleet, name, since)),
    used: (counter, period) => again("store_unreadable", () => shard(counter).used(clock.now(), counter, period)),
    topUsage: (query) =>
      again("store_unreadable", async () => {
        const now = clock.now();
        return { groups: await shard(fleetName).topUsage(now, query), asOf: now - lateMs };
      }),
    nearLimit: (query) =>
      again("store_unreadable", async () => {
        const now = clock.now();
        return { near: await shard(fleetName).nearLimit(now, query), asOf: now - lateMs };
      }),
    usage: (name, from, to) => again("store_unreadable", () => shard(name).usage(clock.now(), name, from, to)),
    forget: (prefix) => again("store_unwritable", () => shard(prefix).forget(clock.now(), fleet, prefix)),
    get: (name) => again("store_unreadable", () => shard(name).readText(clock.now(), name)),
    async getMany(names) {
      const [first] = names;
      if (first === undefined) return [];
      return await again("store_unreadable", () => shard(first).readTexts(clock.now(), names));
    },
    put: (name, text, ttlMs) => again("store_unwritable", () => shard(name).writeText(clock.now(), name, text, ttlMs)),
    replace: (name, expected, text, ttlMs) =>
      again("store_unwritable", () => shard(name).replaceText(clock.now(), name, expected, text, ttlMs)),
    renew: (name, claim) => again("store_unwritable", () => shard(name).renew(clock.now(), name, claim)),
    holder: (name) => again("store_unreadable", () => shard(name).holder(clock.now(), name)),
    claim: (name, claim) => again<Claimed>("store_unwritable", () => shard(name).claim(clock.now(), name, claim)),
    release: (name, owner) => again("store_unwritable", () => shard(name).release(clock.now(), name, owner)),

    settleStale: (prefix, olderThanMs) =>
      again("store_unwritable", async () => {
        const settled = await visit((object) => object.settleStale(clock.now(), prefix, olderThanMs, fleet));
        return settled.reduce((sum, count) => sum + count, 0);
      }),
    abandoned: (isGone) =>
      again("store_unreadable", async () => {
        const leases = (await visit((object) => object.endingLeases(clock.now()))).flat();
        return leases
          .filter(({ expired, owner }) => expired || isGone(owner))
          .map(({ name, owner, note }): Abandoned => ({ name, owner, note }));
      }),

    check: () => again("store_unwritable", () => shard(written).writeText(clock.now(), written, "1")),
    close: async () => {},
  };
}

/** A call that may be repeated and counts once: an object that moves or restarts refuses its calls for a moment. */
const again = <T>(code: ProblemCode, call: () => PromiseLike<T>): Promise<T> =>
  answered(code, async () => {
    try {
      return await call();
    } catch (error) {
      const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean };
      if (!retryable || overloaded) throw error;
      return await call();
    }
  });
