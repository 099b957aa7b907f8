import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { isProblem } from "../../src/errors.ts";
import { addressFailures } from "../../src/storage/ledger-names.ts";
import { chargeCounter } from "../charge-counter.ts";
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

it("nothing stays of the addresses that failed, once their window has passed", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const path = join(directory, "ledger.sqlite");
  const clock = settableClock();
  const ledger = await openSqliteLedger({ path, clock });
  const rule = { limit: 3, windowMs: 60_000 };
  await ledger.take("key:k/rate", rule);
  const addresses = Array.from({ length: 200 }, (_, at) => `203.0.113.${at}`);
  await Promise.all(addresses.flatMap((address) => [1, 2, 3].map(() => ledger.take(addressFailures(address), rule))));
  clock.set(clock.now() + 120_000);
  // The next failure pays for the sweep: a server that is only guessed at makes no other calls.
  await ledger.take(addressFailures("198.51.100.1"), rule);
  expect(await ledger.seen("key:k/rate")).toMatchObject({ count: 1 });
  await ledger.close();
  const db = new DatabaseSync(path);
  const rows = db.prepare("SELECT bucket FROM buckets UNION ALL SELECT bucket FROM hits").all();
  db.close();
  expect(rows.map(({ bucket }) => bucket).sort()).toEqual([
    addressFailures("198.51.100.1"),
    addressFailures("198.51.100.1"),
    "key:k/rate",
  ]);
  rmSync(directory, { recursive: true });
});

