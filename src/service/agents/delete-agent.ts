import { reservedAgentId } from "../../domain/agent-id.ts";
import { Problem } from "../../errors.ts";
import type { AgentDeleted, DeleteAgent } from "../../schema/change-agent.ts";
import { readIssuedKeys } from "../ai-keys/issued-keys.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withAgentLease } from "../operations/agent-lease.ts";
import { changeOperation, type Operation } from "../operations/operation.ts";
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

/** The AI key goes first and always; workspace and sessions only where asked for. */
export async function deleteAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: DeleteAgent,
): Promise<AgentDeleted> {
  requireDeletable(context, caller, agentId);
  const meant = await requireAgentToChange(context, caller, agentId);
  context.host.requireGateway?.(meant);
  const operationId = newOperationId(context);
  const lease = { agentId, owner: operationId, operation: changeOperation(meant, operationId) };
  return await withAgentLease(context, lease, async ({ updateRecord, hold }) => {
    // Not before: what it has to free may have changed while the agent was waited for.
    const known = await requireSameAgent(context, caller, meant);
    const operation = deletionNote(known, operationId, body, await readIssuedKeys(context, agentId));
    // From here on it goes on whoever has the lease: all of it is this agent's, and can be repeated.
    await updateRecord(operation);
    const details = { deleteWorkspace: operation.deleteWorkspace!, deleteSessions: operation.deleteSessions! };
    const change = { action: "agent.delete", target: agentId, operationId, details };
    return await auditedChange(context, caller, change, async (_, outcome) => {
      await hold();
      const result = await tearDownAgent(context, operation);
      outcome.deleted = result.deleted;
      outcome.preserved = result.preserved;
      if (operation.aiKeyId !== undefined && result.preserved.includes("aiKey"))
        outcome.unrevokedAiKeyId = operation.aiKeyId;
      return result;
    });
  });
}

const deletionNote = (known: KnownAgent, operationId: string, body: DeleteAgent, issuedKeys: string[]): Operation => ({
  action: "delete",
  operationId,
  // Made by others: by no operation of ours.
  creation: known.record?.operationId ?? known.operationId ?? "",
  agentId: known.agentId,
  gateway: known.gateway,
  workspace: known.workspace,
  bindings: [...known.bindings, ...(known.record?.bindingsInDoubt ?? [])],
  aiKeyId: known.record?.aiKeyId,
  issuedKeys,
  placeKeyId: known.record?.createdBy,
  deleteWorkspace: body.deleteWorkspace === true,
  deleteSessions: body.deleteSessions === true,
});
