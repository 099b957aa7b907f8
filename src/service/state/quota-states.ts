import { periodOf, quotaState, stricterQuotas } from "../../domain/quota.ts";
import { quotaRules } from "../../domain/quota-rules.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import { type QuotaStates, type Quotas, quotaNames } from "../../schema/quota.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/**
 * The key's own quotas and its AI provider's defaults, the stricter of each. A minted key is held at the provider, to
 * what it was minted with, whatever the defaults are now.
 */
export const effectiveQuotas = ({ mode, state }: AiKeyRecord, provider: AiProviderRecord | undefined): Quotas =>
  mode === "minted" ? state.quotas : stricterQuotas(provider?.defaultQuotas ?? {}, state.quotas);

/** Each stated limit with its counter as it is now; USD as they are shown, not micro-dollars. */
export async function readQuotaStates(context: Context, keyId: string, quotas: Quotas): Promise<QuotaStates> {
  const now = context.clock.now();
  const names = aiKeyLedger(keyId);
  const states: QuotaStates = {};
  await Promise.all(
    quotaNames.map(async (name) => {
      const limit = quotas[name];
      if (limit === undefined) return;
      const { counter, span } = quotaRules[name];
      states[name] = quotaState(name, limit, await context.ledger.used(names[counter], periodOf(span, now)), now);
    }),
  );
  return states;
}