it("the places of an agent and its claims, asked for one after another, are committed together", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const ledger = await openSqliteLedger({ path: join(directory, "ledger.sqlite"), clock: settableClock() });
  const run = vi.spyOn(StatementSync.prototype, "run");
  const place = [{ counter: "key:k/agents", period: "all", limit: 5, amount: 1 }] as const;
  await Promise.all([
    ledger.reserve("key:k/agent:1", [...place]),
    // A claim of a workspace looks for an older one first.
    ledger.holder("workspace//a").then(() => ledger.claim("workspace/a", { owner: "agent:a", ttlMs: null })),
  ]);
  const statements = run.mock.contexts as StatementSync[];
  expect(statements.filter(({ sourceSQL }) => sourceSQL === "COMMIT")).toHaveLength(1);
  run.mockRestore();
  await ledger.close();
  rmSync(directory, { recursive: true });
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
      await chargeCounter(ledger, "ai-key:a/requests", new Date(clock.now()).toISOString().slice(0, 16), 1);
      await ledger.take(`address:${i}/failures`, { limit: 5, windowMs: 60_000 });
      await ledger.take(`console-ocs:${i}/rate`, { limit: 5, windowMs: 60_000 });
      await ledger.put(`key:a/idempotency:${i}`, "body", 60_000);
    }
    await ledger.close();
    const db = new DatabaseSync(path);
    const rows = (table: string) => (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    expect(rows("counters")).toBe(2);
    expect(rows("texts")).toBeLessThanOrEqual(2);
    expect(rows("hits")).toBeLessThanOrEqual(4);
    expect(rows("buckets")).toBeLessThanOrEqual(4);
    db.close();
  });

  it("refuses a file that others can read, and leaves it alone", async () => {
    await filled();
    chmodSync(path, 0o644);
    expect(await refusal()).toMatch(/^provisioning\/ledger\.sqlite is open to others .*chmod 600/);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it.each([
    ["is not a database", () => writeFileSync(path, "{}".repeat(4096))],
    ["was cut in the middle", () => truncateSync(path, Math.floor(bytes() / 2))],
    ["is overwritten in the middle", () => overwrite(path)],
  ])("refuses a file that %s, naming it and the remedy", async (_, damage) => {
    await filled();
    damage();
    const before = bytes();
    expect(await refusal()).toMatch(
      /^provisioning\/ledger\.sqlite is damaged: stop the service, then restore .*; its -wal/,
    );
    expect(bytes()).toBe(before);
  });

  it("refuses a file that was emptied, rather than to begin anew", async () => {
    await filled();
    truncateSync(path, 0);
    expect(await refusal()).toMatch(/^provisioning\/ledger\.sqlite is empty: restore .*; its -wal/);
  });

  it.each([
    ["1", () => version1],
    ["2", () => version2],
  ])("brings a file of version %s up to date, and keeps all that is in it", async (version, made) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "wx", 0o600));
    const old = new DatabaseSync(path);
    old.exec(made());
    old.close();
    const now = Date.UTC(2026, 10, 22, 18);
    clock.set(now);
    // Two at once, as after a deployment: one migrates, the other waits for it.
    const [ledger, second] = await Promise.all([open(), open()]);
    expect(await ledger.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 40, reserved: 60 });
    expect(await second.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toMatchObject([
      { day: "2026-11-22", model: "m", requests: 1, inputTokens: 30, outputTokens: 10, tokens: 40 },
    ]);
    expect(await second.get("ai-key:a/state")).toBe("active");
    expect(await second.claim("agent:a/claim", { owner: "b", ttlMs: 1 })).toEqual({ granted: false, owner: "a" });
    expect(await second.seen("key:a/rate")).toEqual({ count: 3, lastAt: now });
    expect(await second.take("key:a/rate", { limit: 3, windowMs: 60_000 }, 1)).toMatchObject({ remaining: 0 });
    await ledger.settle("ai-key:a/reservation:1", { "ai-key:a/tokens": 50 });
    expect(await second.used("ai-key:a/tokens", "2026-11")).toEqual({ used: 90, reserved: 0 });
    expect(await second.creditEstimates("ai-key:a/usage", 0)).toMatchObject({ tokens: version === "2" ? 15 : 0 });
    await Promise.all([ledger.close(), second.close()]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const fresh = join(directory, "fresh.sqlite");
    await (await openSqliteLedger({ path: fresh, clock })).close();
    expect(schemaOf(path)).toEqual(schemaOf(fresh));
  });

  it("writes one that was restored by log again, also where two open it at once", async () => {
    await filled();
    // As a backup copies it.
    const copy = `${path}-copy`;
    const source = new DatabaseSync(path, { readOnly: true });
    source.prepare("VACUUM INTO ?").run(copy);
    source.close();
    chmodSync(copy, 0o600);
    rmSync(path);
    renameSync(copy, path);
    const [ledger, second] = await Promise.all([open(), open()]);
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec("BEGIN; SELECT count(*) FROM texts");
    await ledger.put("key:0/state", "written while another reads");
    expect(await second.get("key:0/state")).toBe("written while another reads");
    reader.close();
    await Promise.all([ledger.close(), second.close()]);
  });

  it("begins no new file beside the log of one that is gone, which would be written into it", async () => {
    const ledger = await open();
    for (let i = 0; i < 200; i++) await ledger.put(`key:${i}/state`, "x".repeat(200));
    // As a process leaves it that is killed.
    copyFileSync(`${path}-wal`, `${path}-kept`);
    await ledger.close();
    rmSync(path);
    renameSync(`${path}-kept`, `${path}-wal`);
    expect(await refusal()).toMatch(
      /^provisioning\/ledger\.sqlite-wal is left of a file that is gone: put that back, or/,
    );
    rmSync(`${path}-wal`);
    await (await open()).close();
  });

  it("leaves a file of a newer release as it is, and says which release to run", async () => {
    await filled();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 999");
    db.close();
    expect(await refusal()).toMatch(
      /^provisioning\/ledger\.sqlite was made by a newer release \(version 999, .*: run that release; .*left as it is$/,
    );
    expect(schemaOf(path)).toMatchObject({ version: 999 });
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
    const waiting = chargeCounter(ledger, "key:a/agents", "all", 1);
    expect(await ledger.get("key:a/state")).toBeUndefined();
    await expect(waiting).rejects.toMatchObject({ code: "store_unwritable" });
    holder.exec("ROLLBACK");
    holder.close();
    await chargeCounter(ledger, "key:a/agents", "all", 1);
    expect(await ledger.used("key:a/agents", "all")).toEqual({ used: 1, reserved: 0 });
    await ledger.close();
  });

  it("finishes what was asked before close, and refuses what is asked after", async () => {
    const ledger = await open();
    const reserve = (id: number) =>
      ledger.reserve(`key:a/op:${id}`, [{ counter: "key:a/agents", period: "all", limit: null, amount: 1 }]);
    const asked = Array.from({ length: 50 }, (_, id) => reserve(id));
    await ledger.close();
    await Promise.all(asked);
    await expect(reserve(50)).rejects.toMatchObject({ code: "store_unwritable" });
    const again = await open();
    expect(await again.used("key:a/agents", "all")).toEqual({ used: 0, reserved: 50 });
    await again.close();
  });
});

