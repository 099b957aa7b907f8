import type { DatabaseSync } from "node:sqlite";
import type {
  Clock,
  CounterReservation,
  CounterState,
  Exceeded,
  Ledger,
  LedgerName,
  UsageRow,
} from "../../../src/ports.ts";
import { createCounterRows } from "./sqlite-counter-rows.ts";
import { createSqliteEstimates } from "./sqlite-estimates.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

type Entry = [counter: LedgerName, period: string, amount: number];

/** The range of the texts that begin with `prefix`: names are ASCII, so nothing stands between its ends but they. */
export const within = (prefix: string): [from: string, before: string] => [
  prefix,
  prefix === "" ? "\u{7f}" : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
];

/** Beyond all requests under way; agents' places, which are held for months, are read when they are freed. */
const maxHeld = 10_000;

/** What one reservation asks of each counter: several limits of one counter and period are one amount. */
function merged(entries: CounterReservation[]): Entry[] {
  const sums: Entry[] = [];
  for (const { counter, period, amount } of entries) {
    const entry = sums.find((sum) => sum[0] === counter && sum[1] === period);
    if (entry === undefined) sums.push([counter, period, amount]);
    else entry[2] += amount;
  }
  return sums;
}

export function createSqliteCounters(
  db: DatabaseSync,
  transactions: SqliteTransactions,
  clock: Clock,
  readText: (name: LedgerName, now: number) => string | undefined,
): Pick<
  Ledger,
  "reserve" | "settle" | "settleStale" | "unsettled" | "creditEstimates" | "used" | "adjust" | "usage" | "forget"
