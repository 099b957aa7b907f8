import { mergedLabels } from "../../domain/labels.ts";
import { Problem } from "../../errors.ts";
import type { AgentRecord, AgentSummary } from "../../schema/agent.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { UpdateAgent } from "../../schema/change-agent.ts";
import { mostLabels } from "../../schema/label.ts";
import { type QuotaChange, type Quotas, quotaNames } from "../../schema/quota.ts";
import { requireMintable } from "../ai-keys/minting.ts";
import { tellOfRaised, tellOfReached } from "../alerts/quota-alerts.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { requirePlacement } from "../gateways/choose-gateway.ts";
import { lookUpGateway } from "../gateways/gateway-places.ts";
import { isRefusal } from "../operations/exclusive-resources.ts";
import { saveAgent } from "../state/agent-record.ts";
import { changeAiKeyState } from "../state/ai-key-state.ts";
import type { KnownAgent } from "../state/find-agent.ts";
import { requireFutureEnd, requireStoppable } from "./agent-end.ts";
import { getAgent, requireAiKey } from "./agent-view.ts";
import { changeAgent } from "./change-agent.ts";

/** Name and model at the host, quotas and the end at the meter, where they hold from the next request on. */
export async function updateAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: UpdateAgent,
): Promise<AgentSummary> {
  const { quotas, labels, expiresAt, ...change } = body;
  requireFutureEnd(context, expiresAt);
  const details = {
    ...change,
    ...(quotas && { quotas: JSON.stringify(quotas) }),
    ...(labels && { labels: JSON.stringify(labels) }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt ?? "never" }),
  };
  const spends = quotas !== undefined || expiresAt !== undefined;
  await changeAgent(context, caller, { action: "agent.update", agentId, details, spends }, async (agent, _, lease) => {
    // Refusals come before anything is changed.
    const { aiKey, own } = await requireUpdatable(context, agent, body);
    await lease.hold();
    try {
      if (Object.keys(change).length > 0) await context.host.update(agent, change);
      if (agent.record && (own || Object.keys(change).length > 0)) {
        await saveAgent(context, { ...agent.record, ...change, ...own });
      }
      if (aiKey) {
        let before: Quotas = {};
        const changed = await changeAiKeyState(context, aiKey.keyId, ({ suspendsAt, ...state }) => {
          before = state.quotas;
          const end = expiresAt === undefined ? suspendsAt : (expiresAt ?? undefined);
          const next = quotas ? merged(state.quotas, quotas) : state.quotas;
          return { ...state, quotas: next, ...(end !== undefined && { suspendsAt: end }) };
        });
        tellOfRaised(context, changed, before);
        tellOfReached(context, changed, before);
      }
    } catch (error) {
      // Host, record and meter may each have another part of it.
      if (!isRefusal(error)) lease.leave();
      throw error;
    }
  });
  return await getAgent(context, caller, agentId);
}

/** @throws Problem where the agent as it is now cannot be changed so */
export async function requireUpdatable(
  context: Context,
  agent: KnownAgent,
  { quotas, labels, expiresAt }: Pick<UpdateAgent, "quotas" | "labels" | "expiresAt">,
): Promise<{ aiKey: AiKeyRecord | undefined; own: ReturnType<typeof ownChange> }> {
  const { aiKeyId, expiresAt: end } = agent.record ?? {};
  // The next key of an agent that has none, and an end from before, is held to that.
  const needsKey = quotas !== undefined || (expiresAt !== undefined && (aiKeyId !== undefined || end === undefined));
  const aiKey = needsKey ? await requireAiKey(context, agent) : undefined;
  if (aiKey?.mode === "minted" && quotas)
    await requireEnforceable(context, aiKey.aiProviderId, merged(aiKey.state.quotas, quotas));
  if (aiKey && typeof expiresAt === "string") requireStoppable(aiKey);
  const own = ownChange(agent, { labels, expiresAt });
  const gateway = labels && (await lookUpGateway(context, agent.record?.gateway));
  if (gateway) requirePlacement(context, agent.agentId, gateway, own?.labels);
  return { aiKey, own };
}

/**
 * The changes that only the record has; `undefined` where nothing of it changes.
 * @throws Problem `agent_not_managed`, `invalid_body` for too many labels
 */
function ownChange(
  { agentId, record }: KnownAgent,
  { labels: change, expiresAt }: Pick<UpdateAgent, "labels" | "expiresAt">,
): Pick<AgentRecord, "labels" | "expiresAt" | "endedAt"> | undefined {
  if (change === undefined && expiresAt === undefined) return undefined;
  if (!record) {
    throw new Problem("agent_not_managed", `The agent "${agentId}" was made by others, and has no labels and no end.`);
  }
  const labels = change ? mergedLabels(record.labels, change) : record.labels;
  const count = Object.keys(labels ?? {}).length;
  if (count > mostLabels) {
    throw new Problem("invalid_body", `These would be ${count} labels, and an agent has at most ${mostLabels}.`, {
      errors: [{ path: "labels", message: `at most ${mostLabels} labels` }],
    });
  }
  return expiresAt === undefined ? { labels } : { labels, expiresAt: expiresAt ?? undefined, endedAt: undefined };
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
