/** A lease as stored; `note` is the operation record. */
export interface HeldLease {
  owner: string;
  /** Epoch milliseconds; `null` never ends. */
  expiresAt: number | null;
  note: string | null;
}

/** The wish for a lease; a `ttlMs` of `null` never ends. */
export interface LeaseClaim {
  owner: string;
  ttlMs: number | null;
  note?: string | undefined;
}

export type ClaimedLease = { granted: true; lease: HeldLease; abandoned?: string } | { granted: false; owner: string };

/**
 * Decides who holds a lease. An expired one goes to who asks, and keeps the note of the owner before until it is
 * renewed with another: the new owner may die as well.
 */
export function claimLease(held: HeldLease | undefined, claim: LeaseClaim, now: number): ClaimedLease {
  const isMine = held?.owner === claim.owner;
  const isExpired = held !== undefined && held.expiresAt !== null && held.expiresAt <= now;
  if (held && !isMine && !isExpired) return { granted: false, owner: held.owner };
  const left = held?.note ?? null;
  const note = isMine ? (claim.note ?? left) : (left ?? claim.note ?? null);
  const lease = { owner: claim.owner, expiresAt: claim.ttlMs === null ? null : now + claim.ttlMs, note };
  return isMine || left === null ? { granted: true, lease } : { granted: true, lease, abandoned: left };
}
