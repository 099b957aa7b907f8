import type { AgentRecord } from "../schema/agent.ts";
import { withAgentClaim } from "./agent-claim.ts";
import { type AuditDetails, auditedChange, newOperationId } from "./audited-change.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { type KnownAgent, requireAgentToChange } from "./find-agent.ts";

/** What every change to an existing agent has in common: found, held, audited; `work` sees it as it then is. */
export async function changeAgent<T>(
  context: Context,
  caller: Caller,
  change: { action: string; agentId: string; details?: AuditDetails | undefined },
  work: (agent: KnownAgent, outcome: AuditDetails) => Promise<T>,
): Promise<T> {
  const { agentId } = change;
  await requireAgentToChange(context, agentId);
  const operationId = newOperationId(context);
  const note = { action: "change" as const, operationId, creation: operationId, agentId, bindings: [] };
  return await withAgentClaim(context, agentId, operationId, note, async () => {
    const agent = await requireAgentToChange(context, agentId);
    return await auditedChange(
      context,
      caller,
      { action: change.action, target: agentId, details: change.details, operationId },
      async (_, outcome) => await work(agent, outcome),
    );
  });
}

export async function saveAgent(context: Context, record: AgentRecord): Promise<AgentRecord> {
  const next = { ...record, updatedAt: new Date(context.clock.now()).toISOString() };
  await context.records.set("agents", record.agentId, next);
  return next;
}
