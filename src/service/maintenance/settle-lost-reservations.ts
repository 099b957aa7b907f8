import { aiKeyPrefix, reservationOwner } from "../../storage/ledger-names.ts";
import { lostUsage } from "../../storage/lost-usage.ts";
import type { Context } from "../context.ts";

/**
 * Charges as reserved what a process held that is gone, by estimate: nobody comes back to tell what it really cost. A
 * living process that is taken for a dead one settles in vain, so that no key ever spends more than its quota.
 * Returns how many.
 */
export async function settleLost(context: Context): Promise<number> {
  const { ledger, instance, clock } = context;
  const open = (await ledger.unsettled?.(aiKeyPrefix)) ?? [];
  const byOwner = Map.groupBy(open, reservationOwner);
  let settled = 0;
  for (const [owner, ids] of byOwner) {
    if (owner === undefined || !(instance.isGone(`${owner}.`) || (await instance.isLost?.(owner)))) continue;
    for (const id of ids) {
      const held = (await ledger.held?.(id)) ?? [];
      await ledger.settle(id, "reserved", lostUsage(id, held, clock.now()));
    }
    settled += ids.length;
  }
  return settled;
}
