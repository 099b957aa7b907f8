import { hasEnded } from "../../domain/has-ended.ts";
import { mergePages } from "../../domain/merge-pages.ts";
import { Problem } from "../../errors.ts";
import type { HostAgent, HostHealth } from "../../ports.ts";
import type { AgentDetail, AgentList, AgentRecord, AgentSummary } from "../../schema/agent.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import { quotaNames } from "../../schema/quota.ts";
import { agentClaim } from "../../storage/ledger-names.ts";
import { requireIndex } from "../agent-index/reconcile-index.ts";
import type { Context } from "../context.ts";
import { lostGateways } from "../gateways/lost-gateways.ts";
import { currentAiKey } from "../state/ai-key-state.ts";
import { type KnownAgent, knownFrom, type Reaching, requireAgent } from "../state/find-agent.ts";
import { pageLimit } from "../state/page-limit.ts";
import { effectiveQuotas, readQuotaStates } from "../state/quota-states.ts";
import { isOwner } from "./create-agent.ts";

/**
 * As lists show it, without a look at its files or its key.
 * @param now epoch milliseconds, by which an end has come or has not
 */
export const agentSummary = (agent: KnownAgent, now: number): AgentSummary => ({
  agentId: agent.agentId,
  name: agent.name,
  status: statusOf(agent, now),
  workspace: agent.workspace,
  agentDir: agent.agentDir,
  model: agent.model,
  identity: agent.identity,
  bindings: agent.bindings,
  gateway: agent.gateway,
  confinement: agent.confinement,
  tools: agent.tools,
  peers: agent.peers,
  aiKeyId: agent.record?.aiKeyId,
  labels: agent.record?.labels,
  expiresAt: agent.record?.expiresAt,
  managed: agent.record !== undefined,
  adopted: agent.record?.adopted,
  createdBy: agent.record?.createdBy,
  createdAt: agent.record?.createdAt,
  updatedAt: agent.record?.updatedAt,
});

/** As far as the records tell; what an agent made by others has, only its health shows. */
function statusOf({ record }: KnownAgent, now: number): AgentSummary["status"] {
  if (!record) return "ready";
  if (record.suspended || hasEnded(record, now)) return "suspended";
  return record.aiKeyId !== undefined || record.credentials.length > 0 ? "ready" : "needs_auth";
}

/** One page of what the records and the host know together, in ascending order of id. */
export async function listAgents(
  context: Context,
  caller: Reaching,
  page: { limit: number; cursor?: string | undefined },
): Promise<AgentList> {
  if (caller.reach === "own") return await listOwnAgents(context, caller.actor, page);
  const [ours, theirs] = await Promise.all([context.records.list("agents", page), context.host.list(page)]);
  const records = new Map(ours.items.map((record) => [record.agentId, record]));
  const pages = [
    { ...ours, items: ours.items.map(knownFrom) },
    { ...theirs, items: theirs.agents.filter((agent) => !isOnRecord(agent, records.get(agent.agentId))) },
  ];
  const { items, nextCursor } = mergePages<KnownAgent>(pages, page.limit);
  const lost = context.host.gateways ? lostGateways(ours.items, context.host.gateways.known()) : [];
  const unreachable = [...new Set([...theirs.unreachable, ...lost])];
  return {
    agents: await Promise.all(
      items.map(async (agent) => agentSummary(await withRecord(context, agent), context.clock.now())),
    ),
    ...(nextCursor !== undefined && { nextCursor }),
    ...(unreachable.length > 0 && { unreachable }),
  };
}

/**
 * A page of the agents that one caller made. Its cursor is one of theirs: another's id is not told by it either. The
 * index has their ids: a few agents cost no look at all of the others' records.
 */
async function listOwnAgents(
  context: Context,
  maker: string,
  { limit, cursor = "" }: { limit: number; cursor?: string | undefined },
): Promise<AgentList> {
  await requireIndex(context);
  const entries = await context.agentIndex.entries();
  const own = entries.flatMap((entry) => (entry.createdBy === maker && entry.agentId > cursor ? [entry.agentId] : []));
  const shown = own.sort().slice(0, pageLimit(context, limit));
  const records = await Promise.all(shown.map((agentId) => context.records.get("agents", agentId)));
  const now = context.clock.now();
  return {
    // One that was deleted since is left out, also where another has made one under its id.
    agents: records.flatMap((record) => (record?.createdBy === maker ? [agentSummary(knownFrom(record), now)] : [])),
    ...(own.length > shown.length && { nextCursor: shown.at(-1)! }),
  };
}