/** As the first release made it, with a row in every table. */
const version1 = `
  PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;
  CREATE TABLE buckets (bucket TEXT PRIMARY KEY, cost INT NOT NULL, busy_until INT NOT NULL, calls INT NOT NULL, last_at INT) STRICT, WITHOUT ROWID;
  CREATE TABLE hits (bucket TEXT, leaves_at INT, cost INT NOT NULL, PRIMARY KEY (bucket, leaves_at)) STRICT, WITHOUT ROWID;
  CREATE TABLE counters (counter TEXT, period TEXT, used INT NOT NULL, reserved INT NOT NULL, PRIMARY KEY (counter, period)) STRICT, WITHOUT ROWID;
  CREATE TABLE reservations (id TEXT PRIMARY KEY, entries TEXT NOT NULL, created_at INT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE usage (name TEXT, day TEXT, model TEXT, requests INT NOT NULL, input_tokens INT NOT NULL, output_tokens INT NOT NULL,
       tokens INT NOT NULL, PRIMARY KEY (name, day, model)) STRICT, WITHOUT ROWID;
  CREATE TABLE texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, expires_at INT) STRICT, WITHOUT ROWID;
  CREATE INDEX texts_by_expiry ON texts (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INT, note TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE checks (id INT PRIMARY KEY, checked_at INT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO buckets VALUES ('key:a/rate', 2, ${Date.UTC(2026, 10, 22, 18, 1)}, 3, ${Date.UTC(2026, 10, 22, 18)});
  INSERT INTO hits VALUES ('key:a/rate', ${Date.UTC(2026, 10, 22, 18, 1)}, 2);
  INSERT INTO counters VALUES ('ai-key:a/tokens', '2026-11', 40, 60);
  INSERT INTO reservations VALUES ('ai-key:a/reservation:1', '[["ai-key:a/tokens","2026-11",60]]', 1);
  INSERT INTO usage VALUES ('ai-key:a/usage', '2026-11-22', 'm', 1, 30, 10, 40);
  INSERT INTO texts VALUES ('ai-key:a/state', 'active', NULL);
  INSERT INTO claims VALUES ('agent:a/claim', 'a', NULL, 'note');
  INSERT INTO checks VALUES (1, 1);
  PRAGMA user_version = 1;
`;

/** As the release 1.0.0 made it. */
const version2 = `${version1}
  ALTER TABLE usage ADD COLUMN estimated_tokens INT NOT NULL DEFAULT 0;
  CREATE TABLE estimates (name TEXT, minute INT, day TEXT, model TEXT, counter TEXT, periods TEXT, tokens INT NOT NULL,
     PRIMARY KEY (name, minute, day, model, counter, periods)) STRICT, WITHOUT ROWID;
  UPDATE usage SET estimated_tokens = 15;
  INSERT INTO estimates VALUES ('ai-key:a/usage', ${Date.UTC(2026, 10, 22, 18)}, '2026-11-22', 'm', 'ai-key:a/tokens', '2026-11', 15);
  PRAGMA user_version = 2;
`;

function schemaOf(path: string) {
  const db = new DatabaseSync(path);
  const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  const columns = db
    .prepare(
      `SELECT t.name AS "table", c.name AS name, c.type, c.pk FROM sqlite_master t, pragma_table_info(t.name) c
       WHERE t.type = 'table' ORDER BY 1, 2`,
    )
    .all();
  db.close();
  return { version, columns };
}

function overwrite(path: string): void {
  const db = new DatabaseSync(path);
  const { page_size: size } = db.prepare("PRAGMA page_size").get() as { page_size: number };
  const { page_count: count } = db.prepare("PRAGMA page_count").get() as { page_count: number };
  db.close();
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(size, 0xa5), 0, size, Math.floor(count / 2) * size);
  closeSync(file);
}
