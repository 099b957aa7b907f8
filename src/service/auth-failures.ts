import { createMinuteTally } from "../domain/minute-tally.ts";
import { wait } from "../domain/retry.ts";
import { addressFailures, otherFailures, subscriber } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";

/** Beyond so many failing addresses a minute, further ones share one count: rows are written for each. */
const maxAddresses = 256;
/** Nobody mistypes more in a minute. */
const freeFailures = 30;
const longestDelayMs = 1_000;
/** Answers held back, at one address and at all: beyond it they are given at once, for each keeps a connection. */
const maxHeldEach = 32;
const maxHeld = 256;

/** @returns milliseconds; a second for the three hundredth failure of a minute */
export const failureDelayMs = (failures: number): number =>
  Math.min(longestDelayMs, Math.max(0, failures - freeFailures) ** 2 / 73);

/**
 * Throttles *failures* by address, after the fact: counting attempts, or by key, would let anyone lock a key's owner
 * out. An answer to a failure takes the longer the more there were; the right credential's never does.
 */
export function createAuthFailures({ ledger, clock, settings }: Pick<Context, "ledger" | "clock" | "settings">) {
  const tally = createMinuteTally(maxAddresses);
  const heldBy = new Map<string, number>();
  let held = 0;

  async function holdBack(who: string, ms: number): Promise<void> {
    const mine = heldBy.get(who) ?? 0;
    if (ms < 1 || held >= maxHeld || mine >= maxHeldEach) return;
    held++;
    heldBy.set(who, mine + 1);
    await wait(ms);
    held--;
    const left = heldBy.get(who)! - 1;
    if (left > 0) heldBy.set(who, left);
    else heldBy.delete(who);
  }

  /**
   * Counts one failure, and resolves when it may be answered.
   *
   * @returns seconds after which the address may try again; `undefined`: it is told what is wrong
   */
  return async (address: string): Promise<number | undefined> => {
    const limit = settings.provisioning.authFailuresPerMinute;
    const now = clock.now();
    const { count, own } = tally.count(subscriber(address), now);
    const bucket = own ? addressFailures(address) : otherFailures;
    const decision = await ledger.take(bucket, { limit, windowMs: 60_000 });
    await holdBack(bucket, failureDelayMs(Math.max(count, limit - decision.remaining)));
    return decision.allowed ? undefined : Math.max(1, Math.ceil((decision.resetAt - clock.now()) / 1000));
  };
}
