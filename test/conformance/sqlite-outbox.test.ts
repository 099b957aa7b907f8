import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";
import { testThresholds } from "./thresholds.ts";

async function stand() {
  const directory = mkdtempSync(join(tmpdir(), "outbox-"));
  const clock = settableClock();
  const path = join(directory, "ledger.sqlite");
  const [ledger, second] = [await openSqliteLedger({ path, clock }), await openSqliteLedger({ path, clock })];
  return {
    ledger,
    second,
    clock,
    path,
    async dispose() {
      await Promise.all([ledger.close(), second.close()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

it("what is swept away costs no look at each delivery that is kept", async () => {
  const { ledger, clock, path, dispose } = await stand();
  const database = new DatabaseSync(path);
  const now = clock.now();
  const day = 86_400_000;
  database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3500)
    INSERT INTO messages (cause, type, at, data, seq, id, keep_until)
    SELECT 'c' || i, 'agent.created', ${now}, '{}', i, 'm' || i, ${now} + iif(i <= 1000, ${-day}, ${day}) FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 3500),
      e(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM e WHERE at < 20)
    INSERT INTO deliveries (endpoint, id, cause, created_at, state, attempts)
    SELECT 'endpoint-' || at, 'm' || i, 'c' || i, ${now}, 'delivered', 1 FROM n, e`);
  const startedAt = performance.now();
  await ledger.outbox.put({ cause: "next", type: "agent.created", at: now, data: "{}" });
  expect(performance.now() - startedAt).toBeLessThan(600);
  expect(database.prepare("SELECT count(*) AS left FROM messages").get()).toEqual({ left: 2_501 });
  database.close();
  await dispose();
});

testOutbox("SQLite", async () => {
  const { ledger, second, ...rest } = await stand();
  return { outbox: ledger.outbox, second: second.outbox, ...rest };
});
testThresholds("SQLite", async () => {
  const made = await stand();
  return { ...made, outbox: made.second.outbox, bring: async () => {} };
});
