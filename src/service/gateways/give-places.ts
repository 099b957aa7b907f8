import { placesGiven } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { pageLimit } from "../state/page-limit.ts";
import { freePlace, givePlace } from "./gateway-places.ts";

const complete = "complete";
const pageSize = 500;

/** Gives agents of an earlier release their places: once in the life of a store, and where it broke off, from there on. */
export async function givePlaces(context: Context): Promise<void> {
  const { ledger, records } = context;
  let at = await ledger.get(placesGiven);
  while (at !== complete) {
    const cursor = at === undefined ? undefined : at.slice(1);
    const page = await records.list("agents", { cursor, limit: pageLimit(context, pageSize) });
    for (const { agentId, gateway, operationId } of page.items) {
      const placed = { gateway, creation: operationId };
      await givePlace(context, placed);
      // Deleted meanwhile, or made anew: nobody would free it.
      if ((await records.get("agents", agentId))?.operationId !== operationId) await freePlace(context, placed);
    }
    at = page.nextCursor === undefined ? complete : `>${page.nextCursor}`;
    await ledger.put(placesGiven, at);
    // An invocation takes one page.
    if (context.mostBulkChanges !== undefined) return;
  }
}
