import { amountsByCounter } from "../../src/domain/amounts-by-counter.ts";
import { firstExceeded } from "../../src/domain/first-exceeded.ts";
import { thresholdMessage, thresholdsPassed } from "../../src/domain/quota-thresholds.ts";
import type {
  CounterReservation,
  CounterState,
  HeldAmount,
  LedgerName,
  Reserved,
  UsageEntry,
  UsageRow,
} from "../../src/ports.ts";
import { lostUsage } from "../../src/storage/lost-usage.ts";
import type { CounterRows } from "./counter-rows.ts";
import { messageInsert } from "./outbox-rows.ts";
import type { CacheGroup, RowCache } from "./row-cache.ts";
import { ShortLivedMap } from "./short-lived-map.ts";
import { type SqlDriver, within } from "./sql-driver.ts";
import { createSqlEstimates } from "./sql-estimates.ts";
import type { SqlTexts } from "./sql-texts.ts";
import { usageColumns, usageRow } from "./usage-columns.ts";

/**
 * Limit and percents only where somebody is told of what the charge passes; `leased` only in a quota lease: the part of
 * the amount that no request has yet.
 */
export type Entry = [
  counter: LedgerName,
  period: string,
  amount: number,
  limit?: number | null,
  alertAt?: readonly number[] | null,
  leased?: number,
];

/** Reservations that one process grants without a transaction of their own, from what it holds reserved. */
export interface QuotaLeases extends RowCache {
  /** Whether this process has granted the reservation, and it has neither a row nor been settled. */
  has(id: LedgerName): boolean;
  /** Inside a transaction: what it holds, which the caller charges; `undefined` where it is not known, or charged. */
  take(id: LedgerName): Entry[] | undefined;
  /** Inside a transaction: gives back what this process has leased under that text. Whether it had anything. */
  giveBack(name: LedgerName): boolean;
}

/** Beyond all requests under way; agents' places, which are held for months, are read when they are freed. */
const maxHeld = 10_000;
const reserved: Reserved = { outcome: "reserved" };

/** The amount that one reservation asks of each counter: several limits of one counter and period are one amount. */
export function merged(entries: CounterReservation[]): Entry[] {
  const sums: Entry[] = [];
  for (let at = 0; at < entries.length; at++) {
    const { counter, period, amount, limit, alertAt } = entries[at]!;
    if (!Number.isSafeInteger(amount)) throw new TypeError(`${amount} is not an amount that can be counted`);
    const entry = entryOf(sums, counter, period);
    if (entry !== undefined) entry[2] += amount;
    else if (limit === null || !alertAt?.length) sums.push([counter, period, amount]);
    else sums.push([counter, period, amount, limit, alertAt]);
  }
  return sums;
}

function entryOf(sums: readonly Entry[], counter: LedgerName, period: string): Entry | undefined {
  for (let at = 0; at < sums.length; at++) if (sums[at]![0] === counter && sums[at]![1] === period) return sums[at];
  return undefined;
}

