import { Problem } from "../errors.ts";
import type { HostAgent } from "../ports.ts";
import type { AgentRecord } from "../schema/agent.ts";
import type { Context } from "./context.ts";

/** An agent as the host or the records know it; `record` is there for those that we made. */
export interface KnownAgent extends HostAgent {
  record?: AgentRecord | undefined;
}

const agentId = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** `undefined` for an id that no agent has, or can have. */
export async function findAgent(context: Context, id: string): Promise<KnownAgent | undefined> {
  if (!agentId.test(id)) return undefined;
  const record = await context.records.get("agents", id);
  if (record) return knownFrom(record);
  return await context.host.find(id);
}

export const knownFrom = (record: AgentRecord): KnownAgent => ({
  agentId: record.agentId,
  name: record.name,
  workspace: record.workspace,
  agentDir: record.agentDir,
  model: record.model,
  identity: record.identity,
  bindings: record.bindings,
  gateway: record.gateway,
  record,
});

export const agentNotFound = (id: string): Problem =>
  new Problem("agent_not_found", `There is no agent "${id.slice(0, 64)}"; GET the list for those there are.`);

/** @throws Problem `agent_not_found` */
export async function requireAgent(context: Context, id: string): Promise<KnownAgent> {
  const known = await findAgent(context, id);
  if (!known) throw agentNotFound(id);
  return known;
}

/** @throws Problem `agent_not_found`, `agent_not_managed` */
export async function requireManagedAgent(context: Context, id: string): Promise<AgentRecord> {
  const { record } = await requireAgent(context, id);
  if (record) return record;
  throw new Problem(
    "agent_not_managed",
    `The agent "${id}" was not made by this service, which therefore cannot do this to it.`,
  );
}
