import type { Problem } from "../errors.ts";
import type { LedgerName } from "../ports.ts";
import type { Context } from "./context.ts";
import { patiently } from "./patiently.ts";

/** What a process held that is gone is free after it; a living one renews it. */
export const claimTtlMs = 30_000;
/** How long those who come later wait for a change that is under way. */
export const claimPatienceMs = 5_000;
const pauseMs = 15;

export interface MortalClaim {
  owner: string;
  ttlMs: number;
  note?: string;
}

/**
 * Claims as soon as nobody else has the claim.
 *
 * @param busy thrown where another, the owner given, has it for longer than that is waited for
 * @returns the note of a dead owner
 */
export async function waitForClaim(
  { ledger, clock }: Context,
  name: LedgerName,
  claim: MortalClaim,
  busy: (owner: string) => Problem,
  patienceMs: number,
): Promise<string | undefined> {
  for (const giveUpAt = clock.now() + patienceMs; ; ) {
    const answer = await ledger.claim(name, claim);
    if (answer.granted) return answer.abandoned;
    if (clock.now() >= giveUpAt) throw busy(answer.owner);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/**
 * Renews a claim that is held, with the note that it has by then.
 * @returns what ends it, once no renewal is on its way any more: one that comes after the release would undo that
 */
export function keepClaim({ ledger }: Context, name: LedgerName, claim: MortalClaim): () => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  const renewal = setInterval(() => {
    last = ledger.claim(name, claim).catch(() => undefined);
  }, claimTtlMs / 3);
  return async () => {
    clearInterval(renewal);
    await last;
  };
}

/**
 * Runs `work` while nobody else has the claim.
 *
 * @param busy thrown where another, the owner given, has it for longer than that is waited for
 */
export async function withClaim<T>(
  context: Context,
  name: LedgerName,
  owner: string,
  work: () => Promise<T>,
  busy: (owner: string) => Problem,
  patienceMs = claimPatienceMs,
): Promise<T> {
  const claim = { owner, ttlMs: claimTtlMs };
  await waitForClaim(context, name, claim, busy, patienceMs);
  const letGo = keepClaim(context, name, claim);
  try {
    return await work();
  } finally {
    await letGo();
    const release = () => context.ledger.release(name, owner);
    // What was done is done, and must not be hidden by this; but nobody is to wait for the claim to expire.
    await release().catch(() => {
      const lost = (cause: unknown) => context.log("error", "claim not released; it expires", { name, cause });
      context.background(patiently(release).catch(lost));
    });
  }
}
