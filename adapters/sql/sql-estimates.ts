import { estimateMemoryMs, estimateMinute } from "../../src/domain/quota.ts";
import type { CounterAmount, Credited, LedgerName, UsageEntry } from "../../src/ports.ts";
import { isUsdCounter } from "../../src/storage/ledger-names.ts";
import type { CounterRows } from "./counter-rows.ts";
import type { CacheGroup } from "./row-cache.ts";
import type { SqlDriver } from "./sql-driver.ts";

type EstimateRow = [day: string, model: string, counter: string, periods: string, amount: number];

type UsedRow = [input: number, output: number, tokens: number, estimated: number, microUsd: number];
const usedColumns = ["input_tokens", "output_tokens", "tokens", "estimated_tokens", "micro_usd"];

/** The tokens come from the output, which is what is estimated as a rule, and from the input where that is not enough. */
function givenBack(isUsd: boolean, amount: number, [input, output, tokens, estimated, microUsd]: UsedRow): UsedRow {
  if (isUsd) return [0, 0, 0, 0, Math.min(amount, microUsd)];
  const fromOutput = Math.min(amount, output);
  const fromInput = Math.min(amount - fromOutput, input);
  return [fromInput, fromOutput, Math.min(amount, tokens), Math.min(amount, estimated), 0];
}

/**
 * Charges that the provider has not confirmed, in the unit of their counter (`tokens` holds micro-dollars as well), for
 * as long as they can be given back.
 */
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
  const usedOf = db.prepare(`SELECT ${usedColumns.join(", ")} FROM usage WHERE name = ? AND day = ? AND model = ?`);
  const less = usedColumns.map((column, at) => `${column} = max(0, ${column} - ?${at + 3})`).join(", ");
  const giveBack = db.prepare(`UPDATE usage SET ${less} WHERE day = ?1 AND model = ?2 AND name = ?8`);
  const giveBackAll = db.prepare(`UPDATE all_usage SET ${less} WHERE day = ?1 AND model = ?2`);

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
        const used = usedOf.get<UsedRow>(name, day, model);
        if (used !== undefined) {
          const given = givenBack(isUsd, amount, used);
          giveBack.run(day, model, ...given, name);
          giveBackAll.run(day, model, ...given);
        }
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
