import { periodOf } from "./quota.ts";
import type { QuotaLimits, QuotaName, QuotaSpan } from "./quota-rules.ts";

/** Stands in the usage table in place of a model's name; no model can have it. */
export const freeCallsModel = "(free)";

/** Whether a row of the usage table is of calls that cost tokens. */
export const isMetered = ({ model }: { model: string }): boolean => model !== freeCallsModel;

/** The bound where the key has no quota of requests a minute: more than any client asks, and no load. */
const usualPerMinute = 600;

/** Calls that cost no tokens count in no quota. They are held to as many a minute as other requests, by themselves. */
export function freeCallCharge(quotas: QuotaLimits, now: number) {
  const span: QuotaSpan = "minute";
  const name: QuotaName = "maxRequestsPerMinute";
  return { name, counter: "free", period: periodOf(span, now), limit: quotas[name] ?? usualPerMinute } as const;
}
