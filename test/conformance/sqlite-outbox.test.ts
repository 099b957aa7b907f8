import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    async dispose() {
      await Promise.all([ledger.close(), second.close()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

testOutbox("SQLite", async () => {
  const { ledger, second, ...rest } = await stand();
  return { outbox: ledger.outbox, second: second.outbox, ...rest };
});
testThresholds("SQLite", async () => {
  const made = await stand();
  return { ...made, outbox: made.second.outbox, bring: async () => {} };
});
