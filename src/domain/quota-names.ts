export const quotaNames = [
  "maxTokensPerMonth",
  "maxTokensPerDay",
  "maxRequestsPerDay",
  "maxRequestsPerMinute",
] as const;
export type QuotaName = (typeof quotaNames)[number];

/** Limits per calendar period in UTC. Absent: no limit of that name. */
export type QuotaLimits = { [name in QuotaName]?: number | undefined };
