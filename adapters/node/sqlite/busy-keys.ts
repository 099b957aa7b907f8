import type { CounterReservation, LedgerName } from "../../../src/ports.ts";
import { isShaped } from "./quota-lease.ts";

/** A key with so many reservations in so short a time is busy: the next transaction serves some of those to come. */
const busyCount = 8;
const busyMs = 100;
const maxPaced = 1_000;

interface Pace {
  shape: readonly CounterReservation[];
  /** As `performance.now()` tells it. */
  since: number;
  count: number;
}

/** Counts the reservations of each key, by the name of its text. */
export interface BusyKeys {
  /** Counts one; whether the key has had enough of this shape. */
  isBusy(name: LedgerName, shape: readonly CounterReservation[]): boolean;
  /** Its count begins anew. */
  forget(name: LedgerName): void;
}

/** Remembers a thousand keys at most: beyond them all begin anew. */
export function createBusyKeys(): BusyKeys {
  const paces = new Map<LedgerName, Pace>();
  return {
    isBusy(name, shape) {
      const now = performance.now();
      let pace = paces.get(name);
      if (pace === undefined || now - pace.since > busyMs || !isShaped(pace.shape, shape)) {
        if (paces.size >= maxPaced) paces.clear();
        pace = { shape, since: now, count: 0 };
        paces.set(name, pace);
      }
      pace.count++;
      return pace.count >= busyCount;
    },
    forget(name) {
      const pace = paces.get(name);
      // A Map that entries come to and leave keeps them for V8's next full collection.
      if (pace !== undefined) pace.since = Number.NEGATIVE_INFINITY;
    },
  };
}
