import { counterLimit, periodOf, shownAmount } from "../../domain/quota.ts";
import type { QuotaDenial } from "../../domain/quota-denial.ts";
import { quotaRules } from "../../domain/quota-rules.ts";
import { thresholdMessage, thresholdsPassed } from "../../domain/quota-thresholds.ts";
import { writtenModel } from "../../domain/written-model.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import { type QuotaName, type Quotas, quotaNames } from "../../schema/quota.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { effectiveQuotas } from "../state/quota-states.ts";
import { type AlertToRaise, keepAlert, keepMessage, raiseAlert } from "./raise-alert.ts";

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
    const { limit, used, left, resetAt } = denial;
    const shown = (amount: number) => shownAmount(quota, amount);
    // A quota that frees itself within seconds, as a minute's does, ends nothing.
    if (denial.transient) return;
    const key = `${keyId} ${quota} ${resetAt} ${limit}`;
    if (told.has(key)) return;
    if (told.size >= mostRemembered) told.clear();
    told.add(key);
    const alert: AlertToRaise = {
      type: "quota.exhausted",
      cause: [keyId, quota, resetAt, limit],
      data: {
        ...{ agentId, keyId, quota, resetAt: new Date(resetAt).toISOString() },
        ...{ limit: shown(limit), used: shown(used), left: shown(left) },
      },
      keepUntil: Math.max(resetAt, context.clock.now() + 7 * 86_400_000),
    };
    raiseAlert(context, alert, () => void told.delete(key));
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
  context.background(keepAlert(context, { type: "quota.raised", cause: [keyId, state.version], data }));
}

/** Tells of the thresholds that a lower limit has put below what is used: no charge will pass them any more. */
export function tellOfReached(context: Context, aiKey: AiKeyRecord, before: Quotas): void {
  const { agentId } = aiKey;
  const failed = (cause: unknown) => context.log("error", "thresholds could not be looked at", { agentId, cause });
  context.background(putReached(context, aiKey, before).catch(failed));
}

async function putReached(context: Context, aiKey: AiKeyRecord, before: Quotas): Promise<void> {
  const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
  const limits = effectiveQuotas(aiKey, provider);
  const { thresholds } = context.settings.provisioning.webhooks;
  const now = context.clock.now();
  for (const name of quotaNames) {
    const { counter: unit, span } = quotaRules[name];
    const stated = limits[name];
    // A minute's quota slows down, and ends nothing.
    if (stated === undefined || span === "minute" || stated >= (before[name] ?? Number.POSITIVE_INFINITY)) continue;
    const [counter, period, limit] = [aiKeyLedger(aiKey.keyId)[unit], periodOf(span, now), counterLimit(name, stated)];
    const { used } = await context.ledger.used(counter, period);
    for (const percent of thresholdsPassed(thresholds, limit, 0, used))
      await keepMessage(context, thresholdMessage(now, { counter, period, limit, percent }, used));
  }
}

/**
 * Tells of a model that was refused since nobody knows its price: of the first that a key asked for in a day, since it
 * may think of as many as it likes. It neither waits nor throws.
 */
export function createUnpricedAlerts(
  context: Context,
): (key: Pick<AiKeyRecord, "keyId" | "agentId">, provider: string, asked: string | undefined) => void {
  const told = new Set<string>();

  return ({ keyId, agentId }, provider, asked) => {
    const day = periodOf("day", context.clock.now());
    const key = `${day} ${keyId} ${provider}`;
    if (told.has(key)) return;
    if (told.size >= mostRemembered) told.clear();
    told.add(key);
    const model = writtenModel(asked);
    const remedy = `provisioning prices set ${provider} ${model} --input <usd> --output <usd>`;
    const data = { agentId, keyId, provider, model, remedy };
    const alert: AlertToRaise = { type: "spend.unpriced_model", cause: [keyId, provider, day], data };
    raiseAlert(context, alert, () => void told.delete(key));
  };
}
