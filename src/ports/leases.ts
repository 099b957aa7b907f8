import type { LedgerName } from "./ledger-name.ts";

/** A lease that its holder left, with the operation record (`note`) that says how far it came. */
export interface Abandoned {
  name: LedgerName;
  owner: string;
  note: string | undefined;
}

/** Names that one owner has at a time. */
export interface Leases {
  /**
   * Exclusive until released or, with a `ttlMs`, expired; the same owner may claim again.
   * `note` says what the owner was about to do; `abandoned` is the note of an expired claim just taken over, which
   * keeps it in place of the new one until it is renewed with another: its new owner may die as well.
   */
  claim(
    name: LedgerName,
    claim: { owner: string; ttlMs: number | null; note?: string },
  ): Promise<{ granted: true; abandoned?: string } | { granted: false; owner: string }>;
  /**
   * Renews the claim that `owner` (with `from`: that other one, who loses it) holds, expired or not; its note stays
   * where none is given. Resolves to whether it did: what was released, or taken over, cannot be renewed.
   */
  renew(
    name: LedgerName,
    claim: { owner: string; ttlMs: number | null; note?: string; from?: string },
  ): Promise<boolean>;
  /** The claim's holder, whether the claim is expired or not. */
  holder(name: LedgerName): Promise<string | undefined>;
  /** Frees the claim if `owner` holds it. */
  release(name: LedgerName, owner: string): Promise<void>;
  /** Claims with a TTL that have expired, or whose owner `isGone`: what a crash left. */
  abandoned(isGone: (owner: string) => boolean): Promise<Abandoned[]>;
}
