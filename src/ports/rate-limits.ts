import type { LedgerName } from "./ledger-name.ts";

/** At most `limit` in any `windowMs` that ends now. */
export interface RateRule {
  limit: number;
  windowMs: number;
}

/** The answer of `RateLimits.take`, as the rate limit headers tell it. */
export interface RateDecision {
  allowed: boolean;
  remaining: number;
  /** Epoch milliseconds at which one more call (or, if allowed, a full window) becomes available. */
  resetAt: number;
}

/** Sliding windows, exact over all processes. */
export interface RateLimits {
  /** Counts `cost` into a sliding window when it fits; a refusal is not counted. */
  take(bucket: LedgerName, rule: RateRule, cost?: number): Promise<RateDecision>;
  /** How often `take` allowed this bucket, ever, and when last (epoch milliseconds). */
  seen(bucket: LedgerName): Promise<{ count: number; lastAt?: number }>;
}
