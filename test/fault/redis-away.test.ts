import { execFile } from "node:child_process";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRedis, type RedisStores } from "../../adapters/node/redis/redis.ts";
import { isProblem } from "../../src/errors.ts";
import type { LedgerName } from "../../src/ports.ts";
import type { RevocationRecord } from "../../src/storage/keyspace.ts";
import { chargeCounter } from "../charge-counter.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";

const run = promisify(execFile);
const counter: LedgerName = "ai-key:a/tokens";
const period = "2026-11";
const id = (i: number): LedgerName => `ai-key:a/reservation:${i}`;
const event = (i: number) => ({
  phase: "event" as const,
  action: "agent.create",
  actor: "cli",
  operationId: `op-${i}`,
});
const record = (i: number): RevocationRecord => ({
  id: `r${i}`,
  aiProviderId: "p",
  remoteId: "remote",
  agentId: "agent",
  attempts: 0,
  lastError: "",
  createdAt: "2026-11-22T18:00:00.000Z",
});

/** A second to be refused in, and room for a busy machine. */
const promptly = 1_500;

async function timed(work: () => Promise<unknown>): Promise<{ code: string; ms: number }> {
  const begun = performance.now();
  const code = await work().then(
    () => "done",
    (error: unknown) => (isProblem(error) ? error.code : String(error)),
  );
  return { code, ms: performance.now() - begun };
}

