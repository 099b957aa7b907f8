/** The caller's wish not to wait (RFC 7240). */
export interface Preference {
  respondAsync: boolean;
  /** The time that it waits all the same. */
  waitMs: number;
}

const one = (name: string): RegExp => new RegExp(`(?:^|[\\s,;])${name}(?=[\\s,;]|$)`, "i");
const respondAsync = one("respond-async");
const wait = one("wait=(\\d{1,6})");

/** RFC 7240: `respond-async`, and `wait` in seconds, which is 0 where it is absent. */
export function preferenceOf(headers: Headers): Preference {
  const text = headers.get("prefer") ?? "";
  return { respondAsync: respondAsync.test(text), waitMs: Number(wait.exec(text)?.[1] ?? 0) * 1_000 };
}

/**
 * A control plane of an earlier release gives its operation's id for the key. It counts on an agent that is durable once
 * it is answered, and knows no `wait`.
 */
export const isOldControlPlane = (headers: Headers): boolean =>
  !wait.test(headers.get("prefer") ?? "") && /^[\w-]+\.[0-9a-f]{16}$/.test(headers.get("idempotency-key") ?? "");
