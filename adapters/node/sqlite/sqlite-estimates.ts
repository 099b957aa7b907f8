import type { DatabaseSync } from "node:sqlite";
import { estimateMemoryMs, estimateMinute } from "../../../src/domain/quota.ts";
import type { LedgerName, UsageEntry } from "../../../src/ports.ts";
import type { CounterRows } from "./sqlite-counter-rows.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

interface EstimateRow {
  day: string;
  model: string;
  counter: string;
  periods: string;
  tokens: number;
}

/** Charges that the provider has not confirmed, for as long as they can be given back. All run inside a transaction. */
export interface SqliteEstimates {
  /** @param periods in which the estimate's counter was charged */
  add(entry: UsageEntry, periods: string[], now: number): void;
  credit(name: LedgerName, since: number): number;
}

export function createSqliteEstimates(
  db: DatabaseSync,
  { caches }: Pick<SqliteTransactions, "caches">,
  rows: CounterRows,
): SqliteEstimates {
  const insert = db.prepare(
    `INSERT INTO estimates (name, minute, day, model, counter, periods, tokens) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name, minute, day, model, counter, periods)
     DO UPDATE SET tokens = min(tokens + excluded.tokens, ${Number.MAX_SAFE_INTEGER})`,
  );
  const prune = db.prepare("DELETE FROM estimates WHERE name = ? AND minute < ?");
  const take = db.prepare(
    "DELETE FROM estimates WHERE name = ? AND minute >= ? RETURNING day, model, counter, periods, tokens",
  );
  const giveBack = db.prepare(
    `UPDATE usage SET tokens = max(0, tokens - ?4), output_tokens = max(0, output_tokens - ?4),
     estimated_tokens = max(0, estimated_tokens - ?4) WHERE name = ?1 AND day = ?2 AND model = ?3`,
  );

  return {
    add({ name, day, model, estimate }, periods, now) {
      if (estimate === undefined || estimate.tokens === 0) return;
      insert.run(name, estimateMinute(now), day, model, estimate.counter, periods.join(" "), estimate.tokens);
      prune.run(name, now - estimateMemoryMs);
    },

    credit(name, since) {
      // The usage is changed where it is stored: what waits to be written goes there first.
      caches.flush();
      let credited = 0;
      for (const row of take.all(name, estimateMinute(since)) as unknown as EstimateRow[]) {
        credited += row.tokens;
        giveBack.run(name, row.day, row.model, row.tokens);
        for (const period of row.periods.split(" ")) {
          const counter = rows.row(row.counter, period);
          // A period that is over may have been dropped, and stays so.
          if (!counter.stored) continue;
          counter.used = Math.max(0, counter.used - row.tokens);
          rows.changed(counter);
        }
      }
      return credited;
    },
  };
}
