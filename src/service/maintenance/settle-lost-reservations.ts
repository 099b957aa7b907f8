import type { LedgerName } from "../../ports.ts";
import { reservationOwner } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/**
 * Charges as reserved what a process held that is gone: nobody comes back to tell what it really cost. A living
 * process that is taken for a dead one settles in vain, so that no key ever spends more than its quota.
 * Returns how many.
 */
export async function settleLost({ ledger, instance }: Context): Promise<number> {
  const open = (await ledger.unsettled?.("ai-key:")) ?? [];
  const byOwner = Map.groupBy(open, reservationOwner);
  let settled = 0;
  for (const [owner, ids] of byOwner) {
    if (owner === undefined || !(instance.isGone(`${owner}.`) || (await instance.isLost?.(owner)))) continue;
    settled += await settleAll(ledger, ids);
  }
  return settled;
}

async function settleAll(ledger: Context["ledger"], ids: readonly LedgerName[]): Promise<number> {
  for (const id of ids) await ledger.settle(id, "reserved");
  return ids.length;
}
