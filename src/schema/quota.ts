import * as z from "zod/mini";
import { quotaNames } from "../domain/quota-names.ts";

export { type QuotaName, quotaNames } from "../domain/quota-names.ts";

const amount = z
  .int("must be a whole number")
  .check(z.minimum(0, "must not be negative"), z.maximum(Number.MAX_SAFE_INTEGER));

/** Limits per calendar period in UTC. Absent: no limit of that name. */
export const Quotas = z
  .strictObject({
    maxTokensPerMonth: z.optional(amount),
    maxTokensPerDay: z.optional(amount),
    maxRequestsPerDay: z.optional(amount),
    maxRequestsPerMinute: z.optional(amount),
  })
  .register(z.globalRegistry, { id: "Quotas", examples: [{ maxTokensPerMonth: 1_000_000 }] });
export type Quotas = z.infer<typeof Quotas>;

/** A change of quotas: merged, and `null` removes one. */
export const QuotaChange = z.strictObject({
  maxTokensPerMonth: z.optional(z.nullable(amount)),
  maxTokensPerDay: z.optional(z.nullable(amount)),
  maxRequestsPerDay: z.optional(z.nullable(amount)),
  maxRequestsPerMinute: z.optional(z.nullable(amount)),
});
export type QuotaChange = z.infer<typeof QuotaChange>;

export const QuotaState = z.object({
  limit: z.int(),
  used: z.int(),
  reserved: z.int(),
  /** `limit - used - reserved`. */
  left: z.int(),
  resetAt: z.iso.datetime(),
});
export type QuotaState = z.infer<typeof QuotaState>;
export const QuotaStates = z
  .partialRecord(z.enum(quotaNames), QuotaState)
  .register(z.globalRegistry, { id: "QuotaStates" });
export type QuotaStates = z.infer<typeof QuotaStates>;
