import * as z from "zod/mini";
import { toMicroUsd } from "../domain/micro-usd.ts";
import { quotaNames, quotaRules } from "../domain/quota-rules.ts";

export { quotaNames } from "../domain/quota-rules.ts";

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

const limitOf = (name: QuotaName) => (quotaRules[name].counter === "usd" ? usd : amount);
const limits = <Limit>(of: (name: QuotaName) => Limit) =>
  Object.fromEntries(quotaNames.map((name) => [name, of(name)])) as Record<QuotaName, Limit>;

/** Limits per calendar period in UTC. Absent: no limit of that name. */
export const Quotas = z
  .strictObject(limits((name) => z.optional(limitOf(name))))
  .register(z.globalRegistry, { id: "Quotas", examples: [{ maxTokensPerMonth: 1_000_000 }] });
export type Quotas = z.infer<typeof Quotas>;

/** A change of quotas: merged, and `null` removes one. */
export const QuotaChange = z.strictObject(limits((name) => z.optional(z.nullable(limitOf(name)))));
export type QuotaChange = z.infer<typeof QuotaChange>;

export const QuotaName = z.enum(quotaNames);
export type QuotaName = z.infer<typeof QuotaName>;

/** Amounts in the unit of the limit. */
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
