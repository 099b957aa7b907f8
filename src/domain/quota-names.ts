export const quotaNames = [
  "maxTokensPerMonth",
  "maxUsdPerMonth",
  "maxTokensPerDay",
  "maxUsdPerDay",
  "maxRequestsPerDay",
  "maxRequestsPerMinute",
] as const;
export type QuotaName = (typeof quotaNames)[number];

/** Limits per calendar period in UTC; money in USD with at most six decimals. Absent: no limit of that name. */
export type QuotaLimits = { [name in QuotaName]?: number | undefined };
