/** `usd` counts micro-dollars. */
export const quotaCounters = ["tokens", "requests", "usd"] as const;
export type QuotaCounter = (typeof quotaCounters)[number];
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
