import { GatewayUntouched } from "../../errors.ts";
import type { HostPlan } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { AgentCreated, CreateAgent } from "../../schema/create-agent.ts";
import { type NewAiKey, newAiKey } from "../ai-keys/issue-ai-key.ts";
import { issuedAiKeyView, showsSecret } from "../ai-keys/issued-ai-key-view.ts";
import type { Minting } from "../ai-keys/minting.ts";
import type { AuditDetails } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { planAgent } from "../gateways/choose-gateway.ts";
import { freePlace } from "../gateways/gateway-places.ts";
import type { AgentLease } from "../operations/agent-lease.ts";
import { allEnded } from "../operations/all-or-nothing.ts";
import { acquireResources, releaseBindings } from "../operations/exclusive-resources.ts";
import type { Operation } from "../operations/operation.ts";
import { addAgent, replaceAgent } from "../state/agent-record.ts";
import { addAiKey } from "../state/ai-key-state.ts";
import { givenCredential } from "./given-credential.ts";
import { placeAgent } from "./place-agent.ts";

/** Beside the body of a create, from its headers. */
export interface CreateOptions {
  /** Kept with the agent, so that a retry after a crash is answered from it. */
  idempotency?: AgentRecord["idempotency"];
  /** Answer as soon as the agent is durable, though it may not answer yet (RFC 7240 `respond-async`). */
  respondAsync?: boolean;
  /**
   * Called once the creation is on record with all that it alone may have: from then on it is finished or undone, and
   * nobody need wait. No gateway is asked before.
   */
  onAccepted?: ((accepted: AgentCreated) => void) | undefined;
}

export interface CreateProgress {
  /** Whether a gateway may have the agent by now. */
  hostAsked: boolean;
}

/** A creation that holds its exclusive resources. */
export interface Creation extends CreateOptions {
  lease: Pick<AgentLease, "hold" | "isHeld" | "updateRecord">;
  body: CreateAgent;
  plan: HostPlan;
  /** Says at any moment what may be there of it. */
  operation: Operation;
  provider: AiProviderRecord | undefined;
  heldToQuota: boolean;
  minting: Minting;
  progress: CreateProgress;
}

/**
 * Makes the AI key, then the agent, and records the key meanwhile, since both wait for the disk: recovery asks for both.
 * After every rejection, `operation` says what is to be undone.
 */
export async function buildAgent(
  context: Context,
  caller: Caller,
  creation: Creation,
  outcome: AuditDetails,
): Promise<AgentCreated> {
  const { body, operation, provider, minting, lease } = creation;
  const { agentId, operationId } = operation;
  const request = body.autoProvisionAiKey;
  const { labels, expiresAt } = body;
  const holder = { agentId, name: body.name, keyId: operation.aiKeyId!, operationId, expiresAt };
  await lease.hold();
  const aiKey = provider && request && (await newAiKey(context, caller, { holder, provider, request, minting }));
  const createdAt = new Date(context.clock.now()).toISOString();
  const [{ made, workspace, agentDir, gateway, confinement }] = await allEnded([
    onSomeGateway(context, creation, outcome, (plan) => makeOnHost(context, { ...creation, plan }, aiKey, createdAt)),
    aiKey && addAiKey(context, aiKey.record),
  ]);
  const { profileId } = made;
  const reveal = showsSecret(context, body);
  return {
    agentId,
    name: body.name,
    workspace,
    agentDir,
    model: body.model,
    gateway,
    confinement,
    bindings: made.bindings,
    ...(aiKey && { aiKey: issuedAiKeyView(aiKey.record, aiKey.credential, { profileId, reveal }) }),
    ...(labels && { labels }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(made.starting && { status: "starting" as const }),
    createdAt,
  };
}

/** The next best gateway is tried, once, where the caller asked for none and the one chosen has surely done nothing. */
async function onSomeGateway<T>(
  context: Context,
  { body, plan, operation, heldToQuota, lease }: Creation,
  outcome: AuditDetails,
  make: (plan: HostPlan) => Promise<T>,
): Promise<T> {
  try {
    await lease.hold();
    return await make(plan);
  } catch (error) {
    if (body.gateway !== undefined || !(error instanceof GatewayUntouched)) throw error;
    const { agentId, creation, bindings } = operation;
    const request = { ...body, agentId, heldToQuota };
    const other = await planAgent(context, request, new Set([plan.gateway ?? ""])).catch(() => {
      throw error;
    });
    context.log("warn", "an agent is made on another gateway", { agentId, gateway: other.gateway, cause: error });
    await Promise.all([releaseBindings(context, operation), freePlace(context, operation)]);
    // From here on an undoing looks there.
    operation.gateway = other.gateway;
    await lease.updateRecord(operation);
    const next = await placeAgent(context, { request, operation, lease }, other);
    await acquireResources(context, { agentId, creation, gateway: next.gateway, bindings }, null);
    if (next.gateway !== undefined) outcome.gateway = next.gateway;
    return await make(next);
  }
}

/** Agent and record together, since each waits for the disk: only with both is it whole, and recovery asks for both. */
async function makeOnHost(
  context: Context,
  { body, plan, operation, ...options }: Creation,
  aiKey: NewAiKey | undefined,
  createdAt: string,
) {
  const { host } = context;
  const { agentId, operationId } = operation;
  const key = aiKey?.credential ?? (body.auth && givenCredential(context, body.auth));
  const credential = host.storesCredentials ? key : undefined;
  const agent = {
    agentId,
    name: body.name,
    workspace: plan.workspace,
    agentDir: plan.agentDir,
    model: body.model,
    identity: body.identity,
    bindings: operation.bindings,
    gateway: plan.gateway,
    confinement: plan.confinement,
    tools: body.tools,
    peers: body.peers,
  };
  const record: AgentRecord = {
    ...agent,
    ...(aiKey && { aiKeyId: aiKey.record.keyId, aiKeyProvider: aiKey.record.provider }),
    credentials: credential ? [credential.provider] : [],
    suspended: false,
    labels: body.labels,
    expiresAt: body.expiresAt,
    ...(operation.placeKeyId !== undefined && { createdBy: operation.placeKeyId }),
    operationId,
    idempotency: options.idempotency,
    createdAt,
    updatedAt: createdAt,
  };
  options.progress.hostAsked = true;
  const [made] = await allEnded([
    host.create({
      ...agent,
      skipBootstrap: body.skipBootstrap ?? false,
      credential,
      operationId,
      heldToQuota: options.heldToQuota,
      awaitReady: options.respondAsync !== true,
      isCurrent: options.lease.isHeld,
    }),
    addAgent(context, record),
  ]);
  // Only the machine that an agent is on knows its paths.
  const { workspace = plan.workspace, agentDir = plan.agentDir, confinement = plan.confinement } = made;
  if (workspace !== plan.workspace || agentDir !== plan.agentDir || confinement !== plan.confinement) {
    await replaceAgent(context, record, { ...record, workspace, agentDir, confinement });
  }
  return { made, workspace, agentDir, gateway: plan.gateway, confinement };
}
