import { latestTimeMs } from "../domain/latest-time.ts";

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
type Unit = keyof typeof unitMs;

/** `30d`, `24h`, `15m`, `2s`, `1w` or `0`, in milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, amount, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * unitMs[unit as Unit];
}

// A time without its zone would mean another moment on every machine.
const moment = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A duration before `now`, or an ISO time, as ISO in UTC. */
export function parsePast(text: string, now: number): string | undefined {
  const duration = parseDuration(text);
  return duration === undefined ? parseExpiry(text, now) : new Date(Math.max(0, now - duration)).toISOString();
}

/** A duration from `now`, or an ISO time (a bare day is its first moment in UTC), as ISO in UTC. */
export function parseExpiry(text: string, now: number): string | undefined {
  const duration = parseDuration(text);
  const at = duration !== undefined ? now + duration : moment.test(text) ? Date.parse(text) : Number.NaN;
  return at >= 0 && at <= latestTimeMs ? new Date(at).toISOString() : undefined;
}
