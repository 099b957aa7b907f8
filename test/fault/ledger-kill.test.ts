import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { killedAfter } from "./killed-after.ts";

const run = promisify(execFile);
const child = (name: string) => join(import.meta.dirname, "children", `${name}.ts`);

describe("the node:sqlite ledger", () => {
  let directory: string;
  let path: string;
  const open = () => openSqliteLedger({ path, clock: { now: Date.now } });
  const openIds = () => {
    const db = new DatabaseSync(path);
    const ids = db.prepare("SELECT id FROM reservations").all() as { id: string }[];
    db.close();
    return new Set(ids.map(({ id }) => id.slice("ai-key:a/reservation:".length)));
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ledger-"));
    path = join(directory, "provisioning", "ledger.sqlite");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** Resolves to the lines that a child had said when it was killed. */
  const killed = (lines: number, name: string) => killedAfter(lines, child("ledger-load"), path, name);

  it("forgets nothing that it answered when its processes are killed under load", async () => {
    for (let round = 0; round < 3; round++) {
      const said = (await Promise.all([killed(400 + 137 * round, `${round}a`), killed(300, `${round}b`)])).flat();
      const reserved = said.filter((line) => line.startsWith("r ")).map((line) => line.slice(2));
      const settled = said.filter((line) => line.startsWith("s ")).map((line) => line.slice(2));

      const ledger = await open();
      const left = openIds();
      expect(settled.filter((id) => left.has(id))).toEqual([]);
      const state = await ledger.used("ai-key:a/tokens", "2026-11");
      expect(state.reserved).toBe(10 * left.size);
      expect(state.used % 7).toBe(0);
      // A settlement committed without its answer getting out is there as well, whole.
      expect(state.used / 7).toBeGreaterThanOrEqual(settled.length);
      expect(state.used / 7 + left.size).toBeGreaterThanOrEqual(reserved.length);
      expect(await ledger.settleStale("ai-key:", -1)).toBe(left.size);
      expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({
        used: state.used + 10 * left.size,
        reserved: 0,
      });
      await ledger.forget("ai-key:a/");
      await ledger.close();
    }
  });

  it("adds up what four processes write at once", async () => {
    await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, [child("ledger-charge"), path, "200"])));
    const ledger = await open();
    expect(await ledger.used("key:a/agents", "all")).toEqual({ used: 800, reserved: 0 });
    await ledger.close();
  });

  it("answers store_unwritable when the disk is full, goes on reading, and keeps what it had answered", async () => {
    const { stdout } = await run("/bin/sh", [
      "-c",
      'ulimit -f 1024; exec "$0" "$@"',
      process.execPath,
      child("ledger-fill"),
      path,
    ]);
    const told = JSON.parse(stdout) as { answered: number };
    expect(told).toMatchObject({ failure: "store_unwritable", stillReads: true, check: "store_unwritable" });
    expect(told.answered).toBeGreaterThan(10);
    const ledger = await open();
    for (let i = 0; i < told.answered; i++) expect(await ledger.get(`key:${i}/state`)).toHaveLength(4000);
    await ledger.put("key:more/state", "fits again");
    await ledger.check();
    await ledger.close();
  });
});
