import type { CounterState, UsageEntry, UsageRow } from "../../src/ports.ts";
import { isUsdCounter } from "../../src/storage/ledger-names.ts";
import type { RowCache } from "./row-cache.ts";
import type { SqlDriver } from "./sql-driver.ts";
import { usageColumns, usageFields } from "./usage-columns.ts";

interface CounterRow extends CounterState {
  readonly counter: string;
  readonly period: string;
  /** The part of what is reserved that no request has yet. */
  leased: number;
  stored: boolean;
  /** The transaction is to write it. */
  isChanged: boolean;
  /** The limit under which something was last asked of it. */
  quota: number | null;
  /** As stored. */
  level: number | null;
  rank: number | null;
  kept: number | null;
}

/** Hundredths of the limit that are used and reserved by requests, from fifty on. */
function levelOf({ used, reserved, leased, quota }: CounterRow): number | null {
  const charged = used + reserved - leased;
  if (quota === null || 2 * charged < quota) return null;
  return quota === 0 ? 100 : Math.min(100, Math.floor((100 * charged) / quota));
}

/** From here on ranks are of counters of money. */
export const usdRank = 10_000;

/** How large a month's use is, by its number of digits and the first two of them: it changes seldom. */
function rankOf({ counter, period, used }: Pick<CounterRow, "counter" | "period" | "used">): number | null {
  if (period.length !== 7 || used === 0) return null;
  const digits = Math.floor(Math.log10(used)) + 1;
  return digits * 100 + Math.floor(used / 10 ** (digits - 2)) + (isUsdCounter(counter) ? usdRank : 0);
}

/** Two a key; more than all agents that are busy at once. */
const maxCounters = 20_000;

/** The counters' table behind a cache of its rows. */
export interface CounterRows extends RowCache {
  /** As it is stored, without what is leased. */
  stored(counter: string, period: string): CounterState | undefined;
  /** Inside a transaction: the counter as it is now, to be changed in place. */
  row(counter: string, period: string): CounterRow;
  /** Notes that it was changed. */
  changed(row: CounterRow): void;
  addUsage(entry: UsageEntry): void;
}

type UsageSum = UsageRow & { name: string };

function addTo(sum: UsageSum, added: Omit<UsageSum, "estimatedTokens">, estimatedTokens: number): void {
  for (const field of usageFields) sum[field] += field === "estimatedTokens" ? estimatedTokens : added[field];
}

const amountsOf = (sum: UsageSum): number[] => usageFields.map((field) => sum[field]);

/** Each adds to one row. */
export function usageStatements(db: SqlDriver) {
  // JavaScript reads no number beyond this exactly, and Node fails at one: such a row would end every look at it.
  const sum = (column: string) => `${column} = min(${column} + excluded.${column}, ${Number.MAX_SAFE_INTEGER})`;
  const addUsage = db.prepare(
    `INSERT INTO usage (name, day, model, ${usageColumns.join(", ")}) VALUES (?, ?, ?, ${usageColumns.map(() => "?").join(", ")})
     ON CONFLICT (name, day, model) DO UPDATE SET ${usageColumns.map(sum).join(", ")}`,
  );
  const addToAll = db.prepare(
    `INSERT INTO all_usage (day, model, ${usageColumns.join(", ")}) VALUES (?, ?, ${usageColumns.map(() => "?").join(", ")})
     ON CONFLICT (day, model) DO UPDATE SET ${usageColumns.map(sum).join(", ")}`,
  );
  return { addUsage, addToAll };
}

/**
 * Counters and usage as the transaction under way has them.
 * @param sumsAll whether everybody's use is added up beside each one's
 */
