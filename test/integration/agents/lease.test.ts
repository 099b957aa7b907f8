import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import { Problem } from "../../../src/errors.ts";
import type { Ledger } from "../../../src/ports.ts";
import type { Context } from "../../../src/service/context.ts";
import { acquireLease, type Lease } from "../../../src/service/lease.ts";
import { settableClock } from "../../conformance/settable-clock.ts";

const hourMs = 3_600_000;
const name = "agent:one/claim";
const lost = new Problem("agent_busy");

let directory: string;
let ledgers: Ledger[];
let clock: ReturnType<typeof settableClock>;
/** Milliseconds since the machine started, by a clock that nobody sets. */
let uptime: number;
let boot: string;

const open = async () => {
  const path = join(directory, "provisioning", "ledger.sqlite");
  const ledger = await openSqliteLedger({ path, clock, machineTime: { boot, nowMs: () => uptime } });
  ledgers.push(ledger);
  return ledger;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lease-"));
  clock = settableClock();
  uptime = 5_000;
  boot = "first";
  ledgers = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const ledger of ledgers) await ledger.close();
  await rm(directory, { recursive: true });
});

describe("the time by which a lease expires, on one machine", () => {
  const mine = { owner: "a", ttlMs: 30_000, note: "op" };
  const theirs = { owner: "b", ttlMs: 30_000 };

  it.each([hourMs, -hourMs])("is none that is set: by %i ms", async (step) => {
    const ledger = await open();
    await ledger.claim(name, mine);
    clock.set(clock.now() + step);
    // Also for a process that starts only then.
    for (const other of [ledger, await open()]) {
      uptime = 34_999;
      expect(await other.claim(name, theirs)).toEqual({ granted: false, owner: "a" });
      expect(await other.abandoned(() => false)).toEqual([]);
    }
    uptime = 35_000;
    expect(await ledger.abandoned(() => false)).toEqual([{ name, owner: "a", note: "op" }]);
    expect(await ledger.claim(name, theirs)).toEqual({ granted: true, abandoned: "op" });
  });

  it("goes on where the machine starts anew", async () => {
    await (await open()).claim(name, mine);
    boot = "second";
    uptime = 100;
    clock.set(clock.now() + 60_000);
    expect(await (await open()).claim(name, theirs)).toEqual({ granted: true, abandoned: "op" });
  });
});

describe("a lease", () => {
  let now: number;
  let ledger: Ledger;
  let lease: Lease;
  beforeEach(async () => {
    now = 1_000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    ledger = await open();
    const context = { ledger, clock, instance: { id: "here", isGone: () => false } } as unknown as Context;
    ({ lease } = await acquireLease(context, { name, owner: "a", note: "op-a", busy: () => lost }));
  });
  afterEach(() => lease.stop());

  it("costs nothing between two steps while it cannot have expired", async () => {
    const renew = vi.spyOn(ledger, "renew");
    now += 14_999;
    await lease.hold();
    expect(renew).not.toHaveBeenCalled();
    now += 1;
    await lease.hold();
    expect(renew).toHaveBeenCalledOnce();
    now += 14_999;
    await lease.hold();
    expect(renew).toHaveBeenCalledOnce();
  });

  it("is still its holder's after a pause in which nobody came", async () => {
    now += hourMs;
    uptime += hourMs;
    await lease.hold();
    expect(await lease.isHeld()).toBe(true);
    expect(await ledger.claim(name, { owner: "b", ttlMs: 1 })).toEqual({ granted: false, owner: "a" });
  });

  it.each(["is held by", "was held by"])("is lost for good to another, by whom it %s", async (since) => {
    now += hourMs;
    uptime += hourMs;
    expect(await ledger.claim(name, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: true, abandoned: "op-a" });
    if (since === "was held by") await ledger.release(name, "b");
    await expect(lease.hold()).rejects.toBe(lost);
    expect(lease.signal.aborted).toBe(true);
    await expect(lease.update("op-a2")).rejects.toBe(lost);
    expect(await lease.isHeld()).toBe(false);
    expect(await ledger.holder(name)).toBe(since === "is held by" ? "b" : undefined);
  });

  it("that the store cannot renew is not taken for held", async () => {
    vi.spyOn(ledger, "renew").mockRejectedValue(new Error("away"));
    await lease.hold();
    now += 15_000;
    await expect(lease.hold()).rejects.toThrow("away");
  });
});
