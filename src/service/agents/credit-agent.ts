import { fromMicroUsd } from "../../domain/micro-usd.ts";
import { Problem } from "../../errors.ts";
import type { AgentCredited, CreditAgent } from "../../schema/usage.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { effectiveQuotas, readQuotaStates } from "../state/quota-states.ts";
import { requireAiKey } from "./agent-view.ts";
import { changeAgent } from "./change-agent.ts";

/**
 * Gives back what was charged by estimate, as after an outage of the provider. An estimate is given back once: asked
 * again, nothing is left of it.
 *
 * @throws Problem `ai_key_not_found`, `mode_not_supported`
 */
export async function creditAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  { since }: CreditAgent,
): Promise<AgentCredited> {
  const change = {
    action: "agent.credit",
    agentId,
    details: since === undefined ? undefined : { since },
    spends: true,
  };
  return await changeAgent(context, caller, change, async (agent, outcome) => {
    const aiKey = await requireAiKey(context, agent);
    if (aiKey.mode === "minted") {
      throw new Problem(
        "mode_not_supported",
        "A minted key's use is counted and held by its provider; nothing of it is estimated here.",
      );
    }
    const from = since === undefined ? 0 : Date.parse(since);
    const { tokens, microUsd } = await context.ledger.creditEstimates(aiKeyLedger(aiKey.keyId).usage, from);
    const usd = fromMicroUsd(microUsd);
    outcome.tokens = tokens;
    if (usd > 0) outcome.usd = usd;
    const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
    const quotas = await readQuotaStates(context, aiKey.keyId, effectiveQuotas(aiKey, provider));
    return { agentId, credited: { tokens, ...(usd > 0 && { usd }) }, quotas };
  });
}
