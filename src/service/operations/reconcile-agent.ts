import { isProblem, Problem } from "../../errors.ts";
import type { HostAgent, HostHold } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { Context } from "../context.ts";
import { saveAgent } from "../state/agent-record.ts";
import { currentAiKey } from "../state/ai-key-state.ts";
import { knownFrom } from "../state/find-agent.ts";
import { keepUnconfirmed, releaseBindings } from "./exclusive-resources.ts";
import type { Operation } from "./operation.ts";

/** The failure of a question that only the agent's gateway can answer. */
export const silentGateway = (): Problem =>
  new Problem("gateway_failed", "The agent's gateway does not say whether it has it.");

/** `unknown`: its gateway cannot tell now, and what it may have been given stays in doubt. */
export interface Reconciliation {
  outcome: "compared" | "unknown";
  /** Fields that the record had otherwise. */
  fromHost: string[];
}

/**
 * Brings the record of an agent in step with its host, where a change of both broke off between them: nobody knows
 * how far it came but the host. The agent keeps the bindings that it has there; the others are free.
 *
 * @param wanted that the agent is waited for, and must not be so for as long as its gateway is silent
 * @throws Problem `gateway_failed` where nobody can tell now
 */
export async function reconcileAgent(context: Context, operation: Operation, wanted: boolean): Promise<Reconciliation> {
  const record = await asMetered(context, await context.records.get("agents", operation.agentId));
  try {
    return { outcome: "compared", fromHost: await reconcile(context, operation, record) };
  } catch (error) {
    if (!wanted || !isProblem(error, "gateway_failed")) throw error;
    await keepUnconfirmed(context, { ...operation, creation: record?.operationId ?? "" });
    return { outcome: "unknown", fromHost: [] };
  }
}

/** Whether it is suspended, and its end, hold at the meter: the record says the same, whichever of both was changed alone. */
async function asMetered(context: Context, record: AgentRecord | undefined): Promise<AgentRecord | undefined> {
  const aiKey = record?.aiKeyId === undefined ? undefined : await currentAiKey(context, record.aiKeyId);
  if (!record || aiKey?.mode !== "virtual" || aiKey.state.status === "revoked") return record;
  const suspended = aiKey.state.status === "suspended";
  const expiresAt = aiKey.state.suspendsAt;
  if (record.suspended === suspended && record.expiresAt === expiresAt) return record;
  const endedAt = record.expiresAt === expiresAt ? record.endedAt : undefined;
  return await saveAgent(context, { ...record, suspended, expiresAt, endedAt });
}

async function reconcile(context: Context, operation: Operation, record: AgentRecord | undefined): Promise<string[]> {
  const { agentId } = operation;
  if (!record && operation.bindings.length === 0) return [];
  const gateway = record ? record.gateway : operation.gateway;
  const entry = await entryOnHost(context, { agentId, gateway, record });
  // The record is all there is to go by where the host does not have the agent.
  const { name, model, identity, bindings } = entry ?? { ...record, bindings: record?.bindings ?? [] };
  const asked = [...operation.bindings, ...(record?.bindings ?? []), ...(record?.bindingsInDoubt ?? [])];
  const free = [...new Set(asked)].filter((one) => !bindings.includes(one));
  // Before the record tells of them no more, or a crash would leave them taken for good.
  await releaseBindings(context, { agentId, creation: record?.operationId ?? "", gateway, bindings: free });
  if (!record || !entry) return [];
  const { bindingsInDoubt, ...known } = record;
  const there = { name: name ?? record.name, model, identity, bindings, ...holdOf(entry, record) };
  const fields = ["name", "model", "identity", "bindings", "confinement", "tools", "peers"] as const;
  const fromHost = fields.filter((field) => JSON.stringify(there[field]) !== JSON.stringify(record[field]));
  if (fromHost.length > 0 || bindingsInDoubt !== undefined) {
    await saveAgent(context, { ...known, ...there });
  }
  return fromHost;
}

/** A host that holds its agents to nothing says nothing; an empty list is none. */
function holdOf(entry: HostAgent, record: AgentRecord): HostHold {
  const { confinement, tools, peers } = entry.confinement === undefined ? record : entry;
  const list = (there: string[] | undefined, known: string[] | undefined) =>
    (there ?? []).length === 0 && known === undefined ? undefined : there;
  return { confinement, tools: list(tools, record.tools), peers: list(peers, record.peers) };
}

/** @throws Problem `gateway_failed` where the host cannot tell */
async function entryOnHost(
  { host }: Context,
  { agentId, gateway, record }: Pick<HostAgent, "agentId" | "gateway"> & { record: AgentRecord | undefined },
): Promise<HostAgent | undefined> {
  if (host.kind === "registry") return record && knownFrom(record);
  const { agents, unreachable } = await host.find(agentId);
  const found = agents.find((agent) => agent.gateway === gateway);
  if (!found) {
    const { reachable } = await host.inspect({ agentId, name: agentId, bindings: [], gateway });
    if (!reachable || unreachable.some((silent) => silent === gateway)) throw silentGateway();
  }
  // A damaged entry shows as an agent of which nothing is known.
  if (found && found.workspace === undefined && record?.workspace !== undefined) throw silentGateway();
  return found;
}
