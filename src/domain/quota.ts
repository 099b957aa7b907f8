import { fromMicroUsd, toMicroUsd } from "./micro-usd.ts";
import {
  type QuotaCounter,
  type QuotaLimits,
  type QuotaName,
  type QuotaRule,
  type QuotaSpan,
  quotaNames,
  quotaRules,
} from "./quota-rules.ts";

/**
 * No metered request lasts longer: what is still reserved then was left by a crash, where nobody could tell that its
 * process was gone. One that does last longer was charged the most that it may cost.
 */
export const staleReservationMs = 7_200_000;

/** Estimates can be given back for so long: the counters of this month and the last are still there. */
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

/** The days from the first of this month to today, in UTC. */
export function monthToDate(now: number): { from: string; to: string } {
  const to = periodOf("day", now);
  return { from: firstOfMonth(to), to };
}

/** The first day of the month that a day is in. */
export const firstOfMonth = (day: string): string => `${day.slice(0, 7)}-01`;

/** The quota that a counter is held to in a period. */
export const quotaOf = (counter: string, period: string): QuotaName | undefined =>
  quotaNames.find((name) => {
    const rule = quotaRules[name];
    return rule.counter === counter && periodLength[rule.span] === period.length;
  });

/** The first moment (epoch ms) of the next period. */
export function resetOf(span: QuotaSpan, now: number): number {
  if (span === "minute") return (Math.floor(now / 60_000) + 1) * 60_000;
  const date = new Date(now);
  const nextDay = span === "day" ? date.getUTCDate() + 1 : 1;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + (span === "month" ? 1 : 0), nextDay);
}

/** The lower one of each limit: neither an agent's own quota nor its provider's default can widen the other. */
export function stricterQuotas(a: QuotaLimits, b: QuotaLimits): QuotaLimits {
  const quotas: QuotaLimits = {};
  for (const name of quotaNames) {
    const limit = Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(limit)) quotas[name] = limit;
  }
  return quotas;
}

const limits = (quotas: QuotaLimits, counter: QuotaCounter): boolean =>
  quotaNames.some((name) => quotas[name] !== undefined && quotaRules[name].counter === counter);
/** Whether any quota is held in tokens. */
export const limitsTokens = (quotas: QuotaLimits): boolean => limits(quotas, "tokens");
/** Whether any quota is held in micro-dollars, for which a price must be known. */
export const limitsUsd = (quotas: QuotaLimits): boolean => limits(quotas, "usd");

/** A limit in the unit of its counter. */
export function counterLimit(name: QuotaName, limit: number): number {
  if (quotaRules[name].counter !== "usd") return limit;
  const micro = toMicroUsd(limit);
  if (micro === undefined) throw new RangeError(`not an amount in USD with at most six decimals: ${limit}`);
  return micro;
}

/** An amount of a counter as people see it: money in USD. */
export const shownAmount = (name: QuotaName, amount: number): number =>
  quotaRules[name].counter === "usd" ? fromMicroUsd(amount) : amount;

/** A quota at a given time: the counter and period that it is held in. */
export interface QuotaCharge extends QuotaRule {
  name: QuotaName;
  period: string;
  /** The limit in the unit of the counter; `null` counts without a limit. */
  limit: number | null;
}

/**
 * The counters of every request. Tokens, money and the day's requests count without a limit too, so that a quota added
 * later knows the spending before it.
 */
export function quotaCharges(quotas: QuotaLimits, now: number): QuotaCharge[] {
  const charges: QuotaCharge[] = [];
  for (const name of quotaNames) {
    const { counter, span } = quotaRules[name];
    const stated = quotas[name];
    const limit = stated === undefined ? null : counterLimit(name, stated);
    if (limit === null && span === "minute") continue;
    charges.push({ name, counter, span, period: periodOf(span, now), limit });
  }
  return charges;
}

/**
 * As shown: nothing is left below zero, however far a provider's own numbers went over what was reserved.
 * @param limit as stated; `used` and `reserved` in the unit of the counter
 */
export function quotaState(
  name: QuotaName,
  limit: number,
  { used, reserved }: { used: number; reserved: number },
  now: number,
) {
  return {
    limit,
    used: shownAmount(name, used),
    reserved: shownAmount(name, reserved),
    left: shownAmount(name, Math.max(0, counterLimit(name, limit) - used - reserved)),
    resetAt: new Date(resetOf(quotaRules[name].span, now)).toISOString(),
  };
}
