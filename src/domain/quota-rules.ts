interface QuotaUnit {
  /** How a quota in it is called, as in "token quota". */
  word: string;
  /** Many of it. */
  plural: string;
  /** Every metered request takes some: a key that has none left is refused before its body is read. */
  isAlwaysTaken: boolean;
  /** A request that asks for too much is let in with a shorter answer. */
  canShrink: boolean;
}

/** All that quotas are held in, each with a counter of its own in the ledger. */
export const quotaUnits = {
  tokens: { word: "token", plural: "tokens", isAlwaysTaken: true, canShrink: true },
  requests: { word: "request", plural: "requests", isAlwaysTaken: true, canShrink: false },
  /** Micro-dollars. A free request takes none, and the model stands in the body. */
  usd: { word: "spend", plural: "USD", isAlwaysTaken: false, canShrink: true },
} as const satisfies Record<string, QuotaUnit>;
export type QuotaCounter = keyof typeof quotaUnits;
/** A request reserves, or is charged, this much of each unit. */
export type QuotaAmounts = Record<QuotaCounter, number>;
export const quotaCounters = Object.keys(quotaUnits) as QuotaCounter[];
export type QuotaSpan = "month" | "day" | "minute";

export interface QuotaRule {
  counter: QuotaCounter;
  span: QuotaSpan;
}

/**
 * Every quota, by its name in the API: schemas, the CLI's options and the console's fields derive from this table. The
 * longest wait is named first.
 */
export const quotaRules = {
  maxTokensPerMonth: { counter: "tokens", span: "month" },
  maxUsdPerMonth: { counter: "usd", span: "month" },
  maxTokensPerDay: { counter: "tokens", span: "day" },
  maxUsdPerDay: { counter: "usd", span: "day" },
  maxRequestsPerDay: { counter: "requests", span: "day" },
  maxRequestsPerMinute: { counter: "requests", span: "minute" },
} as const satisfies Record<string, QuotaRule>;

export type QuotaName = keyof typeof quotaRules;

export const quotaNames = Object.keys(quotaRules) as [QuotaName, ...QuotaName[]];

/** Own names alone: `constructor` is no quota. */
export const isQuotaName = (name: string): name is QuotaName => Object.hasOwn(quotaRules, name);

/** Limits per calendar period in UTC; money in USD with at most six decimals. Absent: no limit of that name. */
export type QuotaLimits = { [name in QuotaName]?: number | undefined };
