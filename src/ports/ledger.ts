import type { Leases } from "./leases.ts";
import type { LedgerName } from "./ledger-name.ts";
import type { QuotaCounters } from "./quota-counters.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { StateTexts } from "./state-texts.ts";
import type { UsageLog } from "./usage-log.ts";

/** The few things that must be exact, whatever the concurrency and however many processes share it. */
export interface Ledger extends RateLimits, QuotaCounters, UsageLog, StateTexts, Leases {
  /** Drops the counters, reservations, usage and texts that begin with this name. */
  forget(prefix: LedgerName): Promise<void>;
  /** Rejects when the ledger cannot be written. */
  check(): Promise<void>;
  close(): Promise<void>;
}
