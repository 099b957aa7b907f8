import { createCounterRows } from "./counter-rows.ts";
import { type CacheGroup, createCacheGroup } from "./row-cache.ts";
import { createSqlCounters } from "./sql-counters.ts";
import type { SqlDriver } from "./sql-driver.ts";
import { createSqlLeases } from "./sql-leases.ts";
import { createSqlOverview } from "./sql-overview.ts";
import { createSqlRates } from "./sql-rates.ts";
import { createSqlTexts } from "./sql-texts.ts";

/**
 * The ledger's calls over one SQLite database, each of which runs to its end without yielding. `now` is the caller's
 * clock. A call that writes runs inside a transaction; before the commit the caller flushes `caches`, and after a
 * rollback, or where somebody else may have written, clears them.
 * @param options.sumsAll whether everybody's use is added up beside each one's
 */
export function createSqlLedger(db: SqlDriver, { sumsAll = true } = {}) {
  const caches: CacheGroup = createCacheGroup();
  const texts = createSqlTexts(db, caches);
  const rates = createSqlRates(db);
  const rows = createCounterRows(db, sumsAll);
  caches.add(rows);

  return {
    caches,
    rows,
    ...texts,
    ...rates,
    ...createSqlCounters(db, caches, texts, rows),
    ...createSqlLeases(db),
    ...createSqlOverview(db),

    /** Drops what no call will ask for again. */
    sweep(now: number): void {
      texts.sweepTexts(now);
      rates.sweepRates(now);
    },
  };
}
