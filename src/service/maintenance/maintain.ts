import { staleReservationMs } from "../../domain/quota.ts";
import { aiKeyPrefix } from "../../storage/ledger-names.ts";
import { agentsDue, completeIndex, reconcileIndex } from "../agent-index/reconcile-index.ts";
import { retryRevocations } from "../ai-keys/minting.ts";
import { watchGateways } from "../alerts/watch-gateways.ts";
import { watchRevocations } from "../alerts/watch-revocations.ts";
import type { Context } from "../context.ts";
import { givePlaces } from "../gateways/give-places.ts";
import { recoverOperations } from "../operations/recover.ts";
import { expireAgents } from "./expire-agents.ts";
import { settleLost } from "./settle-lost-reservations.ts";
import { watchDoors } from "./watch-doors.ts";

export interface Maintained {
  /** Interrupted changes that were finished or undone, in words. */
  recovered: string[];
  /** Minted keys that are revoked now, those that could not be, and those that are not there but may be yet. */
  revocations: { revoked: number; left: number; awaited: number };
  /** Reservations charged because nobody came back to settle them. */
  charged: number;
}

/** The index first: it says whose end has come. */
async function tendAgents(context: Context): Promise<number> {
  await completeIndex(context);
  await reconcileIndex(context);
  return await expireAgents(context, await agentsDue(context));
}

/**
 * One step that fails keeps none of the others; the first failure is thrown when all have been tried.
 * @param settled called once nothing is half done any more: a provider that is away is not waited for
 */
export async function maintain(context: Context, settled: () => void | Promise<void> = () => {}): Promise<Maintained> {
  const steps = [
    recoverOperations(context).then(async (recovered) => {
      await settled();
      return recovered;
    }),
    retryRevocations(context).then(async (revocations) => {
      await watchRevocations(context);
      return revocations;
    }),
    settleLost(context),
    context.ledger.settleStale(aiKeyPrefix, staleReservationMs),
    watchDoors(context),
    tendAgents(context),
    watchGateways(context),
    givePlaces(context),
  ] as const;
  await Promise.allSettled(steps);
  const [recovered, revocations, lost, stale] = await Promise.all(steps);
  const charged = lost + stale;
  if (charged > 0) context.log("info", "requests that a dead process left were charged as reserved", { charged });
  return { recovered, revocations, charged };
}
