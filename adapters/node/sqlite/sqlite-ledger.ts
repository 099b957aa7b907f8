import type { Clock, Ledger, LedgerName, Outbox } from "../../../src/ports.ts";
import type { MachineTime } from "../machine-time.ts";
import { createSqliteClaims } from "./sqlite-claims.ts";
import { createSqliteCounters } from "./sqlite-counters.ts";
import { assertTrusted, openPrivateDatabase, storeProblem } from "./sqlite-file.ts";
import { ledgerMigrations } from "./sqlite-ledger-schema.ts";
import { createSqliteOutbox } from "./sqlite-outbox.ts";
import { createSqliteRates } from "./sqlite-rates.ts";
import { createSqliteTexts } from "./sqlite-texts.ts";
import { createSqliteTransactions, whenFree } from "./sqlite-transactions.ts";

const sweepEveryMs = 60_000;

export interface SqliteLedgerOptions {
  path: string;
  clock: Clock;
  /** By which claims expire. Default: the clock, which an operator or NTP may set. */
  machineTime?: MachineTime | undefined;
}

export interface SqliteLedger extends Ledger {
  /** In the same file. */
  outbox: Outbox;
}

/**
 * The ledger of one machine, shared by every process that opens the same file. A write resolves when it is
 * committed: from then on `kill -9` does not lose it.
 * @throws Problem `store_unreadable` (damaged, open to others, made by a newer release), `store_unwritable`
 */
export async function openSqliteLedger({ path, clock, machineTime }: SqliteLedgerOptions): Promise<SqliteLedger> {
  const explain = (error: unknown) => storeProblem(path, error);
  const db = await whenFree(() => openPrivateDatabase(path, ledgerMigrations)).catch((error) => {
    throw explain(error);
  });
  const { ino } = assertTrusted(path);
  const transactions = createSqliteTransactions(db, explain);
  const texts = createSqliteTexts(db, transactions);
  const leaseClock = machineTime ? await sharedClock(machineTime) : clock;
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

  /** Whoever opens the ledger first after a start of the machine says what its time counts from. */
  async function sharedClock({ boot, nowMs }: MachineTime): Promise<Clock> {
    const name: LedgerName = `machine/${boot}`;
    const startedAt = await transactions.write(() => {
      const known = texts.read(name, clock.now());
      if (known !== undefined) return Number(known);
      const origin = Math.round(clock.now() - nowMs());
      texts.write(name, String(origin), null);
      return origin;
    });
    return { now: () => Math.round(startedAt + nowMs()) };
  }

  const { outbox } = createSqliteOutbox(db, transactions, clock);

  return {
    outbox,
    ...createSqliteCounters(db, transactions, clock, texts.readAgain),
    ...createSqliteClaims(db, transactions, leaseClock),
    seen: rates.seen,
    take: rates.take,

    get: (name) => transactions.read(() => texts.read(name, clock.now())),
    replace: (name, expected, text, ttlMs) =>
      transactions.write(() => {
        const now = clock.now();
        const current = texts.read(name, now);
        if (current !== expected && current !== text) return false;
        texts.write(name, text, ttlMs === undefined ? null : now + ttlMs);
        return true;
      }),
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
