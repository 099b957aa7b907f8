import type { Clock, CounterReservation, LedgerName } from "../../../src/ports.ts";
import type { CounterRows } from "../../sql/counter-rows.ts";
import { type Entry, merged, type QuotaLeases } from "../../sql/sql-counters.ts";
import { type SqlDriver, within } from "../../sql/sql-driver.ts";
import type { SqlTexts } from "../../sql/sql-texts.ts";
import {
  createQuotaLease,
  entriesOf,
  isShaped,
  leaseMark,
  noteAsked,
  type QuotaLease,
  resize,
  takeFree,
} from "./quota-lease.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

/** A key with so many reservations in so short a time is busy: the next transaction serves some of those to come. */
const busyCount = 8;
const busyMs = 100;
/** Twice in this time a lease without requests is looked at, and then given back. */
const idleMs = 25;
/** A holder that lives writes its lease more often. */
const freshMs = 1_000;
const maxPaced = 1_000;
const maxHeld = 10_000;

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

interface Grant {
  lease: QuotaLease;
  amounts: Entry[];
  /** Epoch milliseconds. */
  at: number;
}

/** @param transactions in which changes are written, and which know whether another process has written */
export function createQuotaLeases(
  db: SqlDriver,
  rows: CounterRows,
  texts: SqlTexts,
  clock: Clock,
  transactions: Pick<SqliteTransactions, "flushLate" | "refresh">,
): ProcessLeases {
  const find = db.prepare("SELECT 1 FROM reservations WHERE id = ?");
  const store = db.prepare(
    "INSERT INTO reservations VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET entries = ?2, created_at = ?3",
  );
  const insert = db.prepare("INSERT INTO reservations VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING");
  const drop = db.prepare("DELETE FROM reservations WHERE id = ?");
  const freshLeases = db.prepare(
    `SELECT id, entries FROM reservations
     WHERE id >= ? AND id < ? AND substr(id, -1) = '${leaseMark}' AND created_at > ?`,
  );
  /** The one that grants, by the name of its text. */
  const current = new Map<LedgerName, QuotaLease>();
  /** Since the last transaction: the next one writes those that are not settled by then. */
  const grants = new Map<LedgerName, Grant>();
  /** What was written need not be read and parsed again. */
  const held = new Map<LedgerName, Entry[]>();
  /** Those that have a row. */
  const own = new Set<LedgerName>();
  const paces = new Map<LedgerName, { shape: CounterReservation[]; since: number; count: number }>();
  /** To be written. */
  const dirty = new Set<QuotaLease>();
  /** As they were before the transaction, and the grants that it took or wrote: a rollback puts both back. */
  const before = new Map<QuotaLease, Partial<QuotaLease>>();
  const taken: [LedgerName, Grant][] = [];
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
    if (find.get(lease.id) !== undefined) {
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

  function isBusy(name: LedgerName, shape: CounterReservation[]): boolean {
    const now = performance.now();
    let pace = paces.get(name);
    if (pace === undefined || now - pace.since > busyMs || !isShaped(pace.shape, shape)) {
      if (paces.size >= maxPaced) paces.clear();
      pace = { shape, since: now, count: 0 };
      paces.set(name, pace);
    }
    pace.count++;
    return pace.count >= busyCount;
  }

  const isWanted = ({ name }: QuotaLease): boolean => texts.readAgain(clock.now(), wantedName(name)) !== undefined;

  /** A request that was granted ends, or gets a row of its own: the lease holds it no longer. */
  function leave({ lease, amounts }: Grant): void {
    remember(lease);
    for (let at = 0; at < amounts.length; at++) {
      const [counter, period, amount] = amounts[at]!;
      const row = rows.row(counter, period);
      row.leased -= amount;
      rows.changed(row);
      lease.stored![at]! -= amount;
    }
    dirty.add(lease);
  }

  function writeGrants(): void {
    for (const [id, grant] of grants) {
      taken.push([id, grant]);
      if (!isThere(grant.lease)) continue;
      leave(grant);
      const isNew = insert.run(id, JSON.stringify(grant.amounts), grant.at).changes !== 0;
      // It was reserved before, in a transaction, which is not charged twice.
      if (!isNew) for (const [counter, period, amount] of grant.amounts) rows.row(counter, period).reserved -= amount;
      if (held.size < maxHeld) held.set(id, grant.amounts);
    }
    grants.clear();
  }

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
      store.run(lease.id, JSON.stringify(entriesOf(lease)), clock.now());
      own.add(lease.id);
      lease.seenIn = epoch;
    } else {
      lease.free.fill(0);
      if (lease.stored === undefined) return;
      apply(lease as StoredLease);
      drop.run(lease.id);
      own.delete(lease.id);
      lease.isGone = true;
    }
  }

  return {
    has: (id) => grants.has(id),

    grant(id, entries, { name, text }) {
      const lease = current.get(name);
      if (lease?.stored === undefined || !transactions.refresh()) return false;
      const stored = texts.readAgain(clock.now(), name);
      if ((stored !== undefined && stored !== text) || !isThere(lease) || !isShaped(lease.shape, entries)) return false;
      if (grants.has(id) || held.has(id)) return true;
      const amounts = merged(entries);
      if (!takeFree(lease, entries)) return false;
      grants.set(id, { lease, amounts, at: clock.now() });
      noteAsked(lease, entries);
      dirty.add(lease);
      transactions.flushLate();
      return true;
    },

    take(id) {
      const grant = grants.get(id);
      if (grant === undefined) {
        const amounts = held.get(id);
        if (amounts === undefined) return undefined;
        held.delete(id);
        return drop.run(id).changes === 0 ? undefined : amounts;
      }
      taken.push([id, grant]);
      grants.delete(id);
      if (!isThere(grant.lease)) return undefined;
      leave(grant);
      return grant.amounts;
    },

    reserved(id, entries, name, isAlone) {
      let lease = current.get(name);
      if (!isAlone) {
        paces.delete(name);
        if (lease !== undefined) retire(lease);
        return;
      }
      if (lease === undefined) {
        if (ended || entries.length === 0 || !isBusy(name, entries)) return;
        paces.delete(name);
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
      // What was granted from it is reserved all the same.
      writeGrants();
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
      const isLeased = freshLeases
        .all<[LedgerName, string]>(...within(`${shardOf(name)}reservation:`), now - freshMs)
        .filter(([id]) => !own.has(id))
        .flatMap(([, entries]) => JSON.parse(entries) as Entry[])
        .some(([of, during, , , , leased = 0]) => leased > 0 && of === counter && during === period);
      if (isLeased) texts.put(now, wantedName(name), "1", freshMs);
      return isLeased;
    },

    settles(id, actual, heldBy) {
      if (current.size === 0 || actual === "reserved") return;
      const reserved = grants.get(id)?.amounts ?? held.get(id) ?? heldBy(id);
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
      writeGrants();
      for (const lease of dirty) write(lease);
      dirty.clear();
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
        for (const [id, grant] of taken) {
          held.delete(id);
          grants.set(id, grant);
        }
      }
      before.clear();
      taken.length = 0;
    },
  };
}
