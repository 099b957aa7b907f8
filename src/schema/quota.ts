import * as z from "zod";
import { quotaNames } from "../domain/quota-names.ts";

export { type QuotaName, quotaNames } from "../domain/quota-names.ts";

const amount = z.int("must be a whole number").min(0, "must not be negative").max(Number.MAX_SAFE_INTEGER);

/** Limits per calendar period in UTC. Absent: no limit of that name. */
export const Quotas = z
  .strictObject({
    maxTokensPerMonth: amount.optional(),
    maxTokensPerDay: amount.optional(),
    maxRequestsPerDay: amount.optional(),
    maxRequestsPerMinute: amount.optional(),
  })
  .meta({ id: "Quotas", examples: [{ maxTokensPerMonth: 1_000_000 }] });
export type Quotas = z.infer<typeof Quotas>;

/** A change of quotas: merged, and `null` removes one. */
export const QuotaChange = z.strictObject({
  maxTokensPerMonth: amount.nullable().optional(),
  maxTokensPerDay: amount.nullable().optional(),
  maxRequestsPerDay: amount.nullable().optional(),
  maxRequestsPerMinute: amount.nullable().optional(),
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
export const QuotaStates = z.partialRecord(z.enum(quotaNames), QuotaState).meta({ id: "QuotaStates" });
export type QuotaStates = z.infer<typeof QuotaStates>;