/** A way to Redis on which what is open now can fall silent, with no end and no error, while new connections pass. */
async function startPath(url: string): Promise<{ url: string; vanish(): void; close(): void }> {
  const open = new Set<Socket>();
  const path = createServer((near) => {
    const far = connect(Number(new URL(url).port), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (data) => open.has(from) && to.write(data));
      from.on("error", () => {});
      from.on("close", () => open.has(from) && to.destroy());
    }
  });
  await new Promise<void>((resolve) => path.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(path.address() as AddressInfo).port}`,
    vanish: () => open.clear(),
    close: () => path.close(),
  };
}

describe.skipIf(!hasRedis)("while Redis is away", () => {
  let server: RedisServer;
  let stores: RedisStores;

  beforeEach(async () => {
    server = await startRedis();
    stores = await openRedis({ url: server.url, clock: { now: Date.now } });
  });
  afterEach(async () => {
    await stores.close();
    await server.dispose();
  });

  async function heals(): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if ((await timed(() => stores.ledger.check())).code === "done") return;
      await sleep(100);
    }
    throw new Error("it did not heal within 10 s");
  }

  const changes = (): [string, () => Promise<unknown>][] => [
    ["store_unwritable", () => stores.ledger.check()],
    ["store_unwritable", () => stores.ledger.take("key:a/rate", { limit: 10, windowMs: 60_000 })],
    ["store_unwritable", () => stores.ledger.reserve(id(-1), [{ counter, period, limit: null, amount: 1 }])],
    ["store_unwritable", () => stores.ledger.claim("agent:a/claim", { owner: "a", ttlMs: 1000 })],
    ["store_unwritable", () => stores.records.set("revocations", "r1", record(1))],
    ["store_unwritable", () => stores.records.remove("revocations", "r1")],
    ["audit_unwritable", () => stores.audit.append(event(-1))],
    ["audit_unwritable", () => stores.audit.check()],
  ];
  const reads = (): [string, () => Promise<unknown>][] => [
    ["store_unwritable", () => stores.ledger.get("key:a/state")],
    ["store_unwritable", () => stores.ledger.used(counter, period)],
    ["store_unreadable", () => stores.records.get("revocations", "r1")],
    ["store_unreadable", () => stores.records.list("revocations")],
    ["store_unreadable", () => stores.audit.read({ limit: 1 })],
    ["store_unreadable", () => stores.audit.verify()],
  ];

  async function allRefused(calls: [string, () => Promise<unknown>][]): Promise<void> {
    const answers = await Promise.all(calls.map(([, call]) => timed(call)));
    expect(answers.map(({ code }) => code)).toEqual(calls.map(([code]) => code));
    for (const { ms } of answers) expect(ms).toBeLessThan(promptly);
  }

  it("loses nothing that it answered when it is killed under load, refuses the rest at once, and heals", async () => {
    const answered = {
      reserved: new Set<number>(),
      settled: new Set<number>(),
      put: new Set<number>(),
      events: new Set<number>(),
    };
    let next = 0;
    let refused = 0;
    let slowest = 0;
    let stop = false;

    const attempt = async (done: Set<number>, i: number, work: () => Promise<unknown>) => {
      const { code, ms } = await timed(work);
      slowest = Math.max(slowest, ms);
      if (code === "done") done.add(i);
      else {
        expect(code).toMatch(/^(store|audit)_unwritable$/);
        refused++;
        await sleep(10);
      }
    };
    const caller = async () => {
      while (!stop) {
        const i = next++;
        await attempt(answered.reserved, i, () =>
          stores.ledger.reserve(id(i), [{ counter, period, limit: null, amount: 10 }]),
        );
        await attempt(answered.events, i, () => stores.audit.append(event(i)));
        await attempt(answered.put, i, () => stores.records.set("revocations", `r${i}`, record(i)));
        if (i % 3 > 0) await attempt(answered.settled, i, () => stores.ledger.settle(id(i), { [counter]: 7 }));
      }
    };
    const load = Promise.all(Array.from({ length: 16 }, caller));

    for (let round = 0; round < 2; round++) {
      await sleep(300);
      await server.kill();
      await sleep(200);
      await allRefused([...changes(), ...reads()]);
      const before = answered.events.size;
      await server.start();
      await heals();
      await sleep(300);
      expect(answered.events.size).toBeGreaterThan(before);
    }
    stop = true;
    await load;

    expect(refused).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(promptly);
    const redis = new Redis(server.url);
    const [key = ""] = await redis.keys("*:reservations:ai-key:a");
    const open = new Set((await redis.hkeys(key)).map((name) => Number(name.split(":").at(-1))));
    redis.disconnect();
    expect([...answered.settled].filter((i) => open.has(i))).toEqual([]);
    const state = await stores.ledger.used(counter, period);
    expect(state.reserved).toBe(10 * open.size);
    expect(state.used % 7).toBe(0);
    // A refusal may have come after the deed, so that there can be more than was answered, and never less.
    expect(state.used / 7).toBeGreaterThanOrEqual([...answered.settled].filter((i) => answered.reserved.has(i)).length);
    expect(state.used / 7 + open.size).toBeGreaterThanOrEqual(answered.reserved.size);

    const listed = new Set((await stores.records.list("revocations")).items.map((item) => item.id));
    expect([...answered.put].filter((i) => !listed.has(`r${i}`))).toEqual([]);

    expect(await stores.audit.verify()).toMatchObject({ ok: true });
    const { events } = await stores.audit.read({ limit: 1_000_000 });
    const written = new Set(events.map(({ operationId }) => operationId));
    expect([...answered.events].filter((i) => !written.has(`op-${i}`))).toEqual([]);
  });

  it("refuses within a second when it is frozen, and heals when it goes on", async () => {
    server.freeze();
    await allRefused(changes());
    await allRefused(reads());
    await sleep(2_000);
    await allRefused(changes());
    server.resume();
    await heals();
    await stores.audit.append(event(1));
    expect(await stores.audit.verify()).toMatchObject({ ok: true });
  });

  it("starts all the same, and works once it is there", async () => {
    await server.kill();
    const early = await openRedis({ url: server.url, clock: { now: Date.now } });
    expect(await timed(() => chargeCounter(early.ledger, "key:a/agents", "all", 1))).toMatchObject({
      code: "store_unwritable",
    });
    await server.start();
    await sleep(2_000);
    await early.ledger.check();
    // A refused reservation is not done behind the caller's back.
    expect(await early.ledger.used("key:a/agents", "all")).toEqual({ used: 0, reserved: 0 });
    await early.close();
  });

  it("leaves a connection whose other end vanished without a word", async () => {
    const path = await startPath(server.url);
    const far = await openRedis({ url: path.url, clock: { now: Date.now } });
    await far.ledger.check();
    path.vanish();
    expect(await timed(() => far.ledger.check())).toMatchObject({ code: "store_unwritable" });
    await sleep(500);
    await far.ledger.check();
    await far.close();
    path.close();
  });

  it("refuses changes on a replica, and goes on where it is primary again", async () => {
    const redis = new Redis(server.url);
    await redis.replicaof("127.0.0.1", 1);
    await allRefused(changes());
    await redis.replicaof("NO", "ONE");
    redis.disconnect();
    await heals();
  });

  it("refuses reservations without memory, and still settles those that it gave", async () => {
    await stores.ledger.reserve(id(1), [{ counter, period, limit: 100, amount: 60 }]);
    const redis = new Redis(server.url);
    await redis.config("SET", "maxmemory", "1mb");
    const full = changes().filter(([, call]) => !String(call).includes("remove"));
    await allRefused(full);
    await stores.ledger.settle(id(1), { [counter]: 42 });
    await redis.config("SET", "maxmemory", "0");
    redis.disconnect();
    expect(await stores.ledger.used(counter, period)).toEqual({ used: 42, reserved: 0 });
    await heals();
  });

  it("lets two processes have exactly what there is, and chains what both write", async () => {
    const child = join(import.meta.dirname, "children", "redis-reserve.ts");
    const [mine, ...theirs] = await Promise.all([
      Promise.all(Array.from({ length: 200 }, (_, i) => stores.audit.append(event(i)))),
      ...["a", "b"].map((name) => run(process.execPath, [child, server.url, name, "250"])),
    ]);
    expect(mine).toHaveLength(200);
    expect(theirs.reduce((sum, { stdout }) => sum + Number(stdout), 0)).toBe(100);
    expect(await stores.ledger.used(counter, period)).toEqual({ used: 1000, reserved: 0 });
  });
});
