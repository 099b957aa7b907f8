import type { LedgerName } from "../../../src/ports.ts";
import type { Entry } from "../../sql/sql-counters.ts";
import { type SqlDriver, within } from "../../sql/sql-driver.ts";
import { leaseMark } from "./quota-lease.ts";

/** The rows of leases, and of requests that were granted from one, among the ledger's reservations. */
export interface LeaseRows {
  has(id: LedgerName): boolean;
  /** Inside a transaction. Times are epoch milliseconds. */
  put(id: LedgerName, entries: readonly Entry[], now: number): void;
  /** Inside a transaction: false, and nothing is changed, where the row is there already. */
  add(id: LedgerName, entries: readonly Entry[], since: number): boolean;
  /** Inside a transaction: whether the row was there. */
  drop(id: LedgerName): boolean;
  /** The leases, of any process, whose ids begin with `prefix` and that were written after `since`. */
  leasedSince(prefix: string, since: number): { id: LedgerName; entries: Entry[] }[];
}

/** Over the connection of the ledger whose transactions write them. */
export function createLeaseRows(db: SqlDriver): LeaseRows {
  const find = db.prepare("SELECT 1 FROM reservations WHERE id = ?");
  const store = db.prepare(
    "INSERT INTO reservations VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET entries = ?2, created_at = ?3",
  );
  const insert = db.prepare("INSERT INTO reservations VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING");
  const remove = db.prepare("DELETE FROM reservations WHERE id = ?");
  const fresh = db.prepare(
    `SELECT id, entries FROM reservations
     WHERE id >= ? AND id < ? AND substr(id, -1) = '${leaseMark}' AND created_at > ?`,
  );
  return {
    has: (id) => find.get(id) !== undefined,
    put: (id, entries, now) => void store.run(id, JSON.stringify(entries), now),
    add: (id, entries, since) => insert.run(id, JSON.stringify(entries), since).changes !== 0,
    drop: (id) => remove.run(id).changes !== 0,
    leasedSince: (prefix, since) =>
      fresh
        .all<[LedgerName, string]>(...within(prefix), since)
        .map(([id, entries]) => ({ id, entries: JSON.parse(entries) as Entry[] })),
  };
}