/** A list of records may lag: an agent that only the host's page shows may have a record all the same. */
async function withRecord(context: Context, agent: KnownAgent): Promise<KnownAgent> {
  if (agent.record) return agent;
  const record = await context.records.get("agents", agent.agentId);
  return record && isOnRecord(agent, record) ? knownFrom(record) : agent;
}

/** On another gateway, others may have made an agent of the same id. */
const isOnRecord = (agent: HostAgent, record: AgentRecord | undefined): boolean =>
  record !== undefined && (record.gateway ?? agent.gateway) === agent.gateway;

/** Status and health, really looked at. */
export async function getAgent(context: Context, caller: Reaching, agentId: string): Promise<AgentDetail> {
  const agent = await requireAgent(context, caller, agentId);
  const [found, aiKey] = await Promise.all([
    inspect(context, agent),
    agent.record?.aiKeyId === undefined ? undefined : currentAiKey(context, agent.record.aiKeyId),
  ]);
  const { reachable, starting, detail, ...checks } = found;
  const keyHealth = aiKey && (await aiKeyHealth(context, aiKey));
  const health = {
    host: reachable ? ("ok" as const) : ("unreachable" as const),
    ...checks,
    ...(detail !== undefined && { detail }),
    ...(keyHealth && { aiKey: keyHealth }),
  };
  const base = agentSummary(agent, context.clock.now());
  // A deletion whose gateway did not answer has withdrawn the key already.
  const withdrawn = agent.record?.aiKeyId !== undefined && !aiKey;
  const refused = keyHealth?.mode === "virtual" && keyHealth.status === "provider_revoked";
  const lacksKey = base.status === "ready" && (withdrawn || refused || checks.credentials === "missing");
  const status = starting ? "starting" : isBroken(found) ? "failed" : lacksKey ? "needs_auth" : base.status;
  return { ...base, status, health };
}

const isBroken = ({ workspace, agentDir }: HostHealth): boolean => workspace === "missing" || agentDir === "missing";

/** A creation may be under way, or have ended since its host was asked. */
async function inspect(context: Context, agent: KnownAgent): Promise<HostHealth> {
  const found = await context.host.inspect(agent);
  if (!isBroken(found) || found.starting) return found;
  return (await isBeingMade(context, agent)) ? { ...found, starting: true } : await context.host.inspect(agent);
}

/** The record is written while the host is at work. */
async function isBeingMade({ ledger }: Context, { agentId, record }: KnownAgent): Promise<boolean> {
  const owner = record && (await ledger.holder(agentClaim(agentId)));
  return owner !== undefined && isOwner(owner, record!.operationId);
}

async function aiKeyHealth(
  context: Context,
  record: AiKeyRecord,
): Promise<NonNullable<AgentDetail["health"]["aiKey"]>> {
  const { state } = record;
  const provider = await context.records.get("ai-providers", record.aiProviderId);
  const quotas = effectiveQuotas(record, provider);
  const atDefault = quotaNames.filter(
    (name) => quotas[name] !== undefined && quotas[name] === provider?.defaultQuotas?.[name],
  );
  return {
    keyId: record.keyId,
    provider: record.provider,
    mode: record.mode,
    status: standingOf(record, provider, context.clock.now()),
    ...(state.models && { models: state.models }),
    ...(state.expiresAt !== undefined && { expiresAt: state.expiresAt }),
    ...(state.budgetUsdPerMonth !== undefined && { budgetUsdPerMonth: state.budgetUsdPerMonth }),
    quotas: await readQuotaStates(context, record.keyId, quotas),
    ...(atDefault.length > 0 && { defaultQuotas: atDefault }),
  };
}

function standingOf({ state }: AiKeyRecord, provider: AiProviderRecord | undefined, nowMs: number) {
  if (state.status !== "active") return state.status;
  if (hasEnded({ expiresAt: state.suspendsAt }, nowMs)) return "suspended";
  if (hasEnded(state, nowMs)) return "expired";
  return !provider || provider.revokedAt !== undefined ? "provider_revoked" : "active";
}

/** @throws Problem `ai_key_not_found` */
export async function requireAiKey(context: Context, agent: KnownAgent): Promise<AiKeyRecord> {
  const keyId = agent.record?.aiKeyId;
  const record = keyId === undefined ? undefined : await currentAiKey(context, keyId);
  if (record) return record;
  throw new Problem("ai_key_not_found", `The agent "${agent.agentId}" has no AI key of this service.`);
}