/** Counters, what is reserved of them, and usage. */
export function createSqlCounters(
  db: SqlDriver,
  caches: CacheGroup,
  texts: SqlTexts,
  rows: CounterRows,
  leases?: QuotaLeases,
) {
  const findReservation = db.prepare("SELECT 1 FROM reservations WHERE id = ?");
  const insertReservation = db.prepare("INSERT INTO reservations VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING");
  const takeReservation = db.prepare("DELETE FROM reservations WHERE id = ? RETURNING entries");
  const dropReservation = db.prepare("DELETE FROM reservations WHERE id = ?");
  const staleIds = db.prepare("SELECT id FROM reservations WHERE id >= ? AND id < ? AND created_at < ?");
  const entriesOf = db.prepare("SELECT entries FROM reservations WHERE id = ?");
  const openIds = db.prepare("SELECT id FROM reservations WHERE id >= ? AND id < ?");
  const usageRows = db.prepare(
    `SELECT day, model, ${usageColumns.join(", ")} FROM usage WHERE name = ? AND day BETWEEN ? AND ? ORDER BY day, model`,
  );
  const forgotten = [
    ["counters", "counter"],
    ["reservations", "id"],
    ["usage", "name"],
    ["estimates", "name"],
    ["texts", "name"],
  ].map(([table, column]) => db.prepare(`DELETE FROM ${table} WHERE ${column} >= ? AND ${column} < ?`));

  const tell = messageInsert(db);
  const held = new ShortLivedMap<string, Entry[]>();
  const estimates = createSqlEstimates(db, caches, rows);

  /** The process that reserved settles, as a rule: its entries need not be read and parsed again. */
  function take(id: LedgerName): Entry[] | undefined {
    const amounts = held.take(id);
    if (amounts !== undefined) return dropReservation.run(id).changes === 0 ? undefined : amounts;
    const granted = leases?.take(id);
    if (granted !== undefined) return granted;
    // It may be a lease of this process, which others take for dead.
    leases?.flush();
    leases?.clear();
    const [stored] = takeReservation.get<[string]>(id) ?? [];
    return stored === undefined ? undefined : (JSON.parse(stored) as Entry[]);
  }

  /** Each reserved amount becomes the actual one, or itself. */
  function charge(now: number, amounts: Entry[], actual: Record<LedgerName, number> | "reserved"): void {
    for (let at = 0; at < amounts.length; at++) {
      const { 0: counter, 1: period, 2: amount, 3: limit, 4: alertAt, 5: leased = 0 } = amounts[at]!;
      const spent = actual === "reserved" ? amount : (actual[counter] ?? 0);
      const row = rows.row(counter, period);
      const before = row.used;
      row.used = Math.min(row.used + spent, Number.MAX_SAFE_INTEGER);
      row.reserved = Math.max(0, row.reserved - amount);
      row.leased = Math.max(0, row.leased - leased);
      rows.changed(row);
      if (alertAt == null || limit == null) continue;
      for (const percent of thresholdsPassed(alertAt, limit, before, row.used))
        tell(thresholdMessage(now, { counter, period, limit, percent }, row.used));
    }
  }

  function askedUnder(counter: string, period: string, limit: number | null): void {
    const row = rows.row(counter, period);
    if (row.quota === limit) return;
    row.quota = limit;
    rows.changed(row);
  }

  function settle(
    now: number,
    id: LedgerName,
    actual: Record<LedgerName, number> | "reserved",
    usage?: UsageEntry,
  ): void {
    const amounts = take(id);
    if (amounts === undefined) return;
    charge(now, amounts, actual);
    if (usage === undefined) return;
    rows.addUsage(usage);
    const { estimate } = usage;
    if (estimate === undefined) return;
    for (const one of [estimate.tokens, estimate.microUsd]) {
      if (one === undefined || one.amount === 0) continue;
      const periods = amounts.flatMap(([counter, period]) => (counter === one.counter ? [period] : []));
      estimates.add(now, usage, one, periods);
    }
  }

  function heldIn(id: LedgerName): HeldAmount[] {
    const [stored] = entriesOf.get<[string]>(id) ?? [];
    const amounts = stored === undefined ? [] : (JSON.parse(stored) as [LedgerName, string, number][]);
    return amountsByCounter(amounts);
  }

  return {
    creditEstimates: estimates.creditEstimates,
    estimatedDays: estimates.estimatedDays,

    reserve(
      now: number,
      id: LedgerName,
      entries: CounterReservation[],
      expect?: { name: LedgerName; text: string },
    ): Reserved {
      const text = expect === undefined ? undefined : texts.readAgain(now, expect.name);
      if (text !== undefined && text !== expect?.text) return { outcome: "changed", text };
      if (leases?.has(id)) return reserved;
      const amounts = merged(entries);
      let exceeded = firstExceeded(entries, rows.row);
      if (exceeded !== undefined && expect !== undefined && leases?.giveBack(expect.name)) {
        exceeded = firstExceeded(entries, rows.row);
      }
      // A caller that asks again for what it has, after a lost answer, is neither charged twice nor refused.
      if (exceeded !== undefined) {
        if (findReservation.get(id) !== undefined) return reserved;
        // A limit that was lowered below what is used may refuse everything.
        askedUnder(exceeded.counter, exceeded.period, exceeded.limit);
        return { outcome: "exceeded", exceeded };
      }
      if (insertReservation.run(id, JSON.stringify(amounts), now).changes === 0) return reserved;
      if (held.size < maxHeld) held.set(id, amounts);
      for (let at = 0; at < amounts.length; at++) {
        const { 0: counter, 1: period, 2: amount } = amounts[at]!;
        const row = rows.row(counter, period);
        row.reserved = Math.min(row.reserved + amount, Number.MAX_SAFE_INTEGER);
        rows.changed(row);
      }
      for (let at = 0; at < entries.length; at++) {
        const { counter, period, limit, amount } = entries[at]!;
        // A request that costs nothing is held to no limit, and says nothing of it.
        if (limit !== null || amount > 0) askedUnder(counter, period, limit);
      }
      return reserved;
    },

    settle,

    /** Returns the usage of each, where there is any. */
    settleStale(now: number, prefix: string, olderThanMs: number): (UsageEntry | undefined)[] {
      leases?.flush();
      leases?.clear();
      const stale = staleIds.all<[LedgerName]>(...within(prefix), now - olderThanMs);
      return stale.map(([id]) => {
        const usage = lostUsage(id, heldIn(id), now);
        settle(now, id, "reserved", usage);
        return usage;
      });
    },

    /** The amounts of a reservation, where this process made it in a transaction and they are few enough to be kept. */
    heldBy: (id: LedgerName): Entry[] | undefined => held.get(id),

    held: heldIn,

    unsettled: (prefix: string): LedgerName[] => openIds.all<[LedgerName]>(...within(prefix)).map(([id]) => id),

    used: (counter: LedgerName, period: string): CounterState =>
      rows.stored(counter, period) ?? { used: 0, reserved: 0 },

    usage: (name: LedgerName, from: string, to: string): UsageRow[] =>
      usageRows.all<[string, string, ...number[]]>(name, from, to).map(usageRow),

    forget(prefix: LedgerName): void {
      caches.flush();
      for (const statement of forgotten) statement.run(...within(prefix));
      caches.clear();
    },
  };
}
