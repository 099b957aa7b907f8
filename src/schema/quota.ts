import * as z from "zod/mini";
import { toMicroUsd } from "../domain/micro-usd.ts";
import { quotaNames } from "../domain/quota-names.ts";

export { quotaNames } from "../domain/quota-names.ts";

const amount = z
  .int("must be a whole number")
  .check(z.minimum(0, "must not be negative"), z.maximum(Number.MAX_SAFE_INTEGER));

const usd = z
  .number("must be an amount in USD")
  .check(
    z.minimum(0, "must not be negative"),
    z.maximum(1_000_000, "must be at most 1000000"),
    z.refine((value) => toMicroUsd(value) !== undefined, "must have at most six decimals"),
  )
  .register(z.globalRegistry, { description: "In USD, with at most six decimals", examples: [20] });

/** Limits per calendar period in UTC. Absent: no limit of that name. */
export const Quotas = z
  .strictObject({
    maxTokensPerMonth: z.optional(amount),
    maxUsdPerMonth: z.optional(usd),
    maxTokensPerDay: z.optional(amount),
    maxUsdPerDay: z.optional(usd),
    maxRequestsPerDay: z.optional(amount),
    maxRequestsPerMinute: z.optional(amount),
  })
  .register(z.globalRegistry, { id: "Quotas", examples: [{ maxTokensPerMonth: 1_000_000 }] });
export type Quotas = z.infer<typeof Quotas>;

/** A change of quotas: merged, and `null` removes one. */
export const QuotaChange = z.strictObject({
  maxTokensPerMonth: z.optional(z.nullable(amount)),
  maxUsdPerMonth: z.optional(z.nullable(usd)),
  maxTokensPerDay: z.optional(z.nullable(amount)),
  maxUsdPerDay: z.optional(z.nullable(usd)),
  maxRequestsPerDay: z.optional(z.nullable(amount)),
  maxRequestsPerMinute: z.optional(z.nullable(amount)),
});
export type QuotaChange = z.infer<typeof QuotaChange>;

export const QuotaName = z.enum(quotaNames);
export type QuotaName = z.infer<typeof QuotaName>;

/** In the unit of the limit. */
export const QuotaState = z.object({
  limit: z.number(),
  used: z.number(),
  reserved: z.number(),
  /** `limit - used - reserved`. */
  left: z.number(),
  resetAt: z.iso.datetime(),
});
export type QuotaState = z.infer<typeof QuotaState>;
export const QuotaStates = z.partialRecord(QuotaName, QuotaState).register(z.globalRegistry, { id: "QuotaStates" });
export type QuotaStates = z.infer<typeof QuotaStates>;
