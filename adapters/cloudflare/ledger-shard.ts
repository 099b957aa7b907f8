import { staleReservationMs } from "../../src/domain/quota.ts";
import { createShardClaims } from "./shard-claims.ts";
import { createShardCounters } from "./shard-counters.ts";
import { createShardEstimates } from "./shard-estimates.ts";
import { createShardRates } from "./shard-rates.ts";
import { openShardSql } from "./shard-sql.ts";
import { createShardTexts } from "./shard-texts.ts";

export const hourMs = 3_600_000;

/** One shard of the ledger over one SQLite database. Every method runs to its end without yielding. */
export function createLedgerShard(storage: DurableObjectStorage) {
  const sql = openShardSql(storage);
  const texts = createShardTexts(sql);
  const rates = createShardRates(sql);
  const estimates = createShardEstimates(sql);
  const counters = createShardCounters(sql, texts, estimates);

  return {
    ...texts,
    ...rates,
    ...counters,
    creditEstimates: estimates.creditEstimates,
    ...createShardClaims(sql),
    prepare: sql.prepare,
    isEmpty: sql.isEmpty,

    /** Whether somebody has to look here: a claim that ran out, or a reservation that nobody settles. */
    hasLeftovers: (now: number): boolean =>
      sql.first("SELECT 1 FROM claims WHERE expires <= ?", now) !== undefined ||
      (counters.oldestMetered() ?? now) <= now - staleReservationMs,

    /** Drops what no call will ask for again. */
    sweep(now: number): void {
      texts.sweepTexts(now);
      rates.sweepRates(now);
      counters.sweepCounters(new Date(now - hourMs).toISOString().slice(0, 16));
    },

    /** When to sweep next; `undefined` where nothing passes with time. */
    nextSweep(now: number): number | undefined {
      const state = sql.first<{ claim: number | null; text: number | null; passing: number }>(
        `SELECT (SELECT MIN(expires) FROM claims) AS claim, (SELECT MIN(expires) FROM texts) AS text,
           EXISTS (SELECT 1 FROM hits) OR EXISTS (SELECT 1 FROM counters WHERE length(period) = 16) AS passing`,
      );
      const reservation = counters.oldestMetered();
      const due: number[] = [];
      if (state?.claim != null) due.push(state.claim);
      if (state?.text != null) due.push(state.text);
      if (reservation !== undefined) due.push(reservation + staleReservationMs);
      // What was due already has left its note, and is looked at again in case the note got lost.
      const at = due.map((time) => (time <= now ? now + hourMs : time));
      if (state?.passing) at.push(now + hourMs);
      return at.length > 0 ? Math.min(...at) : undefined;
    },
  };
}
export type LedgerShard = ReturnType<typeof createLedgerShard>;
