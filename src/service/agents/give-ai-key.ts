import { fromMicroUsd, toMicroUsd } from "../../domain/micro-usd.ts";
import { stricterQuotas } from "../../domain/quota.ts";
import { newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { AiKeyGiven, AiKeyRecord, AiKeyTaken, AutoProvisionAiKey, GiveAiKey } from "../../schema/ai-key.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Quotas } from "../../schema/quota.ts";
import { checkAiKeyRequest, issueAiKey } from "../ai-keys/issue-ai-key.ts";
import { issuedAiKeyView, showsSecret } from "../ai-keys/issued-ai-key-view.ts";
import { noteIssuedKey } from "../ai-keys/issued-keys.ts";
import type { Minting } from "../ai-keys/minting.ts";
import { tellOfRaised, tellOfReached } from "../alerts/quota-alerts.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { isRefusal } from "../operations/exclusive-resources.ts";
import type { Operation } from "../operations/operation.ts";
import { settleKeyChange, undoKeyChange } from "../operations/settle-key-change.ts";
import { currentAiKey } from "../state/ai-key-state.ts";
import type { KnownAgent } from "../state/find-agent.ts";
import { linkedAiProvider } from "../state/linked-ai-provider.ts";
import { requireNotEnded, requireStoppable } from "./agent-end.ts";
import { requireAiKey } from "./agent-view.ts";
import { type ChangeLease, changeAgent } from "./change-agent.ts";

type Managed = NonNullable<KnownAgent["record"]>;

/**
 * Gives an agent that was made without a key its own; or moves one to another AI provider or account, with the quotas
 * and the models that its key has so far unless others are asked for, and with its use of the running periods.
 *
 * @throws Problem `ai_key_exists` (`add`), `ai_key_not_found` (`move`), `agent_not_managed`
 */
export async function giveAiKey(
  context: Context,
  caller: Caller,
  agentId: string,
  body: GiveAiKey,
  how: "add" | "move",
): Promise<AiKeyGiven> {
  const { aiProviderId, model, revealAiKey, ...asked } = body;
  const details = { aiProvider: asked.provider, ...(model && { model }) };
  const change = { action: `ai-key.${how}`, agentId, details };
  return await changeAgent(context, caller, change, async (agent, outcome, lease) => {
    const provider = await linkedAiProvider(context, caller, asked.provider, aiProviderId);
    const record = requireManaged(agent);
    context.host.requireGateway?.(agent);
    const former = how === "add" ? await requireNoKey(context, record) : await requireAiKey(context, agent);
    if (former && former.provider !== provider.provider && model === undefined) throw needsModel(former, provider);
    const request = former ? withFormer(asked, former) : asked;
    checkAiKeyRequest(context, provider, request);
    requireNotEnded(context, record);
    if (record.suspended || record.expiresAt !== undefined) requireStoppable({ mode: request.mode ?? "virtual" });
    const reveal = showsSecret(context, { revealAiKey });
    const given = { agent, record, provider, request, former, model, reveal, caller, lease };
    const { aiKey, model: used } = await handOverNew(context, given);
    outcome.aiKeyId = aiKey.keyId;
    outcome.aiProviderId = provider.id;
    return { agentId, ...(used !== undefined && { model: used }), aiKey };
  });
}

/** Takes an agent's key away: it is refused from now on. */
export async function takeAiKey(context: Context, caller: Caller, agentId: string): Promise<AiKeyTaken> {
  return await changeAgent(context, caller, { action: "ai-key.remove", agentId }, async (agent, outcome, lease) => {
    const record = requireManaged(agent);
    context.host.requireGateway?.(agent);
    const former = await requireAiKey(context, agent);
    outcome.aiKeyId = former.keyId;
    const operation = keyOperation(lease, record, former);
    const leave = await lease.intend(operation);
    const { isCurrent } = agent;
    const settled = await settleKeyChange(context, operation, { isCurrent }).catch((error) => {
      leave();
      throw error;
    });
    return { agentId, preserved: settled.revoked ? [] : ["aiKey" as const] };
  });
}

interface Given {
  agent: KnownAgent;
  record: Managed;
  provider: AiProviderRecord;
  request: AutoProvisionAiKey;
  former: AiKeyRecord | undefined;
  model: string | undefined;
  reveal: boolean;
  caller: Caller;
  lease: ChangeLease;
}

async function handOverNew(context: Context, given: Given) {
  const { agent, record, provider, request, former, model, reveal, caller, lease } = given;
  const { agentId } = record;
  const aiKeyId = newKeyId(context.crypto.randomBytes);
  const minted = request.mode === "minted";
  const operation: Operation = {
    ...keyOperation(lease, record, former),
    aiKeyId,
    aiProviderId: provider.id,
    minted,
    model,
  };
  const leave = await lease.intend(operation);
  const minting: Minting = { unrecorded: false };
  try {
    await noteIssuedKey(context, agentId, aiKeyId);
    const holder = {
      agentId,
      name: record.name,
      keyId: aiKeyId,
      operationId: operation.operationId,
      expiresAt: record.expiresAt,
      suspended: record.suspended,
      keepsSecret: context.host.storesCredentials,
    };
    const issued = await issueAiKey(context, caller, { holder, provider, request, minting });
    const { credential } = issued;
    const { hold } = lease;
    const settled = await settleKeyChange(context, operation, { credential, hold, isCurrent: agent.isCurrent });
    const { profileId } = settled;
    if (former) {
      const { record } = issued;
      const state = { ...record.state, quotas: budgetedQuotas(record.state) };
      tellOfRaised(context, { ...record, state }, budgetedQuotas(former.state));
      tellOfReached(context, record, former.state.quotas);
    }
    return { model: settled.record?.model, aiKey: issuedAiKeyView(issued.record, credential, { profileId, reveal }) };
  } catch (error) {
    // Recovery hands the new key over once more where the host may have it.
    const isGiven = (await context.records.get("agents", agentId))?.aiKeyId === aiKeyId;
    const isIssued = (await currentAiKey(context, aiKeyId)) !== undefined;
    if (isGiven || (isIssued && !isRefusal(error))) leave();
    else await undoKeyChange(context, { ...operation, minted: minting.unrecorded }).catch(leave);
    throw error;
  }
}

const keyOperation = (lease: ChangeLease, record: Managed, former: AiKeyRecord | undefined): Operation => ({
  ...lease.operation,
  action: "key",
  creation: record.operationId,
  ...(former && { formerKeyId: former.keyId, formerProvider: former.provider }),
});

function requireManaged({ agentId, record }: KnownAgent): Managed {
  if (record) return record;
  throw new Problem(
    "agent_not_managed",
    `The agent "${agentId}" was made by others; \`agents adopt ${agentId} --provision-ai-key ...\` gives it a key of its own.`,
  );
}

async function requireNoKey(context: Context, { agentId, aiKeyId }: Managed): Promise<undefined> {
  if (aiKeyId === undefined || !(await currentAiKey(context, aiKeyId))) return undefined;
  throw new Problem(
    "ai_key_exists",
    `The agent "${agentId}" has the AI key ${aiKeyId}; PUT moves it to another AI provider, and \`agents rotate-key\` gives it a new secret.`,
  );
}

const needsModel = (former: AiKeyRecord, { provider }: AiProviderRecord): Problem =>
  new Problem(
    "invalid_body",
    `The agent's model is one of "${former.provider}"; say which one of "${provider}" it is to use.`,
    { errors: [{ path: "model", message: "is required for a move to another provider" }] },
  );

/** @throws Problem `invalid_body` where the models that it was held to are another provider's */
function withFormer(asked: AutoProvisionAiKey, { provider, mode, state }: AiKeyRecord): AutoProvisionAiKey {
  if (state.models && !asked.models && provider !== asked.provider) {
    throw new Problem(
      "invalid_body",
      "The agent's key is held to a list of models; say to which ones the new one is.",
      {
        errors: [{ path: "models", message: "is required: the former key has such a list" }],
      },
    );
  }
  const isMinted = asked.mode === "minted";
  const budget = asked.budgetUsdPerMonth ?? (isMinted ? state.budgetUsdPerMonth : undefined);
  // A quota that a provider cannot hold a minted key to is refused, unless a budget is asked for in its place.
  const quotas = isMinted && mode === "virtual" && budget !== undefined ? undefined : state.quotas;
  return {
    ...asked,
    quotas: asked.quotas ?? (isMinted ? quotas : budgetedQuotas(state)),
    models: asked.models ?? state.models,
    expiresAt: asked.expiresAt ?? state.expiresAt,
    budgetUsdPerMonth: budget,
  };
}

/** The budget that its provider held a minted key to is the meter's to hold from then on. */
function budgetedQuotas({ quotas, budgetUsdPerMonth: budget }: AiKeyRecord["state"]): Quotas {
  if (budget === undefined) return quotas;
  const maxUsdPerMonth = fromMicroUsd(toMicroUsd(budget) ?? Math.floor(budget * 1_000_000));
  return stricterQuotas(quotas, { maxUsdPerMonth });
}
