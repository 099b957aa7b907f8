import { reservedAgentId } from "../../domain/agent-id.ts";
import { Problem } from "../../errors.ts";
import type { AgentDeleted, DeleteAgent } from "../../schema/change-agent.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withAgentLease } from "../operations/agent-lease.ts";
import { endOperation, toTheEnd } from "../operations/end-operation.ts";
import { changeOperation } from "../operations/operation.ts";
import { tearDownAgent } from "../operations/tear-down-agent.ts";
import { type KnownAgent, requireAgentToChange, requireSameAgent } from "../state/find-agent.ts";

/** @throws Problem `delete_not_allowed`, `agent_reserved` */
export function requireDeletable({ settings }: Context, caller: Caller, agentId: string): void {
  if (!settings.provisioning.allowDelete && !caller.operator) {
    throw new Problem(
      "delete_not_allowed",
      'Deleting is switched off; set "gateway.provisioning.allowDelete": true in config.json and restart.',
    );
  }
  if (agentId === reservedAgentId) throw new Problem("agent_reserved", "OpenClaw's default agent cannot be deleted.");
}

/** @throws Problem `agent_adopted`: it has a life of its own before this service, and is given back to it */
export function requireMadeHere({ agentId, record }: KnownAgent): void {
  if (!record?.adopted) return;
  throw new Problem(
    "agent_adopted",
    `The agent "${agentId}" was there before it was adopted, and is not deleted from here: ` +
      `\`agents release ${agentId}\` gives it back and ends its AI key. Its host deletes it after that.`,
  );
}

/** The AI key goes first and always; workspace and sessions only where asked for. */
export async function deleteAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: DeleteAgent,
): Promise<AgentDeleted> {
  requireDeletable(context, caller, agentId);
  const meant = await requireAgentToChange(context, caller, agentId);
  requireMadeHere(meant);
  context.host.requireGateway?.(meant);
  const operationId = newOperationId(context);
  const lease = { agentId, owner: operationId, operation: changeOperation(meant, operationId) };
  return await withAgentLease(context, lease, async ({ updateRecord, hold, deferToRecovery }) => {
    // Not before: what it has to free may have changed while the agent was waited for.
    const known = await requireSameAgent(context, caller, meant);
    requireMadeHere(known);
    const { deleteWorkspace = false, deleteSessions = false } = body;
    const operation = {
      ...(await endOperation(context, known, { action: "delete", operationId })),
      deleteWorkspace,
      deleteSessions,
    };
    // From here on it goes on whoever has the lease: all of it is this agent's, and can be repeated.
    await updateRecord(operation);
    const details = { deleteWorkspace, deleteSessions };
    const change = { action: "agent.delete", target: agentId, operationId, details };
    return await auditedChange(context, caller, change, async (_, outcome) => {
      await hold();
      const leave = () => deferToRecovery(operation);
      const result = await toTheEnd(leave, (left) => tearDownAgent(context, operation, left));
      outcome.deleted = result.deleted;
      outcome.preserved = result.preserved;
      if (operation.aiKeyId !== undefined && result.preserved.includes("aiKey"))
        outcome.unrevokedAiKeyId = operation.aiKeyId;
      return result;
    });
  });
}
