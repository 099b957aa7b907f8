import { newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { HostAdoption } from "../../ports.ts";
import type { AdoptAgent, AgentAdopted } from "../../schema/adopt-agent.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import { issueAiKey, keylessCredential, type NewAiKey } from "../ai-keys/issue-ai-key.ts";
import { issuedAiKeyView, showsSecret } from "../ai-keys/issued-ai-key-view.ts";
import type { Minting } from "../ai-keys/minting.ts";
import { type AuditDetails, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { requirePlacement } from "../gateways/choose-gateway.ts";
import { noteOther } from "../gateways/count-others.ts";
import { givePlace, lookUpGateway } from "../gateways/gateway-places.ts";
import { type AgentLease, withAgentLease } from "../operations/agent-lease.ts";
import { allOrNothing } from "../operations/all-or-nothing.ts";
import type { Operation } from "../operations/operation.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { addAgent } from "../state/agent-record.ts";
import { type KnownAgent, requireAgentToChange, requireSameAgent } from "../state/find-agent.ts";
import { attemptOf, sameRequest } from "./create-agent.ts";
import { makerOf, maxAgentsOf, prepareAiKey } from "./prepare-create.ts";
import type { CreateOptions } from "./provision-agent.ts";

type Options = Pick<CreateOptions, "idempotency">;

/**
 * Takes over an agent that others made: it gets a record, a key and quotas of its own, and the entry of agents made
 * here. Its workspace, sessions, identity and bindings stay as they are. The saga of `service/README.md`.
 *
 * @throws Problem `agent_managed`, and what a creation throws
 */
export async function adoptAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: AdoptAgent,
  options: Options = {},
): Promise<AgentAdopted> {
  const meant = await requireAgentToChange(context, caller, agentId);
  if (meant.record) return await adoptedBefore(context, meant.record, options);
  context.host.requireGateway?.(meant);
  const gateway = await lookUpGateway(context, meant.gateway);
  if (gateway) requirePlacement(context, agentId, gateway, body.labels);
  const { provider, heldToQuota } = await prepareAiKey(context, caller, body);
  const operationId = newOperationId(context);
  const adoption: HostAdoption = {
    agent: meant,
    operationId,
    model: body.model,
    hold: { confinement: body.confinement, tools: body.tools, peers: body.peers },
    key: keyOf(context, body, provider),
    heldToQuota,
  };
  const changes = await context.host.planAdoption(adoption);
  if (body.dryRun) return { ...shownOf(meant, body), changes, dryRun: true };

  const keyId = newKeyId(context.crypto.randomBytes);
  const operation = adoptOperation(caller, meant, body, { operationId, provider, heldToQuota, keyId });
  const owner = operationId + attemptOf(options);
  const lease = { agentId, owner, operation, taken: () => agentBusy(agentId) };
  return await withAgentLease(context, lease, async (held) => {
    const agent = await requireSameAgent(context, caller, meant);
    if (agent.record) return await adoptedBefore(context, agent.record, options);
    const minting: Minting = { unrecorded: false };
    const work = { ...options, body, adoption: { ...adoption, agent }, operation, provider, minting, lease: held };
    const adopted = await allOrNothing(context, caller, {
      operation,
      lease: held,
      change: () => ({ action: "agent.adopt", details: auditDetails(body, operation) }),
      limit: maxAgentsOf(context, caller),
      minting,
      lost: () => agentBusy(agentId),
      place: () => givePlace(context, operation),
      build: async (outcome) => ({ ...(await takeOver(context, caller, work, outcome)), changes }),
    });
    noteOther(context, operation, false);
    return adopted;
  });
}

interface Adoption extends Options {
  body: AdoptAgent;
  adoption: HostAdoption;
  operation: Operation;
  provider: AiProviderRecord | undefined;
  minting: Minting;
  lease: Pick<AgentLease, "hold" | "isHeld">;
}

/** Key, host, record, in this order: with a record, all of it is there. */
async function takeOver(
  context: Context,
  caller: Caller,
  { body, adoption, operation, provider, minting, lease, idempotency }: Adoption,
  outcome: AuditDetails,
): Promise<AgentAdopted> {
  const { host } = context;
  const { agent } = adoption;
  const { agentId, operationId } = operation;
  const request = body.autoProvisionAiKey;
  await lease.hold();
  const holder = { agentId, name: agent.name, keyId: operation.aiKeyId!, operationId, expiresAt: body.expiresAt };
  const aiKey = provider && request && (await issueAiKey(context, caller, { holder, provider, request, minting }));
  await lease.hold();
  const credential = host.storesCredentials ? aiKey?.credential : undefined;
  const held = { ...agent, isCurrent: lease.isHeld };
  const taken = await host.adopt({ ...adoption, agent: held, ...(credential && { credential }) });
  const createdAt = new Date(context.clock.now()).toISOString();
  const { confinement } = taken;
  const record: AgentRecord = {
    agentId,
    name: agent.name,
    workspace: agent.workspace,
    agentDir: agent.agentDir,
    model: taken.model ?? agent.model,
    identity: agent.identity,
    bindings: agent.bindings,
    gateway: agent.gateway,
    adopted: true,
    confinement,
    tools: body.tools,
    peers: body.peers,
    ...(aiKey && { aiKeyId: aiKey.record.keyId, aiKeyProvider: aiKey.record.provider }),
    credentials: credential ? [credential.provider] : [],
    suspended: false,
    labels: body.labels,
    expiresAt: body.expiresAt,
    ...(operation.placeKeyId !== undefined && { createdBy: operation.placeKeyId }),
    operationId,
    idempotency,
    createdAt,
    updatedAt: createdAt,
  };
  await lease.hold();
  await addAgent(context, record);
  if (confinement) outcome.confinement = confinement;
  return adoptedView(record, aiKey, {
    profileId: taken.profileId,
    reveal: showsSecret(context, body),
  });
}

function adoptOperation(
  caller: Caller,
  { agentId, gateway, name, bindings }: KnownAgent,
  body: AdoptAgent,
  known: { operationId: string; provider: AiProviderRecord | undefined; heldToQuota: boolean; keyId: string },
): Operation {
  const { operationId, provider, heldToQuota, keyId } = known;
  const { model, confinement, tools, peers, autoProvisionAiKey } = body;
  const asked = {
    name,
    model: provider ? undefined : model,
    skipBootstrap: false,
    confinement,
    tools,
    peers,
    heldToQuota,
  };
  return {
    action: "adopt",
    operationId,
    creation: operationId,
    agentId,
    gateway,
    bindings,
    placeKeyId: makerOf(caller),
    ...(gateway !== undefined && { asked }),
    ...(provider && { aiKeyId: keyId, aiProviderId: provider.id, minted: autoProvisionAiKey?.mode === "minted" }),
  };
}

function keyOf(context: Context, { autoProvisionAiKey, keyFor }: AdoptAgent, provider?: AiProviderRecord) {
  if (keyFor) return { provider: keyFor.provider, baseUrl: keyFor.baseUrl, metered: keyFor.metered ?? true };
  if (!provider || !context.host.storesCredentials) return undefined;
  return keylessCredential(context, provider, autoProvisionAiKey?.mode ?? "virtual");
}

/** @throws Problem `agent_managed` unless this very request has adopted it */
async function adoptedBefore(context: Context, record: AgentRecord, options: Options): Promise<AgentAdopted> {
  const { agentId, aiKeyId } = record;
  if (!record.adopted || !sameRequest(record, options)) {
    throw new Problem(
      "agent_managed",
      `The agent "${agentId}" is managed here already; PATCH changes it, and its key is under /ai-key.`,
    );
  }
  const aiKey = aiKeyId === undefined ? undefined : await context.records.get("ai-keys", aiKeyId);
  return adoptedView(record, aiKey && { record: aiKey, credential: {} });
}

const shownOf = (agent: Omit<KnownAgent, "isCurrent" | "record">, body: AdoptAgent) => ({
  agentId: agent.agentId,
  name: agent.name,
  workspace: agent.workspace,
  agentDir: agent.agentDir,
  model: body.model ?? agent.model,
  gateway: agent.gateway,
  confinement: body.confinement,
  bindings: agent.bindings,
  labels: body.labels,
  expiresAt: body.expiresAt,
});

function adoptedView(
  record: AgentRecord,
  aiKey: { record: NewAiKey["record"]; credential: Partial<NewAiKey["credential"]> } | undefined,
  shown: Parameters<typeof issuedAiKeyView>[2] = {},
): AgentAdopted {
  return {
    ...shownOf(record, { labels: record.labels, expiresAt: record.expiresAt, confinement: record.confinement }),
    ...(aiKey && { aiKey: issuedAiKeyView(aiKey.record, aiKey.credential, shown) }),
    createdAt: record.createdAt,
  };
}

const auditDetails = (
  { model, confinement, labels, expiresAt, autoProvisionAiKey }: AdoptAgent,
  operation: Operation,
) => ({
  ...(model && { model }),
  ...(operation.gateway && { gateway: operation.gateway }),
  ...(confinement && { confinement }),
  ...(labels && { labels: JSON.stringify(labels) }),
  ...(expiresAt !== undefined && { expiresAt }),
  ...(operation.aiKeyId && { aiKeyId: operation.aiKeyId, aiProvider: autoProvisionAiKey!.provider }),
});
