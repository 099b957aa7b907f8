import { wait } from "../domain/retry.ts";
import type { Problem } from "../errors.ts";
import type { LedgerName } from "../ports.ts";
import type { Context } from "./context.ts";
import { retryUnwritable } from "./retry-unwritable.ts";

/** A lease whose holder is gone is free after it; a living holder renews its own. */
const leaseTtlMs = 30_000;
/** How long those who come later wait for a change that is under way. */
const leasePatienceMs = 5_000;
const pauseMs = 15;

/** Milliseconds after its last renewal at which others may take a lease over. */
export const leaseMs = ({ instance }: Context): number => instance.leaseMs ?? leaseTtlMs;

export interface LeaseRequest {
  name: LedgerName;
  owner: string;
  note?: string | undefined;
  /** Thrown where another, the owner given, has it for longer than that is waited for, or has taken it over. */
  busy: (owner: string) => Problem;
  patienceMs?: number | undefined;
}

export interface Lease {
  /** Aborted once another process may hold it. */
  readonly signal: AbortSignal;
  /**
   * Goes between two steps. It costs nothing while the lease cannot have expired, by a clock that nobody sets; after a
   * pause it asks the ledger.
   * @throws `busy` where the lease is lost
   */
  hold(): Promise<void>;
  /** Asks the ledger, whatever any clock does: as long as it says yes, nobody else was here. */
  isHeld(): Promise<boolean>;
  /** @throws `busy` where the lease is lost: who has it goes by the note that was there */
  update(note: string): Promise<void>;
  /** Ends the renewals, once none is on its way any more. */
  stop(): Promise<void>;
}

/**
 * Takes the lease as soon as nobody else has it, and renews it from then on.
 *
 * @returns also the note that a dead owner left, which stays with the lease until it is updated
 */
export async function acquireLease(
  context: Context,
  request: LeaseRequest,
): Promise<{ lease: Lease; abandoned: string | undefined }> {
  const { name, owner, note, busy, patienceMs = leasePatienceMs } = request;
  const claim = { owner, ttlMs: leaseMs(context), ...(note !== undefined && { note }) };
  for (const giveUpAt = performance.now() + patienceMs; ; ) {
    const askedAt = performance.now();
    const answer = await context.ledger.claim(name, claim);
    if (answer.granted) return { lease: renewLease(context, request, askedAt), abandoned: answer.abandoned };
    if (performance.now() >= giveUpAt) throw busy(answer.owner);
    await wait(pauseMs);
  }
}

/** @param heldAt when it was asked for, in milliseconds of `performance.now` */
export function renewLease(
  context: Context,
  { name, owner, busy }: Omit<LeaseRequest, "patienceMs">,
  heldAt: number,
): Lease {
  const { ledger } = context;
  const ttlMs = leaseMs(context);
  const lost = new AbortController();
  let sureUntil = heldAt + ttlMs / 2;
  let last: Promise<unknown> = Promise.resolve();

  async function renew(note?: string): Promise<boolean> {
    const askedAt = performance.now();
    const renewed = await ledger.renew(name, { owner, ttlMs, ...(note !== undefined && { note }) });
    if (renewed) sureUntil = Math.max(sureUntil, askedAt + ttlMs / 2);
    else lost.abort();
    return renewed;
  }

  async function mustRenew(note?: string): Promise<void> {
    if (lost.signal.aborted || !(await renew(note))) throw busy(owner);
  }

  const renewal = setInterval(() => {
    // A store that is away for a moment is asked again; whether it is still held, `hold` finds out.
    last = renew().catch(() => undefined);
  }, ttlMs / 3);

  return {
    signal: lost.signal,
    async hold() {
      if (lost.signal.aborted || performance.now() >= sureUntil) await mustRenew();
    },
    async isHeld() {
      const held = (await ledger.holder(name)) === owner;
      if (!held) lost.abort();
      return held;
    },
    update: mustRenew,
    async stop() {
      clearInterval(renewal);
      await last;
    },
  };
}

/** Runs `work` while nobody else has the lease. Losing it undoes nothing: `work` itself has to ask. */
export async function withLease<T>(
  context: Context,
  request: LeaseRequest,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const { name, owner } = request;
  const { lease } = await acquireLease(context, request);
  try {
    return await work(lease);
  } finally {
    await lease.stop();
    const release = () => context.ledger.release(name, owner);
    // A failure here must not hide what was done; but nobody is to wait for the lease to expire.
    await release().catch(() => {
      const failed = (cause: unknown) => context.log("error", "lease not released; it expires", { name, cause });
      context.background(retryUnwritable(release, context.ending).catch(failed));
    });
  }
}
