import { quotaRules, resetOf } from "../../domain/quota.ts";
import type { QuotaDenial } from "../../domain/quota-denial.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import { type QuotaName, type Quotas, quotaNames } from "../../schema/quota.ts";
import type { Context } from "../context.ts";
import { raiseAlert } from "./raise-alert.ts";

/** Busy keys, and more; what is forgotten is asked of the outbox again. */
const mostRemembered = 20_000;

export interface QuotaRefusal {
  quota: QuotaName;
  denial: QuotaDenial;
}

/** Tells of the first refusal of a period: the last request hardly ever fits exactly. It neither waits nor throws. */
export function createQuotaAlerts(
  context: Context,
): (key: Pick<AiKeyRecord, "keyId" | "agentId">, refusal: QuotaRefusal) => void {
  const told = new Set<string>();

  return ({ keyId, agentId }, { quota, denial }) => {
    const { limit, used, left } = denial;
    const { span } = quotaRules[quota];
    // What frees itself within seconds, as a minute's quota does, ends nothing.
    if (denial.transient) return;
    const resetAt = resetOf(span, context.clock.now());
    const key = `${keyId} ${quota} ${resetAt} ${limit}`;
    if (told.has(key)) return;
    if (told.size >= mostRemembered) told.clear();
    told.add(key);
    raiseAlert(context, {
      type: "quota.exhausted",
      cause: [keyId, quota, resetAt, limit],
      data: { agentId, keyId, quota, limit, used, left, resetAt: new Date(resetAt).toISOString() },
      keepUntil: Math.max(resetAt, context.clock.now() + 7 * 86_400_000),
    });
  };
}

/** Tells that an agent may spend more than before. */
export function tellOfRaised(context: Context, { keyId, agentId, state }: AiKeyRecord, before: Quotas): void {
  const raised = quotaNames.filter((name) => {
    const limit = before[name];
    return limit !== undefined && (state.quotas[name] ?? Number.POSITIVE_INFINITY) > limit;
  });
  if (raised.length === 0) return;
  const limits = (quotas: Quotas) => Object.fromEntries(raised.map((name) => [name, quotas[name] ?? null]));
  const data = { agentId, keyId, quotas: raised, before: limits(before), after: limits(state.quotas) };
  raiseAlert(context, { type: "quota.raised", cause: [keyId, state.version], data });
}
