import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger, type SqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";

const counter = "ai-key:a/tokens" as const;
const state = { name: "ai-key:a/state", text: "active" } as const;
const period = "2026-11";

interface Busy {
  process: ChildProcess;
  said: string[];
  /** Resolves once it is gone and all that it said is here. */
  ended: Promise<unknown>;
}

describe("a process that holds a quota lease", () => {
  let directory: string;
  let path: string;
  let ledger: SqliteLedger;
  const started: Busy[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "ledger-"));
    path = join(directory, "ledger.sqlite");
    ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
    await ledger.put(state.name, state.text);
  });
  afterEach(async () => {
    for (const { process } of started) process.kill("SIGKILL");
    await Promise.all(started.splice(0).map(({ ended }) => ended));
    await ledger.close();
    rmSync(directory, { recursive: true });
  });

  function start(name: string, limit: number, used = 7): Busy {
    const script = join(import.meta.dirname, "children", "ledger-lease.ts");
    const args = [script, path, name, String(limit), String(used)];
    const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const said: string[] = [];
    const lines = createInterface({ input: process_.stdout }).on("line", (line) => said.push(line));
    const ended = Promise.all([
      new Promise((resolve) => process_.once("close", resolve)),
      new Promise((resolve) => lines.once("close", resolve)),
    ]);
    const busy = { process: process_, said, ended };
    started.push(busy);
    return busy;
  }

  function leased(): number {
    const db = new DatabaseSync(path);
    const { sum } = db.prepare("SELECT sum(leased) AS sum FROM counters").get() as { sum: number | null };
    db.close();
    return sum ?? 0;
  }
  const count = ({ said }: Busy, kind: "r" | "s") => said.filter((line) => line.startsWith(`${kind} `)).length;
  const reserve = (id: string, amount: number, limit: number) =>
    ledger.reserve(`ai-key:a/reservation:parent-1.run-${id}`, [{ counter, period, limit, amount }], state);

  it("is charged what it granted, and what was left of the lease, when it is killed; others go on to the limit", async () => {
    const limit = 1_000_000;
    const killed = start("killed-1", limit);
    const living = start("living-2", limit);
    await expect.poll(() => Math.min(count(killed, "r"), count(living, "r")), { timeout: 20_000 }).toBeGreaterThan(300);
    // A lease is given back within milliseconds: the one of a process that is killed stays.
    killed.process.kill("SIGSTOP");
    const frozen = () => killed.said.length;
    const before = frozen();
    await expect.poll(() => frozen() === before && count(living, "r") > 600, { timeout: 20_000 }).toBe(true);
    killed.process.kill("SIGKILL");
    await killed.ended;
    const atLeast = 10 * count(killed, "r") - 3 * count(killed, "s");

    const lost = (await ledger.unsettled!("ai-key:a/reservation:killed-1.")).length;
    for (const id of await ledger.unsettled!("ai-key:a/reservation:killed-1.")) await ledger.settle(id, "reserved");
    // Its lease, and the requests that had rows of their own.
    expect(lost).toBeGreaterThan(0);
    living.process.kill("SIGKILL");
    await living.ended;
    for (const id of await ledger.unsettled!("ai-key:a/reservation:living-2.")) await ledger.settle(id, "reserved");
    expect(leased()).toBe(0);
    const { used, reserved } = await ledger.used(counter, period);
    expect(reserved).toBe(0);
    expect(used).toBeGreaterThanOrEqual(atLeast + 10 * count(living, "r") - 3 * count(living, "s"));
    // Each process may have held a lease of 64 requests, and one request of which it did not say any more.
    expect(used).toBeLessThanOrEqual(10 * (count(killed, "r") + count(living, "r")) + 2 * 65 * 10);

    expect(await reserve("over", limit - used + 1, limit)).toMatchObject({ outcome: "exceeded" });
    expect(await reserve("rest", limit - used, limit)).toEqual({ outcome: "reserved" });
  }, 60_000);

  it("gives back within a second what another needs, however busy it is", async () => {
    const limit = 100_000;
    const busy = start("busy-1", limit, 0);
    await expect.poll(leased, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
    for (let round = 0; round < 10; round++) {
      const before = count(busy, "r");
      await expect.poll(leased, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
      // It has a request under way, and perhaps another of which it has yet to write that it is settled.
      expect(await reserve(String(round), limit - 50, limit)).toEqual({ outcome: "reserved" });
      await ledger.settle(`ai-key:a/reservation:parent-1.run-${round}`, {});
      await expect.poll(() => count(busy, "r"), { timeout: 20_000 }).toBeGreaterThan(before);
    }
    expect(busy.said).not.toContain("full");
  }, 60_000);

  it("is told of a revocation by the next request", async () => {
    const busy = start("busy-1", 1_000_000);
    await expect.poll(leased, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
    await ledger.put(state.name, "revoked");
    await busy.ended;
    expect(busy.said.at(-1)).toMatch(/^changed$|^s /);
    expect(busy.said).toContain("changed");
    const { reserved } = await ledger.used(counter, period);
    expect(reserved).toBe(0);
    expect((await ledger.used(counter, period)).used).toBe(7 * count(busy, "r"));
  }, 60_000);

  it("ends exactly at the limit, by several processes at once, and refuses nothing that fits", async () => {
    const limit = 20_000;
    const busy = ["one-1", "two-2", "three-3"].map((name) => start(name, limit, 10));
    await Promise.all(busy.map(({ ended }) => ended));
    for (const { said } of busy) expect(said).toContain("full");
    expect(busy.reduce((sum, one) => sum + count(one, "r"), 0)).toBe(limit / 10);
    expect(await ledger.used(counter, period)).toEqual({ used: limit, reserved: 0 });
    const [{ requests, tokens } = {}] = await ledger.usage("ai-key:a/usage", "2026-11-22", "2026-11-22");
    expect({ requests, tokens }).toEqual({ requests: limit / 10, tokens: limit });
  }, 60_000);
});
