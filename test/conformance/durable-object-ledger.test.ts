import { afterAll, beforeAll, expect, it } from "vitest";
import { staleReservationMs } from "../../src/domain/quota.ts";
import type { Abandoned, Clock, Ledger, LedgerName } from "../../src/ports.ts";
import { addressFailures } from "../../src/storage/ledger-names.ts";
import { durableLedger } from "./durable-ledger.ts";
import { use } from "./ledger/fresh-ledger.ts";
import { testLedger } from "./ledger.ts";
import { settableClock } from "./settable-clock.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "./worker-ports.ts";

let ports: WorkerPorts;
beforeAll(async () => {
  ports = await startWorkerPorts();
});
afterAll(() => ports.dispose());

const handle = (scope: string, clock: Clock): Ledger => durableLedger(ports, scope, clock);

const until = async <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> => {
  for (let tries = 0; ; tries++) {
    const value = await read();
    if (holds(value) || tries > 100) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
// First of all: what the others leave for half a minute would leave notes as well.
it("finds a claim that ran out by the note that its object leaves, and takes the note back when it is dealt with", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const left = ports.handle("left", scope, clock.now);
  const notes = () => left<string[]>("notes", []);
  const abandoned = () => left<Abandoned[]>("abandoned", []);
  const ttlMs = 60_000;
  await ledger.claim("agent:a/claim", { owner: "a", ttlMs, note: "op-a" });
  await ledger.claim("agent:b/claim", { owner: "b", ttlMs });
  await ledger.release("agent:b/claim", "b");
  expect(await notes()).toEqual([]);
  // An object's alarm goes by the machine's time, and comes no earlier than something of its own ends.
  const soonMs = 100;
  await ledger.put("agent:b/text" as LedgerName, "gone by then", soonMs);
  expect(await ledger.renew("agent:a/claim", { owner: "a", ttlMs: soonMs })).toBe(true);
  clock.set(clock.now() + soonMs);
  expect(await until(notes, (names) => names.length > 0)).toHaveLength(1);
  // The one that was released left nothing, and its emptied object serves on.
  expect(await ledger.claim("agent:b/claim", { owner: "c", ttlMs: null })).toEqual({ granted: true });
  expect(await abandoned()).toEqual([{ name: "agent:a/claim", owner: "a", note: "op-a" }]);
  expect(await notes()).toHaveLength(1);
  await ledger.release("agent:a/claim", "a");
  expect(await abandoned()).toEqual([]);
  expect(await notes()).toEqual([]);
});

testLedger("Durable Object", async () => {
  const scope = freshScope();
  const clock = settableClock();
  return { ledger: handle(scope, clock), second: handle(scope, clock), clock, dispose: async () => {} };
});

/** As the first release made it. */
const version1 = `
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, taken INTEGER NOT NULL, window INTEGER NOT NULL,
    count INTEGER NOT NULL, last INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hits (bucket TEXT NOT NULL, at INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (bucket, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (name TEXT NOT NULL, period TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, period)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, at INTEGER NOT NULL, entries TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage (name TEXT NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    requests INTEGER NOT NULL, inputTokens INTEGER NOT NULL, outputTokens INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, day, model)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, expires INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL, note TEXT, expires INTEGER) WITHOUT ROWID;
  INSERT INTO counters VALUES ('ai-key:a/tokens', '2026-11', 40, 60);
  INSERT INTO reservations VALUES ('ai-key:a/reservation:1', 1, '[{"counter":"ai-key:a/tokens","period":"2026-11","amount":60}]');
  INSERT INTO usage VALUES ('ai-key:a/usage', '2026-11-22', 'm', 1, 30, 10, 40);
  INSERT INTO texts VALUES ('ai-key:a/state', 'active', NULL);
`;

/** As the release 1.0.0 made it, with a row in every table. */
const version2 = `
  ${version1}
  CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID;
  INSERT INTO schema_version VALUES (2);
  ALTER TABLE usage ADD COLUMN estimatedTokens INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE estimates (name TEXT NOT NULL, minute INTEGER NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    counter TEXT NOT NULL, periods TEXT NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, minute, day, model, counter, periods)) WITHOUT ROWID;
  UPDATE usage SET estimatedTokens = 15;
  INSERT INTO estimates VALUES ('ai-key:a/usage', 60000, '2026-11-22', 'm', 'ai-key:a/tokens', '2026-11', 15);
`;

it.each([
  ["1", version1],
  ["2", version2],
])("brings an object of version %s up to date, and keeps all that is in it", async (version, made) => {
  const scope = freshScope();
  const clock = settableClock();
  const now = Date.UTC(2026, 10, 22, 18);
  clock.set(now);
  const ledger = handle(scope, clock);
  await ports.handle(
    "ledger",
    scope,
    clock.now,
  )("forge", [
    "ai-key:a",
    `${made}
     INSERT INTO buckets VALUES ('ai-key:a/rate', 2, 60000, 3, ${now});
     INSERT INTO hits VALUES ('ai-key:a/rate', ${now}, 2);
     INSERT INTO claims VALUES ('ai-key:a/claim', 'a', 'op', NULL);`,
  ]);
  expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 40, reserved: 60 });
  expect(await ledger.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toMatchObject([
    { day: "2026-11-22", model: "m", requests: 1, inputTokens: 30, outputTokens: 10, tokens: 40 },
  ]);
  expect(await ledger.get("ai-key:a/state")).toBe("active");
  expect(await ledger.claim("ai-key:a/claim", { owner: "b", ttlMs: 1 })).toEqual({ granted: false, owner: "a" });
  expect(await ledger.seen("ai-key:a/rate")).toEqual({ count: 3, lastAt: now });
  expect(await ledger.take("ai-key:a/rate", { limit: 3, windowMs: 60_000 })).toMatchObject({ remaining: 0 });
  await ledger.settle("ai-key:a/reservation:1", { "ai-key:a/tokens": 50 });
  expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 90, reserved: 0 });
  expect(await ledger.creditEstimates("ai-key:a/usage", 0)).toMatchObject({ tokens: version === "2" ? 15 : 0 });
});

