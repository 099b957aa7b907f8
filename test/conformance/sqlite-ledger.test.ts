import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { isProblem } from "../../src/errors.ts";
import { testLedger } from "./ledger.ts";
import { settableClock } from "./settable-clock.ts";

testLedger("node:sqlite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const path = join(directory, "provisioning", "ledger.sqlite");
  const clock = settableClock();
  const [ledger, second] = await Promise.all([openSqliteLedger({ path, clock }), openSqliteLedger({ path, clock })]);
  return {
    ledger,
    second,
    clock,
    async dispose() {
      await ledger.close();
      await second.close();
      rmSync(directory, { recursive: true });
    },
  };
});

it("a clock that was set back holds up no rate limit", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const clock = settableClock();
  const ledger = await openSqliteLedger({ path: join(directory, "ledger.sqlite"), clock });
  const rule = { limit: 2, windowMs: 60_000 };
  const take = () => ledger.take("key:k/rate", rule);
  const now = Date.UTC(2026, 10, 22, 18);
  clock.set(now + 7_200_000);
  for (const allowed of [true, true, false]) expect((await take()).allowed).toBe(allowed);
  clock.set(now);
  expect(await take()).toEqual({ allowed: true, remaining: 1, resetAt: now + 60_000 });
  expect((await take()).allowed).toBe(true);
  expect(await take()).toMatchObject({ allowed: false, resetAt: now + 60_000 });
  await ledger.close();
  rmSync(directory, { recursive: true });
});

describe("the file of the node:sqlite ledger", () => {
  let directory: string;
  let path: string;
  const clock = settableClock();
  const open = () => openSqliteLedger({ path, clock });
  const refusal = async () => {
    const error = await open().then(
      (ledger) => ledger.close(),
      (thrown: unknown) => thrown,
    );
    return isProblem(error, "store_unreadable") ? error.message : error;
  };
  const bytes = () => statSync(path).size;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ledger-"));
    path = join(directory, "provisioning", "ledger.sqlite");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function filled() {
    const ledger = await open();
    for (let i = 0; i < 200; i++) await ledger.put(`key:${i}/state`, "x".repeat(200));
    await ledger.close();
  }

  it("is private from birth, with its -wal and -shm, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      const ledger = await open();
      await ledger.put("key:a/state", "active");
      const parent = join(directory, "provisioning");
      expect(readdirSync(parent).sort()).toEqual(["ledger.sqlite", "ledger.sqlite-shm", "ledger.sqlite-wal"]);
      for (const name of readdirSync(parent)) expect(statSync(join(parent, name)).mode & 0o777).toBe(0o600);
      expect(statSync(parent).mode & 0o777).toBe(0o700);
      await ledger.close();
    } finally {
      process.umask(umask);
    }
  });

  it("keeps what was written when it is opened again", async () => {
    await filled();
    const ledger = await open();
    expect(await ledger.get("key:199/state")).toBe("x".repeat(200));
    await ledger.close();
  });

  it("does not grow with time: old periods, ended texts and empty windows are dropped", async () => {
    const ledger = await open();
    const start = clock.now();
    for (let i = 0; i < 50; i++) {
      clock.set(start + i * 60_000);
      await ledger.adjust("ai-key:a/requests", new Date(clock.now()).toISOString().slice(0, 16), 1);
      await ledger.take(`address:${i}/failures`, { limit: 5, windowMs: 60_000 });
      await ledger.put(`key:a/idempotency:${i}`, "body", 60_000);
    }
    await ledger.close();
    const db = new DatabaseSync(path);
    const rows = (table: string) => (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    expect(rows("counters")).toBe(2);
    expect(rows("texts")).toBeLessThanOrEqual(2);
    expect(rows("hits")).toBeLessThanOrEqual(2);
    db.close();
  });

  it("refuses a file that others can read, and leaves it alone", async () => {
    await filled();
    chmodSync(path, 0o640);
    expect(await refusal()).toMatch(/^provisioning\/ledger\.sqlite is open to others .*chmod 600/);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it.each([
    ["is not a database", () => writeFileSync(path, "{}".repeat(4096))],
    ["was cut in the middle", () => truncateSync(path, Math.floor(bytes() / 2))],
    ["is overwritten in the middle", () => overwrite(path)],
  ])("refuses a file that %s, naming it and the remedy", async (_, damage) => {
    await filled();
    damage();
    const before = bytes();
    expect(await refusal()).toMatch(/^provisioning\/ledger\.sqlite is damaged: stop the service, then restore/);
    expect(bytes()).toBe(before);
  });

  it("refuses a file that was emptied, rather than to begin anew", async () => {
    await filled();
    truncateSync(path, 0);
    expect(await refusal()).toMatch(/^provisioning\/ledger\.sqlite is empty: restore/);
  });

  it("fails check when the file was replaced or opened to others", async () => {
    const ledger = await open();
    chmodSync(path, 0o644);
    await expect(ledger.check()).rejects.toMatchObject({ code: "store_unreadable" });
    chmodSync(path, 0o600);
    await ledger.check();
    rmSync(path);
    await expect(ledger.check()).rejects.toMatchObject({ code: "store_unreadable" });
    await ledger.close();
  });

  it("answers store_unwritable while another holds the lock for too long, and goes on afterwards", async () => {
    const ledger = await open();
    const holder = new DatabaseSync(path);
    holder.exec("BEGIN IMMEDIATE");
    const waiting = ledger.adjust("key:a/agents", "all", 1);
    expect(await ledger.get("key:a/state")).toBeUndefined();
    await expect(waiting).rejects.toMatchObject({ code: "store_unwritable" });
    holder.exec("ROLLBACK");
    holder.close();
    await ledger.adjust("key:a/agents", "all", 1);
    expect(await ledger.used("key:a/agents", "all")).toEqual({ used: 1, reserved: 0 });
    await ledger.close();
  });

  it("finishes what was asked before close, and refuses what is asked after", async () => {
    const ledger = await open();
    const asked = Array.from({ length: 50 }, () => ledger.adjust("key:a/agents", "all", 1));
    await ledger.close();
    await Promise.all(asked);
    await expect(ledger.adjust("key:a/agents", "all", 1)).rejects.toMatchObject({ code: "store_unwritable" });
    const again = await open();
    expect(await again.used("key:a/agents", "all")).toEqual({ used: 50, reserved: 0 });
    await again.close();
  });
});

function overwrite(path: string): void {
  const db = new DatabaseSync(path);
  const { page_size: size } = db.prepare("PRAGMA page_size").get() as { page_size: number };
  const { page_count: count } = db.prepare("PRAGMA page_count").get() as { page_count: number };
  db.close();
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(size, 0xa5), 0, size, Math.floor(count / 2) * size);
  closeSync(file);
}
