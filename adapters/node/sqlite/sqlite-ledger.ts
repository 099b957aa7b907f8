import type { Clock, Ledger } from "../../../src/ports.ts";
import { createSqliteClaims } from "./sqlite-claims.ts";
import { createSqliteCounters } from "./sqlite-counters.ts";
import { assertTrusted, openPrivateDatabase, storeProblem } from "./sqlite-file.ts";
import { ledgerMigrations } from "./sqlite-ledger-schema.ts";
import { createSqliteRates } from "./sqlite-rates.ts";
import { createSqliteTexts } from "./sqlite-texts.ts";
import { createSqliteTransactions, whenFree } from "./sqlite-transactions.ts";

const sweepEveryMs = 60_000;

/**
 * The ledger of one machine, shared by every process that opens the same file. A write resolves when it is
 * committed: from then on `kill -9` does not lose it.
 * @throws Problem `store_unreadable` (damaged, open to others, made by a newer release), `store_unwritable`
 */
export async function openSqliteLedger({ path, clock }: { path: string; clock: Clock }): Promise<Ledger> {
  const explain = (error: unknown) => storeProblem(path, error);
  const db = await whenFree(() => openPrivateDatabase(path, ledgerMigrations)).catch((error) => {
    throw explain(error);
  });
  const { ino } = assertTrusted(path);
  const transactions = createSqliteTransactions(db, explain);
  const texts = createSqliteTexts(db, transactions);
  const rates = createSqliteRates(db, transactions, clock, sweepWhenDue);
  const markCheck = db.prepare("INSERT INTO checks VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET checked_at = ?1");
  let nextSweep = clock.now() + sweepEveryMs;

  /** Rides on traffic, so that an idle process writes nothing. */
  function sweepWhenDue(): void {
    const now = clock.now();
    if (now < nextSweep) return;
    nextSweep = now + sweepEveryMs;
    texts.sweep(now);
    rates.sweep(now);
  }

  return {
    ...createSqliteCounters(db, transactions, clock, texts.readAgain),
    ...createSqliteClaims(db, transactions, clock),
    seen: rates.seen,
    take: rates.take,

    get: (name) => transactions.read(() => texts.read(name, clock.now())),
    put: (name, text, ttlMs) =>
      transactions.write(() => {
        sweepWhenDue();
        texts.write(name, text, ttlMs === undefined ? null : clock.now() + ttlMs);
      }),

    async check() {
      assertTrusted(path, ino);
      await transactions.write(() => {
        sweepWhenDue();
        markCheck.run(clock.now());
      });
    },

    async close() {
      await transactions.drain();
      if (db.isOpen) db.close();
    },
  };
}
