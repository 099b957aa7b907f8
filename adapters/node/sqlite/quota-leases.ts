import type { Clock, CounterReservation, LedgerName } from "../../../src/ports.ts";
import type { CounterRows } from "../../sql/counter-rows.ts";
import { type Entry, merged, type QuotaLeases } from "../../sql/sql-counters.ts";
import type { SqlDriver } from "../../sql/sql-driver.ts";
import type { SqlTexts } from "../../sql/sql-texts.ts";
import { createBusyKeys } from "./busy-keys.ts";
import { createGrantedRequests } from "./granted-requests.ts";
import { createLeaseRows } from "./lease-rows.ts";
import { createQuotaLease, entriesOf, isShaped, noteAsked, type QuotaLease, resize, takeFree } from "./quota-lease.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

/** Twice in this time a lease without requests is looked at, and then given back. */
const idleMs = 25;
/** A holder that lives writes its lease more often. */
const freshMs = 1_000;

/** `ai-key:<id>/`, of any name there. */
const shardOf = (name: LedgerName): string => name.slice(0, name.indexOf("/") + 1);
const wantedName = (name: LedgerName): LedgerName => `${shardOf(name)}wanted` as LedgerName;

/** The leases of quota of one process: see decision 12. */
export interface ProcessLeases extends QuotaLeases {
  /** Outside of a transaction: reserves from a lease. False where a transaction is to decide. */
  grant(id: LedgerName, entries: CounterReservation[], expect: { name: LedgerName; text: string }): boolean;
  /** Inside a transaction that has reserved under the text `name`: keys whose requests come alone, and often, get a lease. */
  reserved(id: LedgerName, entries: CounterReservation[], name: LedgerName, isAlone: boolean): void;
  /**
   * Inside a transaction that cannot reserve: whether another process that lives has leased of this counter, and was
   * asked to give it back.
   */
  want(name: LedgerName, counter: LedgerName, period: string): boolean;
  /** Before a settlement is written: one that is dearer than was reserved ends the leases whose quota it takes. */
  settles(
    id: LedgerName,
    actual: Record<LedgerName, number> | "reserved",
    heldBy: (id: LedgerName) => Entry[] | undefined,
  ): void;
  /** All are given back with the next transaction, and none is made any more. */
  end(): void;
}

type StoredLease = QuotaLease & { stored: number[] };

