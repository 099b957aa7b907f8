import { periodOf } from "../../domain/quota.ts";
import type { LedgerName, UsageEntry } from "../../ports.ts";
import { aiKeyLedger, aiKeyOfName, reservationOwner } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/** In the usage table, in place of a model's name: nobody knows it any more, and no model can have it. */
const lostModel = "(lost)";

/**
 * Charges as reserved what a process held that is gone, by estimate: nobody comes back to tell what it really cost. A
 * living process that is taken for a dead one settles in vain, so that no key ever spends more than its quota.
 * Returns how many.
 */
export async function settleLost(context: Context): Promise<number> {
  const { ledger, instance } = context;
  const open = (await ledger.unsettled?.("ai-key:")) ?? [];
  const byOwner = Map.groupBy(open, reservationOwner);
  let settled = 0;
  for (const [owner, ids] of byOwner) {
    if (owner === undefined || !(instance.isGone(`${owner}.`) || (await instance.isLost?.(owner)))) continue;
    for (const id of ids) await ledger.settle(id, "reserved", await lostUsage(context, id));
    settled += ids.length;
  }
  return settled;
}

/** `undefined` where it holds no tokens. */
async function lostUsage({ ledger, clock }: Context, id: LedgerName): Promise<UsageEntry | undefined> {
  const keyId = aiKeyOfName(id)?.keyId;
  const held = (await ledger.held?.(id)) ?? [];
  if (keyId === undefined) return undefined;
  const names = aiKeyLedger(keyId);
  const amountOf = (name: LedgerName) => held.find(({ counter }) => counter === name)?.amount ?? 0;
  const [tokens, microUsd] = [amountOf(names.tokens), amountOf(names.usd)];
  if (tokens === 0) return undefined;
  return {
    name: names.usage,
    day: periodOf("day", clock.now()),
    model: lostModel,
    requests: Math.max(1, amountOf(names.requests)),
    ...{ inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: tokens, tokens },
    ...{ webSearches: 0, microUsd, unpricedRequests: 0 },
    estimate: {
      tokens: { counter: names.tokens, amount: tokens },
      ...(microUsd > 0 && { microUsd: { counter: names.usd, amount: microUsd } }),
    },
  };
}
