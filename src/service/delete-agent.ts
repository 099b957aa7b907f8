import { reservedAgentId } from "../domain/agent-id.ts";
import { Problem } from "../errors.ts";
import type { AgentDeleted, DeleteAgent } from "../schema/agent.ts";
import { withAgentClaim } from "./agent-claim.ts";
import { releasePlaces } from "./agent-places.ts";
import { auditedChange, newOperationId } from "./audited-change.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { agentNotFound, findAgent } from "./find-agent.ts";
import type { OperationNote } from "./operation-note.ts";
import { hostTarget, withdrawAiKey } from "./undo-create.ts";

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
  const operationId = newOperationId(context);
  const known = await findAgent(context, agentId);
  if (!known) throw agentNotFound(agentId);
  const note: OperationNote = {
    action: "delete",
    operationId,
    // Made by others: by no operation of ours.
    creation: known.record?.operationId ?? "",
    agentId,
    gateway: known.gateway,
    workspace: known.workspace,
    bindings: known.bindings,
    aiKeyId: known.record?.aiKeyId,
    placeKeyId: known.record?.createdBy,
    deleteWorkspace: body.deleteWorkspace === true,
    deleteSessions: body.deleteSessions === true,
  };
  return await withAgentClaim(context, agentId, operationId, note, async () => {
    if (!(await findAgent(context, agentId))) throw agentNotFound(agentId);
    const details = { deleteWorkspace: note.deleteWorkspace!, deleteSessions: note.deleteSessions! };
    const change = { action: "agent.delete", target: agentId, operationId, details };
    return await auditedChange(context, caller, change, async (_, outcome) => {
      const result = await dismantleAgent(context, note);
      outcome.deleted = result.deleted;
      outcome.preserved = result.preserved;
      if (note.aiKeyId !== undefined && result.preserved.includes("aiKey")) outcome.unrevokedAiKeyId = note.aiKeyId;
      return result;
    });
  });
}

/**
 * Every step can be repeated: after a crash the whole of it is. A minted key that its provider could not be brought
 * to revoke is preserved for now; that is tried again until it is gone.
 */
export async function dismantleAgent(context: Context, note: OperationNote): Promise<AgentDeleted> {
  const { agentId } = note;
  const revoked = note.aiKeyId === undefined ? undefined : await withdrawAiKey(context, note, note.aiKeyId);
  const { deleted, preserved } = await context.host.remove(hostTarget(note), {
    workspace: note.deleteWorkspace === true,
    sessions: note.deleteSessions === true,
  });
  await context.records.remove("agents", agentId);
  await releasePlaces(context, note);
  return {
    agentId,
    deleted: revoked === true ? [...deleted, "aiKey"] : deleted,
    preserved: revoked === false ? [...preserved, "aiKey"] : preserved,
  };
}