it("tells of what an object of release 1.0.0 had counted, once it counts again", async () => {
  const scope = freshScope();
  const clock = settableClock();
  clock.set(Date.UTC(2026, 10, 22, 18));
  const ledger = handle(scope, clock);
  const earlier = "INSERT INTO usage VALUES ('ai-key:a/usage', '2026-11-20', 'm', 2, 5, 5, 10, 0)";
  await ports.handle("ledger", scope, clock.now)("forge", ["ai-key:a", `${version2}; ${earlier}`]);
  await ledger.settle("ai-key:a/reservation:1", { "ai-key:a/tokens": 50 });
  const query = {
    prefix: "ai-key:",
    from: "2026-11-01",
    to: "2026-11-30",
    by: "day",
    orderBy: "key",
    limit: 9,
  } as const;
  const days = await until(
    async () => (await ledger.topUsage(query)).groups,
    (groups) => groups.length > 0,
  );
  expect(days).toMatchObject([
    { key: "2026-11-20", requests: 2, tokens: 10 },
    { key: "2026-11-22", requests: 1, tokens: 40, estimatedTokens: 15 },
  ]);
});

it("wakes an object that was emptied while it was called, for what comes after", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const send = ports.handle("ledger", scope, clock.now);
  const hold = { counter: "ai-key:a/tokens", period: "2026-11", amount: 1, limit: 10 } as const;
  await ledger.reserve("ai-key:a/reservation:1", [hold]);
  await ledger.forget("ai-key:a/");
  // While the alarm tells of it.
  await Promise.all([send("alarm", ["ai-key:a"]), ledger.put("ai-key:a/state", undefined, 600_000)]);
  await ledger.claim("ai-key:a/claim", { owner: "a", ttlMs: 1_200_000 });
  expect(await send("alarmTime", ["ai-key:a"])).toEqual(expect.any(Number));
});

it("leaves an object of a newer release as it is", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const forge = ports.handle("ledger", scope, clock.now);
  const newer =
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID; INSERT INTO schema_version VALUES (999)";
  await forge("forge", ["ai-key:a", `${version1}; ${newer}`]);
  const refused = await ledger.used("ai-key:a/tokens", "2026-11").catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "store_unreadable" });
  expect(String((refused as Error).cause)).toContain("written by a newer release (version 999");
});

