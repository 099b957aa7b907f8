import type { LedgerName } from "./ledger-name.ts";

/** Use that adds up. */
export interface UsageSums {
  requests: number;
  /** The input tokens, those read from a cache or written to one included. */
  inputTokens: number;
  /** A part of `inputTokens`. */
  cacheReadTokens: number;
  /** A part of `inputTokens`. */
  cacheWriteTokens: number;
  outputTokens: number;
  tokens: number;
  /** Searches that the provider's own tool made. */
  webSearches: number;
  /** At the prices of the time. */
  microUsd: number;
  /** The requests among `requests` whose price was not known. */
  unpricedRequests: number;
}

/** An amount in the unit of its counter. */
export interface CounterAmount {
  counter: LedgerName;
  amount: number;
}

/** One model's use on one day, added to what is there. */
export interface UsageEntry extends UsageSums {
  name: LedgerName;
  day: string;
  model: string;
  /**
   * The parts of `tokens` and of `microUsd` that the provider has not confirmed, and the counters of the reservation.
   */
  estimate?: { tokens: CounterAmount; microUsd?: CounterAmount | undefined } | undefined;
}

/** The use of one day and model. */
export interface UsageRow extends UsageSums {
  day: string;
  model: string;
  /** The part of `tokens` that the provider has not confirmed. */
  estimatedTokens: number;
}

export type UsageGrouping = "name" | "model" | "day";
type UsageOrder = "key" | "tokens" | "microUsd" | "requests";

/** The use of one group of `UsageQuery.by`. */
export interface UsageGroup extends UsageSums {
  /** The name, model or day. */
  key: string;
  estimatedTokens: number;
}

/** Days are `YYYY-MM-DD` in UTC. */
export interface UsageQuery {
  /** The names' prefix: `ai-key:`. */
  prefix: string;
  /** Both days inclusive. */
  from: string;
  to: string;
  by: UsageGrouping;
  /** A model that is left out. */
  except?: string | undefined;
  /** Ascending by `key`, otherwise the most first. */
  orderBy: UsageOrder;
  limit: number;
}

/** The amounts that were given back. */
export interface Credited {
  tokens: number;
  microUsd: number;
}

/** Written by `QuotaCounters.settle`, in the same transaction as the charge. */
export interface UsageLog {
  /** Days from `from` to `to` inclusive (`YYYY-MM-DD`), ascending, then by model. */
  usage(name: LedgerName, from: string, to: string): Promise<UsageRow[]>;
  /**
   * Gives back the estimates in the usage of `name` since a time (epoch milliseconds, rounded down to the minute):
   * from the usage, and from the counter in each period that was charged, never below zero. An estimate is given back
   * once, and kept for `estimateMemoryMs`. Returns how much.
   */
  creditEstimates(name: LedgerName, since: number): Promise<Credited>;
  /**
   * Use over all names. By day and by model what was forgotten since is counted too.
   * `asOf`: epoch milliseconds up to which everything is in it.
   */
  topUsage(query: UsageQuery): Promise<{ groups: UsageGroup[]; asOf: number }>;
}
