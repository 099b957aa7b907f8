import type { LedgerName } from "../../../src/ports.ts";
import type { CounterRows } from "../../sql/counter-rows.ts";
import { ShortLivedMap } from "../../sql/short-lived-map.ts";
import type { Entry } from "../../sql/sql-counters.ts";
import type { LeaseRows } from "./lease-rows.ts";
import type { QuotaLease } from "./quota-lease.ts";

/** Beyond all requests under way of one process. */
const maxWritten = 10_000;

interface Grant {
  lease: QuotaLease;
  amounts: Entry[];
  /** Epoch milliseconds. */
  at: number;
}

/** The requests that one process has granted from its leases, by the id of the reservation. */
export interface GrantedRequests {
  add(id: LedgerName, grant: Grant): void;
  /** Whether the next transaction is to write it. */
  isOpen(id: LedgerName): boolean;
  /** Whether written or not; `undefined` once it was taken, and for those of others. */
  amountsOf(id: LedgerName): Entry[] | undefined;
  /** Inside a transaction: what it holds, which the caller charges; `undefined` where it is not known, or charged. */
  take(id: LedgerName): Entry[] | undefined;
  /** Inside a transaction: gives each that is open a row of its own. */
  write(): void;
  /** A rollback opens again what the transaction took or wrote. */
  ended(committed: boolean): void;
}

/** @param leases tells whether a lease has its row, and is told before one is changed */
export function createGrantedRequests(
  rows: CounterRows,
  leaseRows: LeaseRows,
  leases: { isThere(lease: QuotaLease): boolean; changes(lease: QuotaLease): void },
): GrantedRequests {
  /** Since the last transaction. */
  const open = new ShortLivedMap<LedgerName, Grant>();
  /** Amounts of those that have a row: their settlement need not read and parse it. */
  const written = new ShortLivedMap<LedgerName, Entry[]>();
  /** The open ones that the transaction took or wrote. */
  let taken: [LedgerName, Grant][] = [];

  /** The lease holds the request no longer. */
  function leave({ lease, amounts }: Grant): void {
    leases.changes(lease);
    for (let at = 0; at < amounts.length; at++) {
      const [counter, period, amount] = amounts[at]!;
      const row = rows.row(counter, period);
      row.leased -= amount;
      rows.changed(row);
      lease.stored![at]! -= amount;
    }
  }

  return {
    add: (id, grant) => void open.set(id, grant),
    isOpen: (id) => open.has(id),
    amountsOf: (id) => open.get(id)?.amounts ?? written.get(id),

    take(id) {
      const grant = open.take(id);
      if (grant === undefined) {
        const amounts = written.take(id);
        return amounts !== undefined && leaseRows.drop(id) ? amounts : undefined;
      }
      taken.push([id, grant]);
      if (!leases.isThere(grant.lease)) return undefined;
      leave(grant);
      return grant.amounts;
    },

    write() {
      for (const [id, grant] of open.takeAll()) {
        taken.push([id, grant]);
        if (!leases.isThere(grant.lease)) continue;
        leave(grant);
        const isNew = leaseRows.add(id, grant.amounts, grant.at);
        // It was reserved before, in a transaction, which is not charged twice.
        if (!isNew) for (const [counter, period, amount] of grant.amounts) rows.row(counter, period).reserved -= amount;
        if (written.size < maxWritten) written.set(id, grant.amounts);
      }
    },

    ended(committed) {
      if (!committed) {
        for (const [id, grant] of taken) {
          written.take(id);
          open.set(id, grant);
        }
      }
      taken = [];
    },
  };
}