export function createCounterRows(db: SqlDriver, sumsAll: boolean): CounterRows {
  const counterRow = db.prepare(
    "SELECT used, reserved, leased, quota, level, rank FROM counters WHERE counter = ? AND period = ?",
  );
  const insert = db.prepare(
    `INSERT INTO counters (counter, period, used, reserved, leased, quota, level, rank)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  // The columns of indexes are written only where they change.
  const place = db.prepare(
    `UPDATE counters SET used = ?3, reserved = ?4, leased = ?5, quota = ?6, level = ?7, rank = ?8
     WHERE counter = ?1 AND period = ?2`,
  );
  const update = db.prepare(
    "UPDATE counters SET used = ?3, reserved = ?4, leased = ?5 WHERE counter = ?1 AND period = ?2",
  );
  // Periods of one length are of one kind and sort by time. The one before the new one stays, to be looked at.
  const prune = db.prepare(
    `DELETE FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND reserved = 0 AND period <
     (SELECT max(period) FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND period < ?2)`,
  );
  const { addUsage, addToAll } = usageStatements(db);
  const rows = new Map<string, Map<string, CounterRow>>();
  let changed: CounterRow[] = [];
  let usage = new Map<string, UsageSum>();

  type StoredRow = [
    used: number,
    reserved: number,
    leased: number,
    quota: number | null,
    level: number | null,
    rank: number | null,
  ];

  function stored(counter: string, period: string): CounterState | undefined {
    const row = counterRow.get<StoredRow>(counter, period);
    return row && { used: row[0], reserved: row[1] - row[2] };
  }

  function rowOf(counter: string, period: string): CounterRow {
    let periods = rows.get(counter);
    if (periods === undefined) {
      periods = new Map();
      rows.set(counter, periods);
    }
    let row = periods.get(period);
    if (row === undefined) {
      const found = counterRow.get<StoredRow>(counter, period);
      const [used, reserved, leased, quota, level, rank] = found ?? [0, 0, 0, null, null, null];
      const stored = found !== undefined;
      row = { counter, period, used, reserved, leased, stored, isChanged: false, quota, level, rank, kept: quota };
      periods.set(period, row);
    }
    return row;
  }

  function write(row: CounterRow): void {
    const { counter, period, used, reserved, leased, quota } = row;
    const level = levelOf(row);
    const rank = rankOf(row);
    if (row.stored && level === row.level && rank === row.rank && quota === row.kept) {
      update.run(counter, period, used, reserved, leased);
      return;
    }
    (row.stored ? place : insert).run(counter, period, used, reserved, leased, quota, level, rank);
    row.stored = true;
    row.level = level;
    row.rank = rank;
    row.kept = quota;
  }

  function writeUsage(): void {
    if (usage.size === 0) return;
    const sums = new Map<string, UsageSum>();
    for (const added of usage.values()) {
      addUsage.run(added.name, added.day, added.model, ...amountsOf(added));
      if (!sumsAll) continue;
      const key = `${added.day} ${added.model}`;
      const before = sums.get(key);
      // Nobody reads the first one's row any more.
      if (before === undefined) sums.set(key, added);
      else addTo(before, added, added.estimatedTokens);
    }
    for (const added of sums.values()) addToAll.run(added.day, added.model, ...amountsOf(added));
    // Cleared, a Map leaves its entries to V8's next full collection.
    usage = new Map();
  }

  return {
    stored,
    row: rowOf,

    changed(row) {
      if (row.isChanged) return;
      row.isChanged = true;
      changed.push(row);
    },

    addUsage(entry) {
      const estimatedTokens = entry.estimate?.tokens.amount ?? 0;
      const key = `${entry.name} ${entry.day} ${entry.model}`;
      const before = usage.get(key);
      if (before === undefined) usage.set(key, { ...entry, estimatedTokens });
      else addTo(before, entry, estimatedTokens);
    },

    flush() {
      let begun: CounterRow[] | undefined;
      for (const row of changed) {
        row.isChanged = false;
        if (!row.stored) {
          begun ??= [];
          begun.push(row);
        }
        write(row);
      }
      changed = [];
      if (begun !== undefined) for (const { counter, period } of begun) prune.run(counter, period);
      writeUsage();
      // Pruned rows are not to be found here any more.
      if (begun !== undefined || rows.size > maxCounters) rows.clear();
    },

    clear() {
      rows.clear();
      changed = [];
      usage = new Map();
    },
  };
}
