import { quotaOf, resetOf, shownAmount } from "../../domain/quota.ts";
import { quotaRules } from "../../domain/quota-rules.ts";
import type { Threshold } from "../../domain/quota-thresholds.ts";
import type { OutboxMessage } from "../../ports.ts";
import { aiKeyOfName } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/**
 * The ledger's message about a threshold, as an operator wants it: the owner, the quota, the amount left, when it
 * begins anew, and when it would be used up at the pace so far.
 *
 * @returns JSON; `undefined` where nothing more is known than the ledger knew
 */
export async function describeThreshold(context: Context, message: OutboxMessage): Promise<string | undefined> {
  const { counter, period, limit, percent } = JSON.parse(message.data) as Threshold;
  const of = aiKeyOfName(counter);
  const quota = quotaOf(of?.part ?? "", period);
  if (of === undefined || quota === undefined) return undefined;
  const { keyId } = of;
  const key = await context.records.get("ai-keys", keyId);
  const used = message.used ?? 0;
  const shown = (amount: number) => shownAmount(quota, amount);
  const begun = Date.parse(period.length === 7 ? `${period}-01T00:00:00Z` : `${period}T00:00:00Z`);
  const resetAt = resetOf(quotaRules[quota].span, begun);
  const exhaustedAt = begun + ((message.at - begun) * limit) / Math.max(used, 1);
  return JSON.stringify({
    ...(key && { agentId: key.agentId }),
    keyId,
    quota,
    percent,
    limit: shown(limit),
    used: shown(used),
    left: shown(Math.max(0, limit - used)),
    resetAt: new Date(resetAt).toISOString(),
    ...(used < limit && exhaustedAt < resetAt && { projectedExhaustion: new Date(exhaustedAt).toISOString() }),
  });
}
