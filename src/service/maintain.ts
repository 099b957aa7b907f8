import type { Context } from "./context.ts";
import { retryRevocations } from "./minting.ts";
import { recoverAbandoned } from "./recover.ts";

/** No request through the proxy lasts longer: what is still reserved then was left by a crash. */
const staleReservationMs = 3_600_000;

export interface Maintained {
  /** Interrupted changes that were finished or undone, in words. */
  recovered: string[];
  revocations: { revoked: number; left: number };
  /** Reservations charged because nobody came back to settle them. */
  charged: number;
}

export async function maintain(context: Context): Promise<Maintained> {
  return {
    recovered: await recoverAbandoned(context),
    revocations: await retryRevocations(context),
    charged: await context.ledger.settleStale("ai-key:", staleReservationMs),
  };
}