> {
  const counterRow = db.prepare("SELECT used, reserved FROM counters WHERE counter = ? AND period = ?");
  counterRow.setReturnArrays(true);
  const findReservation = db.prepare("SELECT 1 FROM reservations WHERE id = ?");
  const insertReservation = db.prepare("INSERT INTO reservations VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING");
  const takeReservation = db.prepare("DELETE FROM reservations WHERE id = ? RETURNING entries");
  takeReservation.setReturnArrays(true);
  const dropReservation = db.prepare("DELETE FROM reservations WHERE id = ?");
  const takeStale = db.prepare(
    "DELETE FROM reservations WHERE id >= ? AND id < ? AND created_at < ? RETURNING entries",
  );
  takeStale.setReturnArrays(true);
  const openIds = db.prepare("SELECT id FROM reservations WHERE id >= ? AND id < ?");
  const usageRows = db.prepare(
    `SELECT day, model, requests, input_tokens AS inputTokens, output_tokens AS outputTokens, tokens,
     estimated_tokens AS estimatedTokens FROM usage WHERE name = ? AND day BETWEEN ? AND ? ORDER BY day, model`,
  );
  const forgotten = [
    ["counters", "counter"],
    ["reservations", "id"],
    ["usage", "name"],
    ["estimates", "name"],
    ["texts", "name"],
  ].map(([table, column]) => db.prepare(`DELETE FROM ${table} WHERE ${column} >= ? AND ${column} < ?`));

  function stored(counter: string, period: string): CounterState | undefined {
    const row = counterRow.get(counter, period) as unknown as [used: number, reserved: number] | undefined;
    return row && { used: row[0], reserved: row[1] };
  }
  const held = new Map<string, Entry[]>();
  const rows = createCounterRows(db, stored);
  transactions.caches.add(rows);
  const estimates = createSqliteEstimates(db, transactions, rows);

  function firstExceeded(entries: CounterReservation[]): Exceeded | undefined {
    for (const [at, { counter, period, limit, amount }] of entries.entries()) {
      if (limit === null) continue;
      let sum = 0;
      for (let before = 0; before <= at; before++) {
        const entry = entries[before]!;
        if (entry.counter === counter && entry.period === period) sum += entry.amount;
      }
      const { used, reserved } = rows.row(counter, period);
      if (used + reserved + sum > limit) return { counter, period, limit, amount, used, reserved };
    }
    return undefined;
  }

  /** Whoever reserved settles, as a rule: what it holds need not be read and parsed again. */
  function take(id: string): Entry[] | undefined {
    const amounts = held.get(id);
    if (amounts !== undefined) {
      held.delete(id);
      return dropReservation.run(id).changes === 0 ? undefined : amounts;
    }
    const [stored] = (takeReservation.get(id) as unknown as [string] | undefined) ?? [];
    return stored === undefined ? undefined : (JSON.parse(stored) as Entry[]);
  }

  /** Each reserved amount becomes the actual one, or itself. */
  function charge(amounts: Entry[], actual: Record<LedgerName, number> | "reserved"): void {
    for (const [counter, period, amount] of amounts) {
      const spent = actual === "reserved" ? amount : (actual[counter] ?? 0);
      const row = rows.row(counter, period);
      row.used = Math.min(row.used + spent, Number.MAX_SAFE_INTEGER);
      row.reserved = Math.max(0, row.reserved - amount);
      rows.changed(row);
    }
  }

  return {
    reserve: (id, entries, expect) =>
      transactions.writeSoon(() => {
        const now = clock.now();
        const text = expect === undefined ? undefined : readText(expect.name, now);
        if (text !== undefined && text !== expect?.text) return { outcome: "changed", text };
        // A caller that asks again for what it has, after a lost answer, is neither charged twice nor refused.
        const exceeded = firstExceeded(entries);
        if (exceeded !== undefined) {
          return findReservation.get(id) === undefined ? { outcome: "exceeded", exceeded } : { outcome: "reserved" };
        }
        const amounts = merged(entries);
        if (insertReservation.run(id, JSON.stringify(amounts), now).changes === 0) return { outcome: "reserved" };
        if (held.size < maxHeld) held.set(id, amounts);
        for (const [counter, period, amount] of amounts) {
          const row = rows.row(counter, period);
          row.reserved = Math.min(row.reserved + amount, Number.MAX_SAFE_INTEGER);
          rows.changed(row);
        }
        return { outcome: "reserved" };
      }),

    settle: (id, actual, usage) =>
      transactions.write(() => {
        const amounts = take(id);
        if (amounts === undefined) return;
        charge(amounts, actual);
        if (usage === undefined) return;
        rows.addUsage(usage);
        const estimated = amounts.filter(([counter]) => counter === usage.estimate?.counter);
        estimates.add(
          usage,
          estimated.map(([, period]) => period),
          clock.now(),
        );
      }),

    creditEstimates: (name, since) => transactions.write(() => estimates.credit(name, since)),

    settleStale: (prefix, olderThanMs) =>
      transactions.write(() => {
        const stale = takeStale.all(...within(prefix), clock.now() - olderThanMs) as unknown as [string][];
        for (const [stored] of stale) charge(JSON.parse(stored) as Entry[], "reserved");
        return stale.length;
      }),

    unsettled: (prefix) =>
      transactions.read(() => (openIds.all(...within(prefix)) as unknown as { id: LedgerName }[]).map(({ id }) => id)),

    used: (counter, period) =>
      transactions.read((): CounterState => stored(counter, period) ?? { used: 0, reserved: 0 }),

    adjust: (counter, period, delta) =>
      transactions.write(() => {
        const row = rows.row(counter, period);
        row.used = Math.max(0, row.used + delta);
        rows.changed(row);
      }),

    // Rows come with a null prototype, which deep equality in callers trips over.
    usage: (name, from, to) =>
      transactions.read(() => (usageRows.all(name, from, to) as unknown as UsageRow[]).map((row) => ({ ...row }))),

    forget: (prefix) =>
      transactions.write(() => {
        transactions.caches.flush();
        for (const statement of forgotten) statement.run(...within(prefix));
        transactions.caches.clear();
      }),
  };
}
