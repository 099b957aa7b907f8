import type { DatabaseSync } from "node:sqlite";
import type {
  Clock,
  CounterReservation,
  CounterState,
  Exceeded,
  Ledger,
  LedgerName,
  UsageEntry,
  UsageRow,
} from "../../src/ports.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

type Entry = [counter: LedgerName, period: string, amount: number];
type CounterRow = [used: number, reserved: number];

/** The range of the texts that begin with `prefix`: names are ASCII, so nothing stands between its ends but they. */
const within = (prefix: string): [from: string, before: string] => [
  prefix,
  prefix === "" ? "\u{7f}" : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
];

/** What one reservation asks of each counter: several limits of one counter and period are one amount. */
function merged(entries: CounterReservation[]): Entry[] {
  const sums = new Map<string, Entry>();
  for (const { counter, period, amount } of entries) {
    const key = `${counter} ${period}`;
    const entry = sums.get(key);
    if (entry === undefined) sums.set(key, [counter, period, amount]);
    else entry[2] += amount;
  }
  return [...sums.values()];
}

export function createSqliteCounters(
  db: DatabaseSync,
  transactions: SqliteTransactions,
  clock: Clock,
  readText: (name: LedgerName, now: number) => string | undefined,
): Pick<Ledger, "reserve" | "settle" | "settleStale" | "used" | "adjust" | "usage" | "forget"> {
  const counterRow = db.prepare("SELECT used, reserved FROM counters WHERE counter = ? AND period = ?");
  counterRow.setReturnArrays(true);
  const insertCounter = db.prepare("INSERT INTO counters VALUES (?, ?, ?, ?)");
  const setCounter = db.prepare("UPDATE counters SET used = ?3, reserved = ?4 WHERE counter = ?1 AND period = ?2");
  // Periods of one length are of one kind and sort by time. The one before the new one stays, to be looked at.
  const prune = db.prepare(
    `DELETE FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND reserved = 0 AND period <
     (SELECT max(period) FROM counters WHERE counter = ?1 AND length(period) = length(?2) AND period < ?2)`,
  );
  const findReservation = db.prepare("SELECT 1 FROM reservations WHERE id = ?");
  const insertReservation = db.prepare("INSERT INTO reservations VALUES (?, ?, ?)");
  const takeReservation = db.prepare("DELETE FROM reservations WHERE id = ? RETURNING entries");
  takeReservation.setReturnArrays(true);
  const takeStale = db.prepare(
    "DELETE FROM reservations WHERE id >= ? AND id < ? AND created_at < ? RETURNING entries",
  );
  takeStale.setReturnArrays(true);
  const addUsage = db.prepare(
    `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name, day, model) DO UPDATE SET
     requests = requests + excluded.requests, input_tokens = input_tokens + excluded.input_tokens,
     output_tokens = output_tokens + excluded.output_tokens, tokens = tokens + excluded.tokens`,
  );
  const usageRows = db.prepare(
    `SELECT day, model, requests, input_tokens AS inputTokens, output_tokens AS outputTokens, tokens
     FROM usage WHERE name = ? AND day BETWEEN ? AND ? ORDER BY day, model`,
  );
  const forgotten = [
    ["counters", "counter"],
    ["reservations", "id"],
    ["usage", "name"],
    ["texts", "name"],
  ].map(([table, column]) => db.prepare(`DELETE FROM ${table} WHERE ${column} >= ? AND ${column} < ?`));

  const stateOf = (counter: string, period: string): CounterRow | undefined =>
    counterRow.get(counter, period) as unknown as CounterRow | undefined;

  function change(counter: string, period: string, by: (row: CounterRow) => CounterRow): void {
    const row = stateOf(counter, period);
    const [used, reserved] = by(row ?? [0, 0]);
    if (row !== undefined) setCounter.run(counter, period, used, reserved);
    else {
      insertCounter.run(counter, period, used, reserved);
      prune.run(counter, period);
    }
  }

  function firstExceeded(entries: CounterReservation[]): Exceeded | undefined {
    const asked = new Map<string, number>();
    for (const { counter, period, limit, amount } of entries) {
      const key = `${counter} ${period}`;
      const sum = (asked.get(key) ?? 0) + amount;
      asked.set(key, sum);
      if (limit === null) continue;
      const [used, reserved] = stateOf(counter, period) ?? [0, 0];
      if (used + reserved + sum > limit) return { counter, period, limit, amount, used, reserved };
    }
    return undefined;
  }

  /** Each reserved amount becomes the actual one, or itself. */
  function charge(stored: string, actual: Record<LedgerName, number> | "reserved"): void {
    for (const [counter, period, amount] of JSON.parse(stored) as Entry[]) {
      const spent = actual === "reserved" ? amount : (actual[counter] ?? 0);
      change(counter, period, ([used, reserved]) => [used + spent, Math.max(0, reserved - amount)]);
    }
  }

  const record = (entry: UsageEntry) =>
    addUsage.run(
      entry.name,
      entry.day,
      entry.model,
      entry.requests,
      entry.inputTokens,
      entry.outputTokens,
      entry.tokens,
    );

  return {
    reserve: (id, entries, expect) =>
      transactions.write(() => {
        const now = clock.now();
        const text = expect === undefined ? undefined : readText(expect.name, now);
        if (text !== undefined && text !== expect?.text) return { outcome: "changed", text };
        // A caller that asks again for what it has, after a lost answer, is not charged twice.
        if (findReservation.get(id) !== undefined) return { outcome: "reserved" };
        const exceeded = firstExceeded(entries);
        if (exceeded !== undefined) return { outcome: "exceeded", exceeded };
        const amounts = merged(entries);
        for (const [counter, period, amount] of amounts) {
          change(counter, period, ([used, reserved]) => [used, reserved + amount]);
        }
        insertReservation.run(id, JSON.stringify(amounts), now);
        return { outcome: "reserved" };
      }),

    settle: (id, actual, usage) =>
      transactions.write(() => {
        const [stored] = (takeReservation.get(id) as unknown as [string] | undefined) ?? [];
        if (stored === undefined) return;
        charge(stored, actual);
        if (usage !== undefined) record(usage);
      }),

    settleStale: (prefix, olderThanMs) =>
      transactions.write(() => {
        const stale = takeStale.all(...within(prefix), clock.now() - olderThanMs) as unknown as [string][];
        for (const [stored] of stale) charge(stored, "reserved");
        return stale.length;
      }),

    used: (counter, period) =>
      transactions.read((): CounterState => {
        const [used, reserved] = stateOf(counter, period) ?? [0, 0];
        return { used, reserved };
      }),

    adjust: (counter, period, delta) =>
      transactions.write(() => change(counter, period, ([used, reserved]) => [Math.max(0, used + delta), reserved])),

    // Rows come with a null prototype, which deep equality in callers trips over.
    usage: (name, from, to) =>
      transactions.read(() => (usageRows.all(name, from, to) as unknown as UsageRow[]).map((row) => ({ ...row }))),

    forget: (prefix) =>
      transactions.write(() => {
        for (const statement of forgotten) statement.run(...within(prefix));
      }),
  };
}
