import { usdText } from "./micro-usd.ts";
import { resetOf } from "./quota.ts";
import { type QuotaName, quotaRules, quotaUnits } from "./quota-rules.ts";

/** The reason for a 429, as the proxy words it in the provider's own shape. */
export interface QuotaDenial {
  reason: "exhausted" | "too_large" | "in_flight" | "rate";
  message: string;
  /** Seconds. */
  retryAfter: number;
  /** Whether asking again within the hour can succeed at all. */
  transient: boolean;
  /** The quota's limit as it is now, in the unit of its counter. */
  limit: number;
  used: number;
  left: number;
  /** Epoch milliseconds at which the period ends whose rest was asked for. */
  resetAt: number;
}

/** Amounts in the unit of the quota's counter. */
export interface DeniedRequest {
  name: QuotaName;
  limit: number;
  used: number;
  reserved: number;
  /** The upper bound of the amount that the request asked for. */
  amount: number;
  /** The least that it could go on with, where it can shrink. */
  least?: number;
}

const spanWords = { month: "Monthly", day: "Daily", minute: "Per-minute" } as const;
const digits = (count: number): string => count.toLocaleString("en-US");
const withoutMillis = (time: number): string => new Date(time).toISOString().replace(".000Z", "Z");

/**
 * Worded for OpenClaw (2026.9.6): a 429 that names a longer quota ("monthly", "daily", "usage limit", "quota
 * exceeded") surfaces at once; any other is retried after sleeping `retry-after`, which suits only what frees
 * itself within seconds.
 */
export function quotaDenial(denied: DeniedRequest, now: number): QuotaDenial {
  const { limit, used, reserved } = denied;
  const resetAt = resetOf(quotaRules[denied.name].span, now);
  return { ...wordedDenial(denied, now), limit, used, left: Math.max(0, limit - used - reserved), resetAt };
}

function wordedDenial(denied: DeniedRequest, now: number): Omit<QuotaDenial, "limit" | "used" | "left" | "resetAt"> {
  const { counter, span } = quotaRules[denied.name];
  const { limit, used, reserved, amount, least } = denied;
  const resetAt = resetOf(span, now);
  const untilReset = Math.max(1, Math.ceil((resetAt - now) / 1000));
  const { word: quota, plural } = quotaUnits[counter];
  const number = counter === "usd" ? usdText : digits;
  const inWords = (count: number) => (counter === "usd" ? usdText(count) : `${digits(count)} ${plural}`);
  if (span === "minute") {
    return {
      reason: "rate",
      message: `Rate limit reached: ${inWords(limit)} per minute; try again in ${untilReset} s`,
      retryAfter: untilReset,
      transient: true,
    };
  }
  const word = spanWords[span];
  const bounds = `usage limit ${number(limit)}; resets ${withoutMillis(resetAt)}`;
  const left = Math.max(0, limit - used - reserved);
  const asks = least === undefined ? `asks for up to ${number(amount)}` : `needs at least ${number(least)}`;
  if (used + (least ?? amount) <= limit) {
    // Reservations are upper bounds: much of what is reserved now comes back when those requests end.
    return {
      reason: "in_flight",
      message:
        `Requests in flight hold the rest of what this key may spend: ${inWords(left)} are left for now, ` +
        `this request ${asks}; try again when they have ended`,
      retryAfter: 2,
      transient: true,
    };
  }
  if (used < limit) {
    const asksFor = counter === "usd" ? asks : `${asks} ${quota}s`;
    return {
      reason: "too_large",
      message: `${word} ${quota} quota exceeded: this request ${asksFor}, ${number(left)} are left (${bounds})`,
      retryAfter: untilReset,
      transient: false,
    };
  }
  return {
    reason: "exhausted",
    message: `${word} ${quota} quota exceeded (${bounds})`,
    retryAfter: untilReset,
    transient: false,
  };
}
