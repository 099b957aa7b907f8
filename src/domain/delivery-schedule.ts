const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits after the first attempt and each that follows, as Standard Webhooks recommends: 75 hours in all. */
export const retryDelaysMs = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
] as const;

export const mostAttempts = retryDelaysMs.length + 1;
const jitter = 0.2;
const mostRetryAfterMs = 24 * hour;

/**
 * How long to wait after so many attempts; `undefined` after the last.
 *
 * @param random from 0 to 1, so that those who failed together do not come back together
 */
export function retryDelayMs(attempts: number, random: number, retryAfterMs = 0): number | undefined {
  const delay = retryDelaysMs[attempts - 1];
  if (delay === undefined) return undefined;
  return Math.max(Math.round(delay * (1 - jitter + 2 * jitter * random)), retryAfterMs);
}

/** Milliseconds that a `Retry-After` asks for: seconds, or a date. */
export function retryAfterMs(text: string | undefined, now: number): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * second : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), mostRetryAfterMs) : 0;
}
