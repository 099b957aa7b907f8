import type { AgentRecord } from "../schema/agent.ts";
import { withAgentClaim } from "./agent-claim.ts";
import { type AuditDetails, auditedChange, newOperationId } from "./audited-change.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { type KnownAgent, requireAgentToChange } from "./find-agent.ts";
import { changeNote, type OperationNote } from "./operation-note.ts";
import { requireLink } from "./require-link.ts";

/**
 * Notes, before it is done, what would have to be settled after a crash in the middle of it.
 * @returns what leaves that to recovery
 */
export type Intend = (more: Pick<OperationNote, "bindings" | "gateway">) => Promise<() => void>;

/**
 * What every change to an existing agent has in common: found, held, audited; `work` sees it as it then is.
 * @param change.spends it concerns what the agent may spend, or with whose key it does
 */
export async function changeAgent<T>(
  context: Context,
  caller: Caller,
  change: { action: string; agentId: string; details?: AuditDetails | undefined; spends?: boolean },
  work: (agent: KnownAgent, outcome: AuditDetails, intend: Intend) => Promise<T>,
): Promise<T> {
  const { agentId } = change;
  const meant = await requireAgentToChange(context, caller, agentId);
  if (change.spends) await requireLink(context, caller, meant);
  const operationId = newOperationId(context);
  const note = changeNote(meant, operationId, change.action);
  return await withAgentClaim(context, agentId, operationId, note, async ({ leave, restate }) => {
    const agent = await requireAgentToChange(context, caller, agentId);
    // It may have been made anew meanwhile, with another AI provider.
    if (change.spends) await requireLink(context, caller, agent);
    return await auditedChange(
      context,
      caller,
      { action: change.action, target: agentId, details: change.details, operationId },
      async (_, outcome) =>
        await work(agent, outcome, async (more) => {
          const intended = { ...note, ...more };
          await restate(intended);
          return () => leave(intended);
        }),
    );
  });
}

export async function saveAgent(context: Context, record: AgentRecord): Promise<AgentRecord> {
  const next = { ...record, updatedAt: new Date(context.clock.now()).toISOString() };
  await context.records.set("agents", record.agentId, next);
  return next;
}
