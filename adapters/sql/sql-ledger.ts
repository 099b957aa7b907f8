import { type CounterRows, createCounterRows } from "./counter-rows.ts";
import { type CacheGroup, createCacheGroup } from "./row-cache.ts";
import { createSqlCounters, type QuotaLeases } from "./sql-counters.ts";
import type { SqlDriver } from "./sql-driver.ts";
import { createSqlLeases } from "./sql-leases.ts";
import { createSqlOverview } from "./sql-overview.ts";
import { createSqlRates } from "./sql-rates.ts";
import { createSqlTexts, type SqlTexts } from "./sql-texts.ts";

interface SqlLedgerOptions {
  /** Whether everybody's use is added up beside each one's. */
  sumsAll?: boolean;
  /** Absent where each reservation is a transaction's. */
  leasing?: (rows: CounterRows, texts: SqlTexts) => QuotaLeases;
}

/**
 * The ledger's calls over one SQLite database, each of which runs to its end without yielding. `now` is the caller's
 * clock. A call that writes runs inside a transaction; before the commit the caller flushes `caches`, and after a
 * rollback, or where somebody else may have written, clears them.
 */
export function createSqlLedger(db: SqlDriver, { sumsAll = true, leasing }: SqlLedgerOptions = {}) {
  const caches: CacheGroup = createCacheGroup();
  const texts = createSqlTexts(db, caches);
  const rates = createSqlRates(db);
  const rows = createCounterRows(db, sumsAll);
  const leases = leasing?.(rows, texts);
  // They change counters, which are written after them.
  if (leases) caches.add(leases);
  caches.add(rows);

  return {
    caches,
    rows,
    ...texts,
    ...rates,
    ...createSqlCounters(db, caches, texts, rows, leases),
    ...createSqlLeases(db),
    ...createSqlOverview(db),

    /** Drops what no call will ask for again. */
    sweep(now: number): void {
      texts.sweepTexts(now);
      rates.sweepRates(now);
    },
  };
}
