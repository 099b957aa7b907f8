import { agentIdForm } from "../../domain/agent-id.ts";
import { Problem } from "../../errors.ts";
import type { HostAgent } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";

/** An agent as the host or the records know it; `record` is there for those that we made. */
export interface KnownAgent extends HostAgent {
  record?: AgentRecord | undefined;
}

/** The caller for whom an agent is looked up: another's does not exist for a caller that reaches its own. */
export type Reaching = Pick<Caller, "actor" | "reach" | "madeWith">;

/**
 * An id means the agent on record, or the one that others made. `unreachable` gateways may have one of theirs.
 * @throws Problem `agent_ambiguous`
 */
async function lookUp(
  context: Context,
  caller: Reaching,
  id: string,
): Promise<{ known?: KnownAgent; unreachable: string[] }> {
  if (!agentIdForm.test(id)) return { unreachable: [] };
  const record = await context.records.get("agents", id);
  // The host is not asked: that it has another's agent of this id must not show, in no other answer either.
  if (caller.reach === "own" && record?.createdBy !== caller.actor) return { unreachable: [] };
  if (record) return { known: knownFrom(record), unreachable: [] };
  const { agents, unreachable } = await context.host.find(id);
  const [known, ...more] = agents;
  if (more.length > 0) throw ambiguous(id, agents);
  return { ...(known && { known }), unreachable };
}

/** As the record tells it, where the host was not asked. */
export const knownFrom = (record: AgentRecord): KnownAgent => ({
  agentId: record.agentId,
  operationId: record.operationId,
  name: record.name,
  workspace: record.workspace,
  agentDir: record.agentDir,
  model: record.model,
  identity: record.identity,
  bindings: record.bindings,
  gateway: record.gateway,
  confinement: record.confinement,
  tools: record.tools,
  peers: record.peers,
  record,
});

const named = (gateways: readonly (string | undefined)[]): string => gateways.map((id) => `"${id}"`).join(" and ");

const ambiguous = (id: string, agents: readonly HostAgent[]): Problem =>
  new Problem(
    "agent_ambiguous",
    `The gateways ${named(agents.map(({ gateway }) => gateway))} each have an agent "${id}" that others made; ` +
      "read or change the one that is meant on its own gateway.",
  );

const uncertain = (id: string, gateways: readonly string[]): Problem =>
  new Problem(
    "gateway_failed",
    `No answer from ${named(gateways)}, where "${id}" may be an agent too; try again once there is one.`,
  );

const agentNotFound = (id: string): Problem =>
  new Problem("agent_not_found", `There is no agent "${id.slice(0, 64)}"; GET the list for those there are.`);

/** @throws Problem `agent_not_found`, `agent_ambiguous` */
export async function requireAgent(context: Context, caller: Reaching, id: string): Promise<KnownAgent> {
  const { known } = await lookUp(context, caller, id);
  if (!known) throw agentNotFound(id);
  return known;
}

/**
 * The agent of a change, which must not reach another agent of this id where the gateway of the one that is meant is
 * silent.
 * @throws Problem `agent_not_found`, `agent_ambiguous`, `gateway_failed` where it cannot be told now what is meant
 */
export async function requireAgentToChange(context: Context, caller: Reaching, id: string): Promise<KnownAgent> {
  const { known, unreachable } = await lookUp(context, caller, id);
  if (unreachable.length > 0) throw uncertain(id, unreachable);
  if (!known || !(await isMeant(context, caller, known))) throw agentNotFound(id);
  return known;
}

/** Nobody knows with which key an earlier release made an agent. */
async function isMeant(context: Context, { madeWith }: Reaching, { record }: KnownAgent): Promise<boolean> {
  if (madeWith === undefined) return true;
  const { idempotency } = record ?? {};
  if (idempotency && idempotency.given === undefined) return true;
  return idempotency?.given === (await context.crypto.sha256(madeWith));
}

/**
 * The agent as it is now. One that was made anew under its id since is another, and nobody's to change.
 * @throws Problem as `requireAgentToChange`
 */
export async function requireSameAgent(context: Context, caller: Reaching, before: KnownAgent): Promise<KnownAgent> {
  const now = await requireAgentToChange(context, caller, before.agentId);
  if (now.record?.operationId !== before.record?.operationId) throw agentNotFound(before.agentId);
  return now;
}