it("nothing stays of the addresses that failed, once their window has passed", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const send = ports.handle("ledger", scope, clock.now);
  const names = [addressFailures("203.0.113.1"), addressFailures("2001:db8::1"), "key:k/rate"] as const;
  for (const name of names) {
    await ledger.take(name, { limit: 3, windowMs: 60_000 });
    clock.set(clock.now() + 60_000);
    // The alarm takes its time from the last call.
    await ledger.release(name, "nobody");
    await send("alarm", [name.replace(/\/.*/, "")]);
  }
  const seen = await Promise.all(names.map((name) => ledger.seen(name)));
  expect(seen.map(({ count }) => count)).toEqual([0, 0, 1]);
});

it("charges what a dead isolate held as lost, which a credit gives back", async () => {
  const scope = freshScope();
  const clock = settableClock();
  clock.set(Date.UTC(2026, 10, 22, 18));
  const ledger = handle(scope, clock);
  const held = { counter: "ai-key:a/tokens", period: "2026-11", amount: 60, limit: 100 } as const;
  await ledger.reserve("ai-key:a/reservation:worker-1.run-0", [held]);
  clock.set(clock.now() + staleReservationMs + 1);
  expect(await ledger.settleStale("ai-key:", staleReservationMs)).toBe(1);
  expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 60, reserved: 0 });
  expect(await ledger.usage("ai-key:a/usage", "2026-11-22", "2026-11-22")).toMatchObject([
    { model: "(lost)", requests: 1, tokens: 60, estimatedTokens: 60 },
  ]);
  expect(await ledger.creditEstimates("ai-key:a/usage", 0)).toMatchObject({ tokens: 60 });
  expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 0, reserved: 0 });
});

it("settles what the others left where a note is of an object that cannot be asked", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const left = ports.handle("left", scope, clock.now);
  const kv = await ports.kv();
  // The namespace of an earlier deployment, whose objects went with it.
  const foreign = `leftover:shard:${"0".repeat(64)}`;
  await kv.put(foreign, "1");
  try {
    const soonMs = 100;
    await ledger.claim("agent:f/claim", { owner: "f", ttlMs: soonMs, note: "op-f" });
    clock.set(clock.now() + soonMs);
    const found = await until(
      () => left<Abandoned[]>("abandoned", []),
      (leases) => leases.some(({ owner }) => owner === "f"),
    );
    expect(found).toContainEqual({ name: "agent:f/claim", owner: "f", note: "op-f" });
    await ledger.release("agent:f/claim", "f");
    await left("abandoned", []);
  } finally {
    await kv.delete(foreign);
  }
});

it("tells of what an object holds while KV refuses to have its note removed", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  await ledger.claim("agent:g/claim", { owner: "g", ttlMs: 60_000 });
  await ports.handle("ledger", scope, clock.now)("refuseDeletions", ["agent:g"]);
  expect(await ledger.abandoned(() => true)).toEqual([{ name: "agent:g/claim", owner: "g" }]);
});

it("keeps what an agent used until the sums over all have it", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const name = "ai-key:k/usage";
  const [first, second] = ["2026-11-20", "2026-11-22"] as const;
  let requests = 0;
  async function settle(day: string): Promise<void> {
    const id: LedgerName = `ai-key:k/reservation:${++requests}`;
    await ledger.reserve(id, [{ counter: "ai-key:k/tokens", period: "2026-11", limit: null, amount: 7 }]);
    await ledger.settle(id, "reserved", { ...use(7), name, day, model: "m" });
  }
  await settle(first);
  // As one that moves to another machine.
  await ports.handle("ledger", scope, clock.now)("forge", ["ai-key:k", "UPDATE reports SET fleet = 'away'"]);
  await expect(ledger.forget(name)).rejects.toMatchObject({ code: "store_unwritable" });
  expect(await ledger.usage(name, first, second)).toMatchObject([{ day: first, tokens: 7 }]);
  await settle(second);
  await settle(first);
  await ledger.forget(name);
  expect(await ledger.usage(name, first, second)).toEqual([]);
  const query = { prefix: "ai-key:", from: first, to: second, by: "model", orderBy: "key", limit: 9 } as const;
  expect((await ledger.topUsage(query)).groups).toMatchObject([{ key: "m", tokens: 21 }]);
});
