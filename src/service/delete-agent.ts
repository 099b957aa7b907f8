import { reservedAgentId } from "../domain/agent-id.ts";
import { Problem } from "../errors.ts";
import type { AgentDeleted, DeleteAgent } from "../schema/agent.ts";
import { withAgentLease } from "./agent-lease.ts";
import { auditedChange, newOperationId } from "./audited-change.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { dismantleAgent } from "./dismantle-agent.ts";
import { type KnownAgent, requireAgentToChange, requireSameAgent } from "./find-agent.ts";
import { readIssuedKeys } from "./issued-keys.ts";
import { changeNote, type OperationNote } from "./operation-note.ts";

/** The AI key goes first and always; workspace and sessions only where asked for. */
export async function deleteAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: DeleteAgent,
): Promise<AgentDeleted> {
  if (!context.settings.provisioning.allowDelete && !caller.operator) {
    throw new Problem(
      "delete_not_allowed",
      'Deleting is switched off; set "gateway.provisioning.allowDelete": true in config.json and restart.',
    );
  }
  if (agentId === reservedAgentId) throw new Problem("agent_reserved", "OpenClaw's default agent cannot be deleted.");
  const meant = await requireAgentToChange(context, caller, agentId);
  context.host.requireGateway?.(meant);
  const operationId = newOperationId(context);
  const lease = { agentId, owner: operationId, operation: changeNote(meant, operationId) };
  return await withAgentLease(context, lease, async ({ updateRecord, hold }) => {
    // Not before: what it has to free may have changed while the agent was waited for.
    const known = await requireSameAgent(context, caller, meant);
    const note = deletionNote(known, operationId, body, await readIssuedKeys(context, agentId));
    // From here on it goes on whoever has the lease: all of it is this agent's, and can be repeated.
    await updateRecord(note);
    const details = { deleteWorkspace: note.deleteWorkspace!, deleteSessions: note.deleteSessions! };
    const change = { action: "agent.delete", target: agentId, operationId, details };
    return await auditedChange(context, caller, change, async (_, outcome) => {
      await hold();
      const result = await dismantleAgent(context, note);
      outcome.deleted = result.deleted;
      outcome.preserved = result.preserved;
      if (note.aiKeyId !== undefined && result.preserved.includes("aiKey")) outcome.unrevokedAiKeyId = note.aiKeyId;
      return result;
    });
  });
}

const deletionNote = (
  known: KnownAgent,
  operationId: string,
  body: DeleteAgent,
  issuedKeys: string[],
): OperationNote => ({
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
