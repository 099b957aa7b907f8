import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger, type SqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import type { CounterReservation } from "../../src/ports.ts";
import { chargeCounter } from "../charge-counter.ts";
import { entry, requests, reservation, start, tokens, use } from "./ledger/fresh-ledger.ts";
import { settableClock } from "./settable-clock.ts";

const state = { name: "ai-key:a/state", text: "active" } as const;
const limit = 1_000_000;
const entries: CounterReservation[] = [entry(10, limit), entry(1, null, requests, "2026-11-22")];

describe("a quota lease of the node:sqlite ledger", () => {
  let directory: string;
  let ledger: SqliteLedger;
  let other: SqliteLedger;
  let file: DatabaseSync;
  let next = 0;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "ledger-"));
    const path = join(directory, "ledger.sqlite");
    const clock = settableClock();
    clock.set(start);
    [ledger, other] = await Promise.all([openSqliteLedger({ path, clock }), openSqliteLedger({ path, clock })]);
    file = new DatabaseSync(path);
    await ledger.put(state.name, state.text);
  });
  afterEach(async () => {
    if (file.isTransaction) file.exec("ROLLBACK");
    file.close();
    await Promise.all([ledger.close(), other.close()]);
    rmSync(directory, { recursive: true });
  });

  const leased = () => (file.prepare("SELECT sum(leased) AS leased FROM counters").get() as { leased: number }).leased;
  const rows = () => file.prepare("SELECT id FROM reservations WHERE id LIKE '%~'").all() as { id: string }[];
  const reserve = async (asked = entries) => {
    const id = reservation(`host-1.run-${next++}`);
    expect(await ledger.reserve(id, asked, state)).toEqual({ outcome: "reserved" });
    return id;
  };
  const settle = (id: ReturnType<typeof reservation>) => ledger.settle(id, { [tokens]: 7, [requests]: 1 }, use(7));

  /** @returns how many requests have been settled */
  async function lease(): Promise<number> {
    let count = 0;
    const settled: Promise<void>[] = [];
    for (const deadline = Date.now() + 10_000; Date.now() < deadline && (leased() === 0 || count < 20); count++) {
      settled.push(settle(await reserve()));
      // A request that comes beside others shares their transaction.
      await new Promise(setImmediate);
    }
    expect(leased()).toBeGreaterThan(0);
    await Promise.all(settled);
    return count;
  }

  it("admits a request while another process has the file", async () => {
    let count = 0;
    let isAdmitted = false;
    // On a busy machine the lease may be given back just before.
    for (let tries = 0; tries < 20 && !isAdmitted; tries++) {
      count += await lease();
      await settle(await reserve());
      file.exec("BEGIN IMMEDIATE");
      const admitted = reserve().then((id) => {
        isAdmitted ||= file.isTransaction;
        return id;
      });
      await Promise.race([admitted, new Promise((resolve) => setTimeout(resolve, 200))]);
      file.exec("ROLLBACK");
      await settle(await admitted);
      count += 2;
    }
    expect(isAdmitted).toBe(true);
    expect(await other.used(tokens, "2026-11")).toEqual({ used: 7 * count, reserved: 0 });
  });

  it("is given back when no request has come for a while, and when the ledger is closed", async () => {
    const count = await lease();
    await expect.poll(leased).toBe(0);
    expect(rows()).toEqual([]);
    const more = await lease();
    const open = await reserve();
    await ledger.close();
    expect(leased()).toBe(0);
    const used = 7 * (count + more);
    expect(await other.used(tokens, "2026-11")).toEqual({ used, reserved: 10 });
    expect(await other.unsettled!("ai-key:")).toEqual([open]);
    await other.settle(open, "reserved");
    expect(await other.used(tokens, "2026-11")).toEqual({ used: used + 10, reserved: 0 });
  });

  it("is not made of a quota near its end", async () => {
    const asked = (most: number) => [entry(10, most), ...entries.slice(1)];
    const settled: Promise<void>[] = [];
    let most = 0;
    for (let count = 0; count < 40; count++) {
      settled.push(settle(await reserve(asked(500))));
      await new Promise(setImmediate);
      most = Math.max(most, leased());
    }
    await Promise.all(settled);
    // A sixteenth of 500 tokens, and as many requests.
    expect(most).toBeLessThanOrEqual(30 + 3);
    expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 280, reserved: 0 });
    await expect.poll(leased).toBe(0);
    for (let count = 0; count < 15; count++) {
      await reserve(asked(430));
      await new Promise(setImmediate);
      expect(leased()).toBe(0);
    }
    expect(await ledger.reserve(reservation("over"), asked(430), state)).toMatchObject({ outcome: "exceeded" });
  });

  it("is as it was where a transaction is rolled back", async () => {
    const count = await lease();
    const ids = [await reserve(), await reserve(), await reserve()];
    const settled = ids.map(settle);
    const bad = chargeCounter(ledger, tokens, "all", Number.NaN);
    await expect(bad).rejects.toThrow("not an amount");
    await Promise.all(settled);
    expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 7 * (count + 3), reserved: 0 });
    expect(await ledger.used(requests, "2026-11-22")).toEqual({ used: count + 3, reserved: 0 });
    await expect.poll(rows).toEqual([]);
    expect(file.prepare("SELECT reserved FROM counters").all()).toEqual([{ reserved: 0 }, { reserved: 0 }]);
  });
});
