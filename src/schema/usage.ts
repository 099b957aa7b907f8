import * as z from "zod/mini";
import { QuotaStates } from "./quota.ts";

const day = z.iso.date().register(z.globalRegistry, { description: "A day in UTC", examples: ["2026-11-22"] });
const count = z.int().check(z.minimum(0));

/** Both days are inclusive. */
export const UsageQuery = z.strictObject({ from: z.optional(day), to: z.optional(day) });
export type UsageQuery = z.infer<typeof UsageQuery>;

const byModel = { model: z.string(), requests: count, tokens: count };

export const UsageDay = z.object({
  day,
  requests: count,
  tokens: count,
  inputTokens: count,
  outputTokens: count,
  models: z.array(z.object({ ...byModel, inputTokens: count, outputTokens: count })),
});
export type UsageDay = z.infer<typeof UsageDay>;

/** `days` and `months` are ascending and leave out what saw no request. */
export const Usage = z
  .object({
    agentId: z.string(),
    from: day,
    to: day,
    quotas: QuotaStates,
    total: z.object({ requests: count, tokens: count }),
    days: z.array(UsageDay),
    months: z.array(z.object({ month: z.string().check(z.regex(/^\d{4}-\d{2}$/)), requests: count, tokens: count })),
    models: z.array(z.object(byModel)),
  })
  .register(z.globalRegistry, { id: "Usage" });
export type Usage = z.infer<typeof Usage>;
