import { monthToDate, periodOf } from "../../domain/quota.ts";
import { quotaShare } from "../../domain/quota-share.ts";
import type { LedgerName } from "../../ports.ts";
import { aiKeyOfName, aiKeyPrefix } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/** Amounts of AI keys, by their ids; `asOf` (epoch milliseconds): everything until then is in them. */
export interface AgentRanks {
  byKey: ReadonlyMap<string, number>;
  asOf: number;
}

/** Below it, no ledger tells how near a counter is. */
export const leastShare = 0.5;
/** Ledgers keep the order of so many of a month's largest; all would be summed anew at every call. */
const mostRanked = 100;
const mostNear = 10_000;

function ranksOf(amounts: readonly { name: LedgerName; amount: number }[], asOf: number): AgentRanks {
  const byKey = new Map<string, number>();
  for (const { name, amount } of amounts) {
    const keyId = aiKeyOfName(name)?.keyId;
    if (keyId !== undefined) byKey.set(keyId, Math.max(amount, byKey.get(keyId) ?? 0));
  }
  return { byKey, asOf };
}

/** How near each key is to the tightest of the month's and the day's quotas that it was last reserved under. */
export async function nearestShares({ ledger, clock }: Context, minShare: number): Promise<AgentRanks> {
  const now = clock.now();
  const periods = [periodOf("month", now), periodOf("day", now)];
  const { near, asOf } = await ledger.nearLimit({ minShare, limit: mostNear, periods });
  const amounts = near.map((quota) => ({ name: quota.counter, amount: quotaShare(quota) }));
  return ranksOf(amounts, asOf);
}

/** The keys with the most use this month (UTC). */
export async function mostUsed({ ledger, clock }: Context, by: "tokens" | "microUsd"): Promise<AgentRanks> {
  const query = {
    prefix: aiKeyPrefix,
    ...monthToDate(clock.now()),
    by: "name",
    orderBy: by,
    limit: mostRanked,
  } as const;
  const { groups, asOf } = await ledger.topUsage(query);
  const used = groups.filter((group) => group[by] > 0);
  return ranksOf(
    used.map((group) => ({ name: group.key as LedgerName, amount: group[by] })),
    asOf,
  );
}
