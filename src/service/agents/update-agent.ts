import { Problem } from "../../errors.ts";
import type { AgentSummary, UpdateAgent } from "../../schema/agent.ts";
import { type QuotaChange, type Quotas, quotaNames } from "../../schema/quota.ts";
import { requireMintable } from "../ai-keys/minting.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { changeAiKeyState } from "../state/ai-key-state.ts";
import { getAgent, requireAiKey } from "./agent-view.ts";
import { changeAgent, saveAgent } from "./change-agent.ts";

/** Name and model at the host, quotas at the meter, where they hold from the next request on. */
export async function updateAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: UpdateAgent,
): Promise<AgentSummary> {
  const { quotas, ...change } = body;
  const details = { ...change, ...(quotas && { quotas: JSON.stringify(quotas) }) };
  const asked = { action: "agent.update", agentId, details, spends: quotas !== undefined };
  await changeAgent(context, caller, asked, async (agent, _, { hold }) => {
    // What can be refused comes before anything is changed.
    const aiKey = quotas && (await requireAiKey(context, agent));
    if (aiKey?.mode === "minted")
      await requireEnforceable(context, aiKey.aiProviderId, merged(aiKey.state.quotas, quotas!));
    await hold();
    if (Object.keys(change).length > 0) {
      await context.host.update(agent, change);
      if (agent.record) await saveAgent(context, { ...agent.record, ...change });
    }
    if (aiKey) {
      await changeAiKeyState(context, aiKey.keyId, (state) => ({ ...state, quotas: merged(state.quotas, quotas!) }));
    }
  });
  return await getAgent(context, caller, agentId);
}

function merged(quotas: Quotas, change: QuotaChange): Quotas {
  const next: Quotas = {};
  for (const name of quotaNames) {
    const value = change[name] === undefined ? quotas[name] : change[name];
    if (value !== undefined && value !== null) next[name] = value;
  }
  return next;
}

async function requireEnforceable(context: Context, aiProviderId: string, quotas: Quotas): Promise<void> {
  const provider = await context.records.get("ai-providers", aiProviderId);
  if (provider) requireMintable(provider, quotas);
  throw new Problem(
    "mode_not_supported",
    'The quotas of a minted key are its provider\'s; use the mode "virtual" for quotas that can change.',
  );
}
