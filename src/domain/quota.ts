import { type QuotaLimits, type QuotaName, quotaNames } from "./quota-names.ts";

export type QuotaCounter = "tokens" | "requests";
export type QuotaSpan = "month" | "day" | "minute";

interface QuotaRule {
  counter: QuotaCounter;
  span: QuotaSpan;
}

/** In the order of `quotaNames`: the longest wait is named first. */
export const quotaRules: Record<QuotaName, QuotaRule> = {
  maxTokensPerMonth: { counter: "tokens", span: "month" },
  maxTokensPerDay: { counter: "tokens", span: "day" },
  maxRequestsPerDay: { counter: "requests", span: "day" },
  maxRequestsPerMinute: { counter: "requests", span: "minute" },
};

/**
 * No metered request lasts longer: what is still reserved then was left by a crash, where nobody could tell that its
 * process was gone. One that does last longer was charged the most that it may cost.
 */
export const staleReservationMs = 7_200_000;

/** For how long what was charged by estimate can be given back: the counters of this month and the last are still there. */
export const estimateMemoryMs = 62 * 86_400_000;

/** Estimates are told apart by the minute (epoch milliseconds) in which they were charged. */
export const estimateMinute = (time: number): number => Math.floor(time / 60_000) * 60_000;

const periodLength: Record<QuotaSpan, number> = { month: 7, day: 10, minute: 16 };

let lastMinute = -1;
let lastTime = "";

/** The calendar period in UTC that holds `now` (epoch ms): `2026-11`, `2026-11-22`, `2026-11-22T17:05`. */
export function periodOf(span: QuotaSpan, now: number): string {
  // Asked several times of every request; a date's text costs more than the rest of a quota's sums.
  const minute = Math.floor(now / 60_000);
  if (minute !== lastMinute) {
    lastTime = new Date(now).toISOString();
    lastMinute = minute;
  }
  return lastTime.slice(0, periodLength[span]);
}

/** The first moment (epoch ms) of the next period. */
export function resetOf(span: QuotaSpan, now: number): number {
  if (span === "minute") return (Math.floor(now / 60_000) + 1) * 60_000;
  const date = new Date(now);
  const nextDay = span === "day" ? date.getUTCDate() + 1 : 1;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + (span === "month" ? 1 : 0), nextDay);
}

/** Of each limit the lower one: neither an agent's own quota nor its provider's default can widen the other. */
export function stricterQuotas(a: QuotaLimits, b: QuotaLimits): QuotaLimits {
  const quotas: QuotaLimits = {};
  for (const name of quotaNames) {
    const limit = Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(limit)) quotas[name] = limit;
  }
  return quotas;
}

export const limitsTokens = (quotas: QuotaLimits): boolean =>
  quotas.maxTokensPerMonth !== undefined || quotas.maxTokensPerDay !== undefined;

export interface QuotaCharge extends QuotaRule {
  name: QuotaName;
  period: string;
  /** `null` counts without a limit. */
  limit: number | null;
}

/**
 * What every request is counted in. Tokens and the day's requests count without a limit too, so that a quota
 * added later knows what was spent before it.
 */
export function quotaCharges(quotas: QuotaLimits, now: number): QuotaCharge[] {
  const charges: QuotaCharge[] = [];
  for (const name of quotaNames) {
    const rule = quotaRules[name];
    const limit = quotas[name] ?? null;
    if (limit === null && rule.span === "minute") continue;
    charges.push({ name, ...rule, period: periodOf(rule.span, now), limit });
  }
  return charges;
}

/** As shown: nothing is left below zero, however far a provider's own numbers went over what was reserved. */
export const quotaState = (
  name: QuotaName,
  limit: number,
  { used, reserved }: { used: number; reserved: number },
  now: number,
) => ({
  limit,
  used,
  reserved,
  left: Math.max(0, limit - used - reserved),
  resetAt: new Date(resetOf(quotaRules[name].span, now)).toISOString(),
});
