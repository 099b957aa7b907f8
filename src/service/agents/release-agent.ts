import { Problem } from "../../errors.ts";
import type { AgentReleased } from "../../schema/adopt-agent.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withAgentLease } from "../operations/agent-lease.ts";
import { endOperation, toTheEnd } from "../operations/end-operation.ts";
import { giveBackAgent } from "../operations/give-back-agent.ts";
import { changeOperation } from "../operations/operation.ts";
import { type KnownAgent, requireAgentToChange, requireSameAgent } from "../state/find-agent.ts";

/**
 * Gives an adopted agent back as it was, and ends its AI key.
 * @throws Problem `agent_not_adopted`
 */
export async function releaseAgent(context: Context, caller: Caller, agentId: string): Promise<AgentReleased> {
  const meant = await requireAgentToChange(context, caller, agentId);
  requireAdopted(meant);
  context.host.requireGateway?.(meant);
  const operationId = newOperationId(context);
  const lease = { agentId, owner: operationId, operation: changeOperation(meant, operationId) };
  return await withAgentLease(context, lease, async ({ updateRecord, hold, deferToRecovery }) => {
    const known = await requireSameAgent(context, caller, meant);
    requireAdopted(known);
    const operation = await endOperation(context, known, { action: "release", operationId });
    // From here on it goes on whoever has the lease: all of it is this adoption's, and can be repeated.
    await updateRecord(operation);
    const change = { action: "agent.release", target: agentId, operationId };
    return await auditedChange(context, caller, change, async (_, outcome) => {
      await hold();
      const leave = () => deferToRecovery(operation);
      const released = await toTheEnd(leave, (left) => giveBackAgent(context, operation, left));
      if (operation.aiKeyId !== undefined && released.preserved.length > 0)
        outcome.unrevokedAiKeyId = operation.aiKeyId;
      return released;
    });
  });
}

function requireAdopted({ agentId, record }: KnownAgent): void {
  if (record?.adopted) return;
  const remedy = record
    ? `it was made here: \`agents delete ${agentId}\` ends it`
    : "others made it, and have it still";
  throw new Problem("agent_not_adopted", `The agent "${agentId}" was not adopted; ${remedy}.`);
}
