import type { CounterState, UsageEntry, UsageRow } from "../../src/ports.ts";
import type { RowCache } from "./row-cache.ts";
import type { SqlDriver } from "./sql-driver.ts";

export interface CounterRow extends CounterState {
  readonly counter: string;
  readonly period: string;
  stored: boolean;
}

/** Two a key; more than all agents that are busy at once. */
const maxCounters = 20_000;

export interface CounterRows extends RowCache {
  /** As it is stored. */
  stored(counter: string, period: string): CounterState | undefined;
  /** Inside a transaction: the counter as it is now, to be changed in place. */
  row(counter: string, period: string): CounterRow;
  /** Notes that it was changed. */
  changed(row: CounterRow): void;
  addUsage(entry: UsageEntry): void;
}

/** The columns of `usage` that add up, by what an entry calls them. */
const sums = {
  requests: "requests",
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cache_read_tokens: "cacheReadTokens",
  cache_write_tokens: "cacheWriteTokens",
  tokens: "tokens",
  estimated_tokens: "estimatedTokens",
  web_searches: "webSearches",
  micro_usd: "microUsd",
  unpriced_requests: "unpricedRequests",
} as const satisfies Record<string, keyof UsageRow>;
type UsageSum = UsageRow & { name: string };
const fields = Object.values(sums);
const columns = Object.keys(sums);
/** For a `SELECT` of the rows as `UsageRow` names them; `usageRow` reads them. */
export const usageColumns = columns.join(", ");
export function usageRow([day, model, ...amounts]: [day: string, model: string, ...number[]]): UsageRow {
  const row: Record<string, string | number> = { day, model };
  for (const [at, field] of fields.entries()) row[field] = amounts[at]!;
  return row as unknown as UsageRow;
}

/** Counters and usage as the transaction under way has them. */
export function createCounterRows(db: SqlDriver): CounterRows {
  const counterRow = db.prepare("SELECT used, reserved FROM counters WHERE counter = ? AND period = ?");
  const insert = db.prepare("INSERT INTO counters (counter, period, used, reserved) VALUES (?, ?, ?, ?)");
  const update = db.prepare("UPDATE counters SET used = ?3, reserved = ?4 WHERE counter = ?1 AND period = ?2");
  // Periods of one length are of one kind and sort by time. The one before the new one stays, to be looked at.
  const prune = db.prepare(
    `DELETE FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND reserved = 0 AND period <
     (SELECT max(period) FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND period < ?2)`,
  );
  // JavaScript reads no number beyond this exactly, and Node fails at one: such a row would end every look at it.
  const sum = (column: string) => `${column} = min(${column} + excluded.${column}, ${Number.MAX_SAFE_INTEGER})`;
  const addUsage = db.prepare(
    `INSERT INTO usage (name, day, model, ${columns.join(", ")}) VALUES (?, ?, ?, ${columns.map(() => "?").join(", ")})
     ON CONFLICT (name, day, model) DO UPDATE SET ${columns.map(sum).join(", ")}`,
  );
  const rows = new Map<string, Map<string, CounterRow>>();
  const changed = new Set<CounterRow>();
  const usage = new Map<string, UsageSum>();

  function stored(counter: string, period: string): CounterState | undefined {
    const row = counterRow.get<[used: number, reserved: number]>(counter, period);
    return row && { used: row[0], reserved: row[1] };
  }

  function rowOf(counter: string, period: string): CounterRow {
    let periods = rows.get(counter);
    if (periods === undefined) {
      periods = new Map();
      rows.set(counter, periods);
    }
    let row = periods.get(period);
    if (row === undefined) {
      const found = stored(counter, period);
      row = { counter, period, used: found?.used ?? 0, reserved: found?.reserved ?? 0, stored: found !== undefined };
      periods.set(period, row);
    }
    return row;
  }

  return {
    stored,
    row: rowOf,
    changed: (row) => changed.add(row),

    addUsage({ estimate, ...entry }) {
      const key = `${entry.name} ${entry.day} ${entry.model}`;
      const added: UsageSum = { ...entry, estimatedTokens: estimate?.tokens.amount ?? 0 };
      const before = usage.get(key);
      if (before === undefined) usage.set(key, added);
      else for (const field of fields) before[field] += added[field];
    },

    flush() {
      const begun = [...changed].filter((row) => !row.stored);
      for (const row of changed) {
        (row.stored ? update : insert).run(row.counter, row.period, row.used, row.reserved);
        row.stored = true;
      }
      changed.clear();
      for (const { counter, period } of begun) prune.run(counter, period);
      for (const added of usage.values()) {
        addUsage.run(added.name, added.day, added.model, ...fields.map((field) => added[field]));
      }
      usage.clear();
      // What was pruned is not to be found here any more.
      if (begun.length > 0 || rows.size > maxCounters) rows.clear();
    },

    clear() {
      rows.clear();
      changed.clear();
      usage.clear();
    },
  };
}
