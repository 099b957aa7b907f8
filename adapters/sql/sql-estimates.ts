import { estimateMemoryMs, estimateMinute } from "../../src/domain/quota.ts";
import type { CounterAmount, Credited, LedgerName, UsageEntry } from "../../src/ports.ts";
import { isUsdCounter } from "../../src/storage/ledger-names.ts";
import type { CounterRows } from "./counter-rows.ts";
import type { CacheGroup } from "./row-cache.ts";
import type { SqlDriver } from "./sql-driver.ts";

type EstimateRow = [day: string, model: string, counter: string, periods: string, amount: number];

/** From the output, which is what is estimated as a rule, and from the input where that is not enough. */
const lessTokens = (amount: string): string =>
  `tokens = max(0, tokens - ${amount}), estimated_tokens = max(0, estimated_tokens - ${amount}),
   input_tokens = max(0, input_tokens - max(0, ${amount} - output_tokens)),
   output_tokens = max(0, output_tokens - ${amount})`;

/** Charges that the provider has not confirmed, in the unit of their counter (`tokens` holds micro-dollars as well), for as long as they can be given back. */
export function createSqlEstimates(db: SqlDriver, caches: CacheGroup, rows: CounterRows) {
  const insert = db.prepare(
    `INSERT INTO estimates (name, minute, day, model, counter, periods, tokens) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name, minute, day, model, counter, periods)
     DO UPDATE SET tokens = min(tokens + excluded.tokens, ${Number.MAX_SAFE_INTEGER})`,
  );
  const prune = db.prepare("DELETE FROM estimates WHERE name = ? AND minute < ?");
  const take = db.prepare(
    "DELETE FROM estimates WHERE name = ? AND minute >= ? RETURNING day, model, counter, periods, tokens",
  );
  const days = db.prepare("SELECT DISTINCT day FROM estimates WHERE name = ? AND minute >= ?");
  const giveBackTokens = db.prepare(`UPDATE usage SET ${lessTokens("?4")} WHERE name = ?1 AND day = ?2 AND model = ?3`);
  const giveBackUsd = db.prepare(
    "UPDATE usage SET micro_usd = max(0, micro_usd - ?4) WHERE name = ?1 AND day = ?2 AND model = ?3",
  );

  const giveBackAllTokens = db.prepare(`UPDATE all_usage SET ${lessTokens("?3")} WHERE day = ?1 AND model = ?2`);
  const giveBackAllUsd = db.prepare(
    "UPDATE all_usage SET micro_usd = max(0, micro_usd - ?3) WHERE day = ?1 AND model = ?2",
  );

  return {
    /** @param periods in which the counter was charged */
    add(now: number, { name, day, model }: UsageEntry, { counter, amount }: CounterAmount, periods: string[]): void {
      insert.run(name, estimateMinute(now), day, model, counter, periods.join(" "), amount);
      prune.run(name, now - estimateMemoryMs);
    },

    /** The days whose usage a credit would change. */
    estimatedDays: (name: LedgerName, since: number): string[] =>
      days.all<[string]>(name, estimateMinute(since)).map(([day]) => day),

    creditEstimates(name: LedgerName, since: number): Credited {
      // The usage is changed where it is stored: what waits to be written goes there first.
      caches.flush();
      const credited: Credited = { tokens: 0, microUsd: 0 };
      for (const [day, model, counter, periods, amount] of take.all<EstimateRow>(name, estimateMinute(since))) {
        const isUsd = isUsdCounter(counter);
        credited[isUsd ? "microUsd" : "tokens"] += amount;
        (isUsd ? giveBackUsd : giveBackTokens).run(name, day, model, amount);
        (isUsd ? giveBackAllUsd : giveBackAllTokens).run(day, model, amount);
        for (const period of periods.split(" ")) {
          const row = rows.row(counter, period);
          // A period that is over may have been dropped, and stays so.
          if (!row.stored) continue;
          row.used = Math.max(0, row.used - amount);
          rows.changed(row);
        }
      }
      return credited;
    },
  };
}
