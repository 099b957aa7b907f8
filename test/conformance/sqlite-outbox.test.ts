import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";

testOutbox("SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "outbox-"));
  const clock = settableClock();
  const path = join(directory, "ledger.sqlite");
  const [ledger, second] = [await openSqliteLedger({ path, clock }), await openSqliteLedger({ path, clock })];
  return {
    outbox: ledger.outbox,
    second: second.outbox,
    clock,
    async dispose() {
      await Promise.all([ledger.close(), second.close()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
