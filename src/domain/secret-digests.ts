import { equalDigests } from "./constant-time.ts";

interface Retired {
  digest: string;
  until: string;
}

/** A key's digests: the current one, and those rotated away that are still in their grace. */
export interface SecretDigests {
  digest: string;
  previous?: Retired[] | undefined;
  /** Offered to the host, which may or may not have taken it: as valid as the current one until that is known. */
  pending?: { digest: string } | undefined;
}

/** More rotations than this inside one grace period are a loop, not a habit. */
const keptAtMost = 5;

/** Compared in constant time, also with the pending digest and with those that still have their grace. */
export function digestIsValid(secret: SecretDigests, digest: string, nowMs: number): boolean {
  let valid = equalDigests(digest, secret.digest);
  if (secret.pending && equalDigests(digest, secret.pending.digest)) valid = true;
  for (const retired of secret.previous ?? []) {
    if (equalDigests(digest, retired.digest) && Date.parse(retired.until) > nowMs) valid = true;
  }
  return valid;
}

/** Until when a secret is valid that was rotated away; `undefined` for the current one. */
export const graceOf = (secret: SecretDigests, digest: string, nowMs: number): string | undefined =>
  liveDigests(secret, nowMs).find((retired) => equalDigests(digest, retired.digest))?.until;

/**
 * The digests after a rotation. A retry of a rotation must not cost the key that is still in use its grace: all that
 * are in theirs stay, the newest first; without a grace none does. Nothing is pending after it.
 */
export function rotateDigests(
  secret: SecretDigests,
  digest: string,
  graceMs: number,
  nowMs: number,
): Omit<SecretDigests, "pending"> {
  if (graceMs <= 0) return { digest };
  const retired = { digest: secret.digest, until: new Date(nowMs + graceMs).toISOString() };
  const previous = [retired, ...liveDigests(secret, nowMs)].slice(0, keptAtMost);
  return { digest, previous };
}

/** The older digests whose grace is not over. */
export const liveDigests = (secret: SecretDigests, nowMs: number): Retired[] =>
  (secret.previous ?? []).filter(({ until }) => Date.parse(until) > nowMs);