/** @param transactions in which changes are written, and which know whether another process has written */
export function createQuotaLeases(
  db: SqlDriver,
  rows: CounterRows,
  texts: SqlTexts,
  clock: Clock,
  transactions: Pick<SqliteTransactions, "flushLate" | "refresh">,
): ProcessLeases {
  const leaseRows = createLeaseRows(db);
  const busyKeys = createBusyKeys();
  /** The one that grants, by the name of its text. */
  const current = new Map<LedgerName, QuotaLease>();
  /** Those that have a row. */
  const own = new Set<LedgerName>();
  /** To be written. */
  const dirty = new Set<QuotaLease>();
  /** As they were before the transaction: a rollback puts them back. */
  let before = new Map<QuotaLease, Partial<QuotaLease>>();
  /** Within one, nobody else has written. */
  let epoch = 0;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const isCurrent = (lease: QuotaLease): boolean => current.get(lease.name) === lease;

  function remember(lease: QuotaLease): void {
    if (before.has(lease)) return;
    const { free, stored, isGone } = lease;
    before.set(lease, { free: [...free], stored: stored && [...stored], isGone });
  }

  /** Grants no more, and gives back what is free when it is written. */
  function retire(lease: QuotaLease): void {
    if (isCurrent(lease)) current.delete(lease.name);
    dirty.add(lease);
  }

  /** Whether its row is still there, if it ever had one: others settle the leases of a process that they take for dead. */
  function isThere(lease: QuotaLease): boolean {
    if (lease.isGone) return false;
    if (lease.stored === undefined || lease.seenIn === epoch) return true;
    if (leaseRows.has(lease.id)) {
      lease.seenIn = epoch;
      return true;
    }
    remember(lease);
    lease.isGone = true;
    own.delete(lease.id);
    retire(lease);
    return false;
  }

  function watch(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const lease of current.values()) {
        if (lease.isIdle) retire(lease);
        lease.isIdle = true;
      }
      if (dirty.size > 0) transactions.flushLate();
      if (current.size > 0) watch();
    }, idleMs);
  }

  const isWanted = ({ name }: QuotaLease): boolean => texts.readAgain(clock.now(), wantedName(name)) !== undefined;

  const granted = createGrantedRequests(rows, leaseRows, {
    isThere,
    changes(lease) {
      remember(lease);
      dirty.add(lease);
    },
  });

  /** Brings the counters to what is free. */
  function apply({ shape, free, stored }: StoredLease): void {
    for (let at = 0; at < shape.length; at++) {
      const more = free[at]! - stored[at]!;
      if (more === 0) continue;
      const row = rows.row(shape[at]!.counter, shape[at]!.period);
      row.reserved += more;
      row.leased += more;
      rows.changed(row);
      stored[at] = free[at]!;
    }
  }

  function write(lease: QuotaLease): void {
    if (!isThere(lease)) return;
    remember(lease);
    const leftOf = ({ counter, period, limit }: CounterReservation, at: number): number => {
      const { used, reserved } = rows.row(counter, period);
      return (limit ?? Number.MAX_SAFE_INTEGER) - used - (reserved - (lease.stored?.[at] ?? 0));
    };
    if (isCurrent(lease) && (isWanted(lease) || !resize(lease, leftOf))) retire(lease);
    if (isCurrent(lease)) {
      lease.stored ??= lease.free.map(() => 0);
      apply(lease as StoredLease);
      leaseRows.put(lease.id, entriesOf(lease), clock.now());
      own.add(lease.id);
      lease.seenIn = epoch;
    } else {
      lease.free.fill(0);
      if (lease.stored === undefined) return;
      apply(lease as StoredLease);
      leaseRows.drop(lease.id);
      own.delete(lease.id);
      lease.isGone = true;
    }
  }

  return {
    has: granted.isOpen,

    grant(id, entries, { name, text }) {
      const lease = current.get(name);
      if (lease?.stored === undefined || !transactions.refresh()) return false;
      const latest = texts.readAgain(clock.now(), name);
      if ((latest !== undefined && latest !== text) || !isThere(lease) || !isShaped(lease.shape, entries)) return false;
      if (granted.amountsOf(id) !== undefined) return true;
      const amounts = merged(entries);
      if (!takeFree(lease, entries)) return false;
      granted.add(id, { lease, amounts, at: clock.now() });
      noteAsked(lease, entries);
      dirty.add(lease);
      transactions.flushLate();
      return true;
    },

    take: granted.take,

    reserved(id, entries, name, isAlone) {
      let lease = current.get(name);
      if (!isAlone) {
        busyKeys.forget(name);
        if (lease !== undefined) retire(lease);
        return;
      }
      if (lease === undefined) {
        if (ended || entries.length === 0 || !busyKeys.isBusy(name, entries)) return;
        busyKeys.forget(name);
        if (merged(entries).length !== entries.length) return;
        lease = createQuotaLease(id, name, entries);
        current.set(name, lease);
        watch();
      } else if (!isShaped(lease.shape, entries)) {
        retire(lease);
        return;
      }
      noteAsked(lease, entries);
      dirty.add(lease);
    },

    giveBack(name) {
      const active = current.get(name);
      if (active !== undefined) retire(active);
      // Requests that were granted from the lease stay reserved, in rows of their own.
      granted.write();
      let gave = false;
      for (const lease of dirty) {
        if (lease.name !== name || lease.stored === undefined || !isThere(lease)) continue;
        remember(lease);
        gave ||= lease.stored.some((amount) => amount > 0);
        lease.free.fill(0);
        apply(lease as StoredLease);
      }
      return gave;
    },

    want(name, counter, period) {
      if (rows.row(counter, period).leased === 0) return false;
      const now = clock.now();
      const isLeased = leaseRows
        .leasedSince(`${shardOf(name)}reservation:`, now - freshMs)
        .filter(({ id }) => !own.has(id))
        .flatMap(({ entries }) => entries)
        .some(([of, during, , , , leased = 0]) => leased > 0 && of === counter && during === period);
      if (isLeased) texts.put(now, wantedName(name), "1", freshMs);
      return isLeased;
    },

    settles(id, actual, heldBy) {
      if (current.size === 0 || actual === "reserved") return;
      const reserved = granted.amountsOf(id) ?? heldBy(id);
      if (reserved === undefined || reserved.every(([counter, , amount]) => (actual[counter] ?? 0) <= amount)) return;
      for (const lease of current.values()) if (shardOf(lease.name) === shardOf(id)) retire(lease);
    },

    end() {
      ended = true;
      clearTimeout(timer);
      for (const lease of current.values()) retire(lease);
      if (dirty.size > 0) transactions.flushLate();
    },

    flush() {
      granted.write();
      for (const lease of dirty) write(lease);
      if (dirty.size > 0) dirty.clear();
    },
    clear() {
      epoch++;
    },
    ended(committed) {
      if (!committed) {
        for (const [lease, was] of before) {
          Object.assign(lease, was);
          if (lease.stored !== undefined && !lease.isGone) own.add(lease.id);
          dirty.add(lease);
        }
      }
      granted.ended(committed);
      // Cleared, a Map leaves its entries to V8's next full collection.
      if (before.size > 0) before = new Map();
    },
  };
}
