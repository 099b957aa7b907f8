import { agentIdFrom } from "../../domain/agent-id.ts";
import { newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { AgentCreated, CreateAgent } from "../../schema/create-agent.ts";
import { withoutSecret } from "../ai-keys/issued-ai-key-view.ts";
import type { Minting } from "../ai-keys/minting.ts";
import { newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { expectFewer } from "../gateways/choose-gateway.ts";
import { type AgentLease, withAgentLease } from "../operations/agent-lease.ts";
import { allOrNothing, type Ended } from "../operations/all-or-nothing.ts";
import { createdView } from "../operations/created-view.ts";
import { changeOperation, type Operation } from "../operations/operation.ts";
import { noteAccepted, noteEnded } from "../operations/operation-state.ts";
import { retryUnwritable } from "../retry-unwritable.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { placeAgent } from "./place-agent.ts";
import { agentExists, makerOf, maxAgentsOf, prepareCreate } from "./prepare-create.ts";
import { buildAgent, type CreateOptions, type CreateProgress } from "./provision-agent.ts";

/** The saga of `service/README.md`: all of it, or nothing. */
export async function createAgent(
  context: Context,
  caller: Caller,
  body: CreateAgent,
  options: CreateOptions = {},
): Promise<AgentCreated> {
  // A retry needs no room, and is no new agent.
  const there = options.idempotency && (await madeBefore(context, body, options));
  if (there) return await createdView(context, there);
  const {
    agentId,
    provider,
    heldToQuota,
    plan: planned,
  } = await prepareCreate(context, caller, body, options.onAccepted !== undefined);
  const request = body.autoProvisionAiKey;

  const operationId = newOperationId(context);
  const operation: Operation = {
    action: "create",
    operationId,
    creation: operationId,
    agentId,
    gateway: planned.gateway,
    workspace: planned.workspace,
    bindings: [...new Set(body.bind ?? [])],
    placeKeyId: makerOf(caller),
    ...(planned.gateway !== undefined && { asked: askedOf(body, heldToQuota) }),
    ...(provider && {
      aiKeyId: newKeyId(context.crypto.randomBytes),
      aiProviderId: provider.id,
      minted: request?.mode === "minted",
    }),
  };
  const minting: Minting = { unrecorded: false };
  const attempt = attemptOf(options);
  const taken = (owner: string) => (attempt && owner.endsWith(attempt) ? unsettled(agentId) : agentExists(agentId));
  const lease = { agentId, owner: operationId + attempt, operation, taken };
  const progress: CreateProgress = { hostAsked: false };
  try {
    return await withAgentLease(context, lease, create);
  } finally {
    // A host that was asked knows by itself.
    if (!progress.hostAsked) expectFewer(context, operation.gateway);
  }

  async function create(lease: AgentLease): Promise<AgentCreated> {
    const earlier = await context.records.get("agents", agentId);
    if (earlier && sameRequest(earlier, options)) return await createdView(context, earlier);
    if (earlier) throw agentExists(agentId);
    const { onAccepted } = options;
    if (!onAccepted) await requireAbsent();
    let plan = planned;
    return await allOrNothing(context, caller, {
      operation,
      lease,
      change: () => ({ action: "agent.create", details: auditDetails(body, operation) }),
      limit: maxAgentsOf(context, caller),
      minting,
      lost: () => taken(operationId + attempt),
      async place() {
        const request = { ...body, agentId, heldToQuota, atOnce: onAccepted !== undefined };
        plan = await placeAgent(context, { request, operation, lease }, planned);
      },
      async build(outcome) {
        if (onAccepted) await accept(onAccepted);
        const creation = { ...options, body, plan, operation, provider, heldToQuota, minting, progress, lease };
        return await buildAgent(context, caller, creation, outcome);
      },
      ...(onAccepted && { ended: noteEnd }),
    });
  }

  async function requireAbsent(): Promise<void> {
    if ((await context.host.find(agentId)).agents.length > 0) throw agentExists(agentId);
  }

  /** From here on nobody waits, and gateways may be asked. */
  async function accept(onAccepted: NonNullable<CreateOptions["onAccepted"]>): Promise<void> {
    const startedAt = new Date(context.clock.now()).toISOString();
    await noteAccepted(context, caller, { operationId, agentId, startedAt });
    const { name, model, labels, expiresAt } = body;
    const { gateway, workspace } = operation;
    const bindings = { added: [], updated: [], skipped: [], conflicts: [] };
    const given = { model, gateway, workspace, labels, expiresAt };
    onAccepted({ agentId, name, ...given, bindings, status: "starting", operationId, createdAt: startedAt });
    await requireAbsent();
  }

  /** The work is done no less where this cannot be written. */
  async function noteEnd(end: Ended<AgentCreated>): Promise<void> {
    const told = "error" in end ? end : { agent: withoutSecret(end.result) };
    const note = () => noteEnded(context, operationId, told);
    await note().catch(() => {
      const failed = (cause: unknown) =>
        context.log("error", "the end of a creation could not be noted", { operationId, agentId, cause });
      context.background(retryUnwritable(note, context.ending).catch(failed));
    });
  }
}

/** The agent, whose record alone is no proof: a process may have died before its host had it, or its key was recorded. */
async function madeBefore(
  context: Context,
  { name }: CreateAgent,
  options: CreateOptions,
): Promise<AgentRecord | undefined> {
  const agentId = agentIdFrom(name);
  if (agentId === undefined) return undefined;
  const find = async () => {
    const agent = await context.records.get("agents", agentId);
    return agent && sameRequest(agent, options) ? agent : undefined;
  };
  const agent = await find();
  if (!agent) return undefined;
  const owner = newOperationId(context);
  const operation = changeOperation(agent, owner);
  const attempt = attemptOf(options);
  const taken = (by: string) => (by.endsWith(attempt) ? unsettled(agentId) : agentBusy(agentId));
  // Taking the lease settles what its dead holder left.
  return await withAgentLease(context, { agentId, owner, operation, taken }, find);
}

/** Stands behind the claim's owner, so that a retry is told from others while nobody knows how the first one ended. */
export const attemptOf = ({ idempotency }: CreateOptions): string =>
  idempotency ? `#${idempotency.key}.${idempotency.fingerprint}` : "";

/** Whether this creation owns the lease. */
export const isOwner = (owner: string, operationId: string): boolean =>
  owner === operationId || owner.startsWith(`${operationId}#`);

const unsettled = (agentId: string): Problem =>
  new Problem(
    "idempotency_in_flight",
    `Whether the first request with this Idempotency-Key made the agent "${agentId}" is still being settled; try again in a moment.`,
    { headers: { "retry-after": "5" } },
  );

/** Whether this very request made it: its retry is answered, and makes nothing. */
export const sameRequest = (agent: AgentRecord, options: CreateOptions): boolean =>
  agent.idempotency !== undefined &&
  agent.idempotency.key === options.idempotency?.key &&
  agent.idempotency.fingerprint === options.idempotency.fingerprint;

const askedOf = (body: CreateAgent, heldToQuota: boolean): Operation["asked"] => {
  const { name, model, identity, skipBootstrap = false, confinement, tools, peers } = body;
  return { name, model, identity, skipBootstrap, confinement, tools, peers, heldToQuota };
};

const auditDetails = (body: CreateAgent, operation: Operation) => ({
  name: body.name,
  ...(body.model && { model: body.model }),
  ...(operation.workspace && { workspace: operation.workspace }),
  ...(operation.gateway && { gateway: operation.gateway }),
  ...(body.confinement && { confinement: body.confinement }),
  ...(body.tools && { tools: body.tools }),
  ...(body.peers && { peers: body.peers }),
  ...(body.labels && { labels: JSON.stringify(body.labels) }),
  ...(body.expiresAt !== undefined && { expiresAt: body.expiresAt }),
  ...(operation.bindings.length > 0 && { bindings: operation.bindings }),
  ...(body.auth && { provider: body.auth.provider }),
  ...(operation.aiKeyId && { aiKeyId: operation.aiKeyId, aiProvider: body.autoProvisionAiKey!.provider }),
});
