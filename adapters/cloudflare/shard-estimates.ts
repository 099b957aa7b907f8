import { estimateMemoryMs, estimateMinute } from "../../src/domain/quota.ts";
import type { LedgerName, UsageEntry } from "../../src/ports.ts";
import type { ShardSql } from "./shard-sql.ts";

interface EstimateRow {
  day: string;
  model: string;
  counter: string;
  periods: string;
  tokens: number;
}

/** Charges that the provider has not confirmed, for as long as they can be given back. */
export function createShardEstimates({ run, rows }: ShardSql) {
  return {
    /** @param periods in which the estimate's counter was charged */
    addEstimate(now: number, { name, day, model, estimate }: UsageEntry, periods: string[]): void {
      if (estimate === undefined || estimate.tokens === 0) return;
      run(
        `INSERT INTO estimates (name, minute, day, model, counter, periods, tokens) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens`,
        name,
        estimateMinute(now),
        day,
        model,
        estimate.counter,
        periods.join(" "),
        estimate.tokens,
      );
      run("DELETE FROM estimates WHERE name = ? AND minute < ?", name, now - estimateMemoryMs);
    },

    creditEstimates(name: LedgerName, since: number): number {
      let credited = 0;
      const found = rows<EstimateRow>(
        "DELETE FROM estimates WHERE name = ? AND minute >= ? RETURNING day, model, counter, periods, tokens",
        name,
        estimateMinute(since),
      );
      for (const { day, model, counter, periods, tokens } of found) {
        credited += tokens;
        run(
          `UPDATE usage SET tokens = MAX(tokens - ?4, 0), outputTokens = MAX(outputTokens - ?4, 0),
             estimatedTokens = MAX(estimatedTokens - ?4, 0) WHERE name = ?1 AND day = ?2 AND model = ?3`,
          name,
          day,
          model,
          tokens,
        );
        for (const period of periods.split(" ")) {
          run("UPDATE counters SET used = MAX(used - ?3, 0) WHERE name = ?1 AND period = ?2", counter, period, tokens);
        }
      }
      return credited;
    },
  };
}
export type ShardEstimates = ReturnType<typeof createShardEstimates>;
