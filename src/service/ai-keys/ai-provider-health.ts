import type { AiProviderHealth } from "../../schema/ai-provider.ts";
import { aiProviderFailures, aiProviderIncident, aiProviderLastFailure } from "../../storage/ledger-names.ts";
import { readIncident } from "../alerts/incidents.ts";
import { failureRule } from "../alerts/provider-health.ts";
import type { Context } from "../context.ts";
import { allRecords } from "../state/all-records.ts";
import { requireAiProvider } from "../state/require-ai-provider.ts";

/**
 * How metered calls have found an AI provider.
 *
 * @throws Problem `ai_provider_not_found`
 */
export async function aiProviderHealth(context: Context, id: string): Promise<AiProviderHealth> {
  const record = await requireAiProvider(context, id);
  const { ledger } = context;
  const [incident, window, last, agents] = await Promise.all([
    readIncident(context, aiProviderIncident(id)),
    // Counts nothing, and tells what is inside the window.
    ledger.take(aiProviderFailures(id), failureRule, 0),
    ledger.get(aiProviderLastFailure(id)),
    agentsOf(context, id),
  ]);
  const lastFailure = last === undefined ? undefined : failureIn(last);
  return {
    status: record.revokedAt !== undefined ? "revoked" : incident ? "failing" : "ok",
    ...(incident && { since: incident.since }),
    ...(incident?.detail !== undefined && { detail: incident.detail }),
    failures1h: failureRule.limit - window.remaining,
    ...(lastFailure && { lastFailure }),
    agents,
  };
}

function failureIn(text: string): NonNullable<AiProviderHealth["lastFailure"]> {
  const { at, code } = JSON.parse(text) as { at: string; code: string };
  return { at, code, ...(/^\d{3}$/.test(code) && { status: Number(code) }) };
}

async function agentsOf(context: Context, id: string): Promise<number> {
  const agents = new Set<string>();
  for await (const { agentId, aiProviderId, state } of allRecords(context, "ai-keys")) {
    if (aiProviderId === id && state.status !== "revoked") agents.add(agentId);
  }
  return agents.size;
}
