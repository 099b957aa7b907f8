import { type AuditDetails, auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { type AgentLease, withAgentLease } from "../operations/agent-lease.ts";
import { changeOperation, type Operation } from "../operations/operation.ts";
import { requireLink } from "../provisioning-keys/require-link.ts";
import { type KnownAgent, requireAgentToChange, requireSameAgent } from "../state/find-agent.ts";

export interface ChangeLease extends Pick<AgentLease, "hold" | "pendingKeyChange"> {
  /** The change as it is on record so far. */
  operation: Operation;
  /**
   * Notes, before it is done, what would have to be settled after a crash in the middle of it.
   * @returns what leaves that to recovery
   */
  intend(more: Partial<Operation>): Promise<() => void>;
  /** Has recovery ask the host what became of the change. */
  leave(): void;
}

/**
 * Every change to an existing agent finds, holds and audits it here; `work` sees it as it then is.
 * @param change.spends it concerns what the agent may spend, or with whose key it does
 * @param change.goesBeforeKeyChange as `withAgentLease` has it
 */
export async function changeAgent<T>(
  context: Context,
  caller: Caller,
  change: {
    action: string;
    agentId: string;
    details?: AuditDetails | undefined;
    spends?: boolean;
    goesBeforeKeyChange?: boolean;
  },
  work: (agent: KnownAgent, outcome: AuditDetails, lease: ChangeLease) => Promise<T>,
): Promise<T> {
  const { agentId } = change;
  const meant = await requireAgentToChange(context, caller, agentId);
  if (change.spends) await requireLink(context, caller, meant);
  const operationId = newOperationId(context);
  const operation = changeOperation(meant, operationId, change.action);
  const asked = { agentId, owner: operationId, operation, goesBeforeKeyChange: change.goesBeforeKeyChange };
  return await withAgentLease(context, asked, async (lease) => {
    const { hold, isHeld, deferToRecovery, updateRecord, pendingKeyChange } = lease;
    const agent = { ...(await requireSameAgent(context, caller, meant)), isCurrent: isHeld };
    // Its key may have moved to another's account while it was waited for.
    if (change.spends) await requireLink(context, caller, agent);
    let onRecord = operation;
    return await auditedChange(
      context,
      caller,
      { action: change.action, target: agentId, details: change.details, operationId },
      async (_, outcome) =>
        await work(agent, outcome, {
          hold,
          pendingKeyChange,
          operation,
          async intend(more) {
            const intended = { ...operation, ...more };
            await updateRecord(intended);
            onRecord = intended;
            return () => deferToRecovery(intended);
          },
          leave: () => deferToRecovery(onRecord),
        }),
    );
  });
}
