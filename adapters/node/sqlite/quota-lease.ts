import type { CounterReservation, LedgerName } from "../../../src/ports.ts";
import type { Entry } from "../../sql/sql-counters.ts";

const mostRequests = 64;
/** A lease holds at most this part of what is left under each limit: a quota near its end is not leased. */
const leasedPart = 16;
/** Ends the id of a lease, which begins as the reservation's does for which it was made. */
export const leaseMark = "~";

/** Amounts are by entry. */
export interface QuotaLease {
  readonly id: LedgerName;
  /** The text under which it grants has this name. */
  readonly name: LedgerName;
  /** Requests of these counters, periods and limits, whatever their amounts. */
  readonly shape: readonly CounterReservation[];
  /** Requests to come may have this much. */
  free: number[];
  /** As counters and its row have it: what is free, and what was granted since; absent while it has no row. */
  stored: number[] | undefined;
  /** Its row is not there any more: given back, or settled by somebody else, and so charged. */
  isGone: boolean;
  /** The epoch in which its row was seen. */
  seenIn: number;
  /** Requests since it was written, and the most that one asked. */
  asked: number;
  most: number[];
  isIdle: boolean;
}

export function createQuotaLease(
  reservation: LedgerName,
  name: LedgerName,
  shape: readonly CounterReservation[],
): QuotaLease {
  return {
    id: `${reservation}${leaseMark}`,
    name,
    shape,
    free: shape.map(() => 0),
    stored: undefined,
    isGone: false,
    seenIn: -1,
    asked: 0,
    most: shape.map(() => 0),
    isIdle: false,
  };
}

/** Whether they ask of the same counters and periods under the same limits. */
export function isShaped(shape: readonly CounterReservation[], entries: readonly CounterReservation[]): boolean {
  if (shape.length !== entries.length) return false;
  for (let at = 0; at < shape.length; at++) {
    const a = shape[at]!;
    const b = entries[at]!;
    if (a.counter !== b.counter || a.period !== b.period || a.limit !== b.limit || a.alertAt !== b.alertAt)
      return false;
  }
  return true;
}

/** Notes a request, by which the lease is sized. */
export function noteAsked(lease: QuotaLease, entries: readonly CounterReservation[]): void {
  lease.isIdle = false;
  lease.asked++;
  for (let at = 0; at < entries.length; at++) lease.most[at] = Math.max(lease.most[at]!, entries[at]!.amount);
}

/** False, and nothing is changed, where it does not fit into what is free. */
export function takeFree({ free }: QuotaLease, entries: readonly CounterReservation[]): boolean {
  for (let at = 0; at < free.length; at++) {
    const { amount } = entries[at]!;
    if (!(amount >= 0 && amount <= free[at]!)) return false;
  }
  for (let at = 0; at < free.length; at++) free[at]! -= entries[at]!.amount;
  return true;
}

/**
 * Sizes what is free for twice as many requests as came since the last time, where every limit is far.
 * @param leftOf what is neither used nor reserved of an entry's limit, beside what is free here
 * @returns false where it is too near an end for even one request
 */
export function resize(lease: QuotaLease, leftOf: (entry: CounterReservation, at: number) => number): boolean {
  const { shape, free, most, asked } = lease;
  const rooms = shape.map((entry, at) => Math.max(0, Math.floor(leftOf(entry, at) / leasedPart)));
  if (asked === 0) {
    for (let at = 0; at < free.length; at++) free[at] = Math.min(free[at]!, rooms[at]!);
    return true;
  }
  let requests = Math.min(2 * asked, mostRequests);
  for (let at = 0; at < free.length; at++) {
    if (most[at]! > 0) requests = Math.min(requests, Math.floor(rooms[at]! / most[at]!));
  }
  for (let at = 0; at < free.length; at++) free[at] = requests * most[at]!;
  most.fill(0);
  lease.asked = 0;
  return requests > 0;
}

/** As its row has it. */
export function entriesOf({ shape, free }: QuotaLease): Entry[] {
  return shape.map(({ counter, period, limit, alertAt }, at): Entry => {
    const tells = limit !== null && alertAt !== undefined && alertAt.length > 0;
    return [counter, period, free[at]!, tells ? limit : null, tells ? alertAt : null, free[at]!];
  });
}
