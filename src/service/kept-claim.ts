import type { LedgerName } from "../ports.ts";
import type { Context } from "./context.ts";

/** What a process held that is gone is free after it; a living one renews it. */
export const claimTtlMs = 30_000;

/**
 * Renews a claim that is held.
 * @returns what ends it, once no renewal is on its way any more: one that comes after the release would undo that
 */
export function keepClaim(
  { ledger }: Context,
  name: LedgerName,
  claim: { owner: string; ttlMs: number; note?: string },
): () => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  const renewal = setInterval(() => {
    last = ledger.claim(name, claim).catch(() => undefined);
  }, claimTtlMs / 3);
  return async () => {
    clearInterval(renewal);
    await last;
  };
}
