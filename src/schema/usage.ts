import * as z from "zod/mini";
import { AgentId, Count, Day, GivenTimestamp } from "./primitives.ts";
import { QuotaStates } from "./quota.ts";

/** Both days are inclusive. */
export const UsageQuery = z.strictObject({ from: z.optional(Day), to: z.optional(Day) });
export type UsageQuery = z.infer<typeof UsageQuery>;

const estimated = z.int().check(z.minimum(0)).register(z.globalRegistry, {
  description:
    "Of `tokens`, those that the provider has not confirmed: its answer broke off or never came after the request was sent, or its report cannot be true. `POST /agents/:id/credit` gives them back.",
});
const cacheRead = z.int().check(z.minimum(0)).register(z.globalRegistry, {
  description: "Of `inputTokens`, those that the provider read from its cache",
});
const cacheWrite = z.int().check(z.minimum(0)).register(z.globalRegistry, {
  description: "Of `inputTokens`, those that the provider wrote to its cache",
});
const usd = z.number().check(z.minimum(0)).register(z.globalRegistry, {
  description:
    "At list price when it was used, in USD with at most six decimals; requests without a known price are not in it",
});
const unpriced = z.int().check(z.minimum(0)).register(z.globalRegistry, {
  description: "Of `requests`, those whose model had no known price",
});
const usageSums = { requests: Count, tokens: Count, estimated, usd, unpricedRequests: unpriced };
/** Each token is in one part: what is left of `inputTokens` was neither read from a cache nor written to one. */
const usageParts = {
  inputTokens: Count,
  cacheReadTokens: cacheRead,
  cacheWriteTokens: cacheWrite,
  outputTokens: Count,
};
const byModel = { model: z.string(), ...usageSums };

export const UsageDay = z.object({
  day: Day,
  ...usageSums,
  ...usageParts,
  models: z.array(z.object({ ...byModel, ...usageParts })),
});
export type UsageDay = z.infer<typeof UsageDay>;

/** `days` and `months` are ascending and leave out what saw no request. */
export const Usage = z
  .object({
    agentId: z.string(),
    from: Day,
    to: Day,
    quotas: QuotaStates,
    total: z.object(usageSums),
    days: z.array(UsageDay),
    months: z.array(z.object({ month: z.string().check(z.regex(/^\d{4}-\d{2}$/)), ...usageSums })),
    models: z.array(z.object(byModel)),
    freeCalls: z.optional(
      z.int().check(z.minimum(0)).register(z.globalRegistry, {
        description:
          "Calls that cost no tokens (models, token counts, moderations), which count in no quota; absent: none",
      }),
    ),
  })
  .register(z.globalRegistry, { id: "Usage" });
export type Usage = z.infer<typeof Usage>;

export const CreditAgent = z
  .strictObject({
    estimates: z.literal(true),
    since: z.optional(GivenTimestamp).register(z.globalRegistry, {
      description: "Estimates charged from this minute on; absent: all that are remembered, which are two months'",
    }),
  })
  .register(z.globalRegistry, { id: "CreditAgent" });
export type CreditAgent = z.infer<typeof CreditAgent>;

export const AgentCredited = z
  .object({
    agentId: AgentId,
    credited: z.object({ tokens: Count, usd: z.optional(z.number().check(z.minimum(0))) }),
    quotas: QuotaStates,
  })
  .register(z.globalRegistry, { id: "AgentCredited" });
export type AgentCredited = z.infer<typeof AgentCredited>;
