import * as z from "zod/mini";
import { LabelQuery, mostLabels } from "./label.ts";
import { countUpTo } from "./page-query.ts";
import { Count, Day } from "./primitives.ts";
import { QuotaName, QuotaState } from "./quota.ts";

const usd = z.number().check(z.minimum(0)).register(z.globalRegistry, {
  description: "At list price when it was used, in USD with at most six decimals",
});
const asOf = z.iso.datetime().register(z.globalRegistry, {
  description: "Everything up to then is in it; on a Worker half a minute ago, elsewhere now",
});

const sums = {
  requests: Count,
  inputTokens: Count,
  cacheReadTokens: Count,
  cacheWriteTokens: Count,
  outputTokens: Count,
  tokens: Count,
  usd,
  unpricedRequests: Count,
};

export const usageOrders = ["usd", "tokens", "requests", "key"] as const;

export const usageGroups = /^(agent|model|provider|day|createdBy|label:[a-z0-9._/-]{1,63})$/;
export const usageGroupsText = "must be agent, model, provider, day, createdBy or label:<name>";

export const FleetUsageQuery = z.strictObject({
  from: z.optional(Day),
  to: z.optional(Day),
  by: z
    ._default(z.string().check(z.regex(usageGroups, usageGroupsText)), "agent")
    .register(z.globalRegistry, { description: "`agent`, `model`, `provider`, `day`, `createdBy` or `label:<name>`" }),
  label: z
    .optional(z.array(LabelQuery).check(z.maxLength(mostLabels)))
    .register(z.globalRegistry, { description: "Only of agents with it: `tenant:acme`, repeatable: all must match" }),
  orderBy: z
    .optional(z.enum(usageOrders))
    .register(z.globalRegistry, { description: "The most first; `key` ascending. Default: `usd`, and `key` by day" }),
  limit: countUpTo(1000, 100).register(z.globalRegistry, { description: "How many rows at most" }),
  cursor: z
    .optional(z.string().check(z.maxLength(2_048)))
    .register(z.globalRegistry, { description: "`nextCursor` of the page before" }),
  format: z
    ._default(z.enum(["json", "csv"]), "json")
    .register(z.globalRegistry, { description: "`csv`: the rows as `text/csv`" }),
});
export type FleetUsageQuery = z.infer<typeof FleetUsageQuery>;

export const FleetUsage = z
  .object({
    from: Day,
    to: Day,
    by: z.string(),
    asOf,
    rows: z.array(z.object({ key: z.string(), name: z.optional(z.string()), ...sums })),
    total: z.object(sums),
    labels: z.array(z.string()).register(z.globalRegistry, {
      description: "Names for `label:<name>`, of the labels that most of these agents have; at most 1,000",
    }),
    nextCursor: z.optional(z.string()),
  })
  .register(z.globalRegistry, { id: "FleetUsage" });
export type FleetUsage = z.infer<typeof FleetUsage>;
/** The columns of the rows as CSV. */
export const usageColumns = ["key", "name", ...(Object.keys(sums) as (keyof typeof sums)[])] as const;
export type FleetUsageRow = FleetUsage["rows"][number];

export const NearLimitQuery = z.strictObject({
  minShare: z
    ._default(
      z.coerce.number({ error: "must be a number" }).check(z.minimum(0.5, "must be at least 0.5"), z.maximum(1)),
      0.8,
    )
    .register(z.globalRegistry, { description: "Which part of a quota is used and reserved, from 0.5 on" }),
  limit: countUpTo(100, 20).register(z.globalRegistry, { description: "How many at most" }),
});
export type NearLimitQuery = z.infer<typeof NearLimitQuery>;

export const NearLimitAgent = z.object({
  agentId: z.string(),
  name: z.optional(z.string()),
  quota: QuotaName,
  /** Used and reserved, of the limit. */
  share: z.number(),
  state: QuotaState,
});
export type NearLimitAgent = z.infer<typeof NearLimitAgent>;
export const NearLimitList = z
  .object({ asOf, agents: z.array(NearLimitAgent) })
  .register(z.globalRegistry, { id: "NearLimitList" });
export type NearLimitList = z.infer<typeof NearLimitList>;

export const OverviewQuery = z.strictObject({
  days: countUpTo(90, 30).register(z.globalRegistry, { description: "How many days, today included" }),
});
export type OverviewQuery = z.infer<typeof OverviewQuery>;

const used = { requests: Count, tokens: Count, usd, unpricedRequests: Count };
export const Overview = z
  .object({
    asOf,
    agents: z.object({ total: Count, ready: Count, suspended: Count, needsAuth: Count }),
    today: z.object(used),
    /** The projection goes on as the month has gone so far. */
    month: z.object({ ...used, projectedTokens: Count, projectedUsd: usd }),
    nearLimit: z.array(NearLimitAgent),
    /** This month's, the most money first. */
    top: z.array(z.object({ agentId: z.string(), name: z.optional(z.string()), ...used })),
    /** Ascending, those without use included. */
    days: z.array(z.object({ day: Day, ...used })),
    attention: z.array(
      z.object({
        kind: z.enum(["quota_exhausted", "needs_auth", "unpriced_model"]),
        severity: z.enum(["warning", "critical"]),
        target: z.optional(z.string()),
        text: z.string(),
        remedy: z.string(),
      }),
    ),
  })
  .register(z.globalRegistry, { id: "Overview" });
export type Overview = z.infer<typeof Overview>;
