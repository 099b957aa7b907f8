import type { DatabaseSync } from "node:sqlite";
import type { CounterState, UsageEntry } from "../../../src/ports.ts";
import type { RowCache } from "./sqlite-cache.ts";

export interface CounterRow extends CounterState {
  readonly counter: string;
  readonly period: string;
  stored: boolean;
}

/** Two a key; more than all agents that are busy at once. */
const maxCounters = 20_000;

export interface CounterRows extends RowCache {
  /** Inside a transaction: the counter as it is now, to be changed in place. */
  row(counter: string, period: string): CounterRow;
  /** Notes that it was changed. */
  changed(row: CounterRow): void;
  addUsage(entry: UsageEntry): void;
}

/** Counters and usage as the transaction under way has them. */
export function createCounterRows(
  db: DatabaseSync,
  read: (counter: string, period: string) => CounterState | undefined,
): CounterRows {
  const insert = db.prepare("INSERT INTO counters VALUES (?, ?, ?, ?)");
  const update = db.prepare("UPDATE counters SET used = ?3, reserved = ?4 WHERE counter = ?1 AND period = ?2");
  // Periods of one length are of one kind and sort by time. The one before the new one stays, to be looked at.
  const prune = db.prepare(
    `DELETE FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND reserved = 0 AND period <
     (SELECT max(period) FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND period < ?2)`,
  );
  // Node reads no number beyond this, and one such row would be the end of every look at it.
  const sum = (column: string) => `${column} = min(${column} + excluded.${column}, ${Number.MAX_SAFE_INTEGER})`;
  const addUsage = db.prepare(
    `INSERT INTO usage (name, day, model, requests, input_tokens, output_tokens, tokens, estimated_tokens)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, day, model) DO UPDATE SET
     ${["requests", "input_tokens", "output_tokens", "tokens", "estimated_tokens"].map(sum).join(", ")}`,
  );
  const rows = new Map<string, Map<string, CounterRow>>();
  const changed = new Set<CounterRow>();
  const usage = new Map<string, UsageEntry & { estimatedTokens: number }>();

  function rowOf(counter: string, period: string): CounterRow {
    let periods = rows.get(counter);
    if (periods === undefined) {
      periods = new Map();
      rows.set(counter, periods);
    }
    let row = periods.get(period);
    if (row === undefined) {
      const found = read(counter, period);
      row = { counter, period, used: found?.used ?? 0, reserved: found?.reserved ?? 0, stored: found !== undefined };
      periods.set(period, row);
    }
    return row;
  }

  return {
    row: rowOf,
    changed: (row) => changed.add(row),

    addUsage(entry) {
      const key = `${entry.name} ${entry.day} ${entry.model}`;
      const estimatedTokens = entry.estimate?.tokens ?? 0;
      const sum = usage.get(key);
      if (sum === undefined) {
        usage.set(key, { ...entry, estimatedTokens });
        return;
      }
      sum.requests += entry.requests;
      sum.inputTokens += entry.inputTokens;
      sum.outputTokens += entry.outputTokens;
      sum.tokens += entry.tokens;
      sum.estimatedTokens += estimatedTokens;
    },

    flush() {
      const begun = [...changed].filter((row) => !row.stored);
      for (const row of changed) {
        (row.stored ? update : insert).run(row.counter, row.period, row.used, row.reserved);
        row.stored = true;
      }
      changed.clear();
      for (const { counter, period } of begun) prune.run(counter, period);
      for (const sum of usage.values()) {
        const { name, day, model, requests, inputTokens, outputTokens, tokens, estimatedTokens } = sum;
        addUsage.run(name, day, model, requests, inputTokens, outputTokens, tokens, estimatedTokens);
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
