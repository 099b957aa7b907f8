import type { LedgerName } from "./ledger-name.ts";
import type { CounterAmount, UsageEntry } from "./usage-log.ts";

/** An amount to be held back in one counter and period until its request is settled. */
export interface CounterReservation {
  counter: LedgerName;
  /** A calendar period in UTC (`2026-11`, `2026-11-22`, `2026-11-22T17:05`), or `all`. */
  period: string;
  /** `null` counts without a limit. */
  limit: number | null;
  amount: number;
  /**
   * Percents of the limit. The charge that passes one puts an alert into the outbox, in the same transaction, once a
   * period and limit.
   */
  alertAt?: readonly number[] | undefined;
}

/** Both in the counter's unit: tokens, requests, or micro-dollars. A limit holds for their sum. */
export interface CounterState {
  used: number;
  reserved: number;
}

interface Exceeded extends CounterState {
  counter: LedgerName;
  period: string;
  limit: number;
  amount: number;
}

export type Reserved =
  | { outcome: "reserved" }
  /** `exceeded` is the first entry, in the order asked, that does not fit. Nothing was reserved. */
  | { outcome: "exceeded"; exceeded: Exceeded }
  /** The stored text of `expect.name` is another than the caller believes. Nothing was reserved. */
  | { outcome: "changed"; text: string };

/** The amount that a reservation holds of a counter, in each of the periods. */
export interface HeldAmount extends CounterAmount {
  periods: string[];
}

/** A counter with the period and limit by which it is near. */
export interface NearLimit extends CounterState {
  counter: LedgerName;
  period: string;
  /** Under which something was last asked of it. */
  limit: number;
}

/** Counts that hold exactly under concurrency: an amount is reserved before the side effect, and settled after it. */
export interface QuotaCounters {
  /**
   * All entries or none, before the side effect. `id` (itself a name in the same shard) is the caller's.
   * `expect` compares an exact text first: a missing one equals any expectation.
   */
  reserve(
    id: LedgerName,
    entries: CounterReservation[],
    expect?: { name: LedgerName; text: string },
  ): Promise<Reserved>;
  /**
   * Turns a reservation into use: each counter's reserved amount becomes `actual[counter]` (absent: 0; `"reserved"`
   * as a whole: what was reserved). Idempotent: settling an unknown or settled id changes nothing, `usage` included.
   * An unsettled reservation stays charged.
   */
  settle(id: LedgerName, actual: Record<LedgerName, number> | "reserved", usage?: UsageEntry): Promise<void>;
  /**
   * Reservations whose id begins with `prefix` (`ai-key:`), never settled and older than `olderThanMs`: charged as
   * reserved, with their usage by estimate (`lostUsage`), and forgotten. Others stay for as long as what they hold (an
   * agent's place). Returns how many.
   */
  settleStale(prefix: string, olderThanMs: number): Promise<number>;
  /** Ids of the reservations that begin with `prefix`. Absent where nobody could tell whose owner is gone. */
  unsettled?(prefix: string): Promise<LedgerName[]>;
  /** The amounts that one of them holds, by counter. Absent with `unsettled`. */
  held?(id: LedgerName): Promise<HeldAmount[]>;
  used(counter: LedgerName, period: string): Promise<CounterState>;
  /**
   * Counters in these periods whose use and reservations are at least `minShare` (0.5 and above) of the limit under
   * which something was last asked of them, the fullest first. `asOf` as in `UsageLog.topUsage`.
   */
  nearLimit(query: {
    minShare: number;
    limit: number;
    periods: readonly string[];
  }): Promise<{ near: NearLimit[]; asOf: number }>;
}
