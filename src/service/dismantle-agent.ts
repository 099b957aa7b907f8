import type { AgentDeleted } from "../schema/agent.ts";
import { releasePlaces } from "./agent-places.ts";
import type { Context } from "./context.ts";
import type { OperationNote } from "./operation-note.ts";
import { hostTarget, withdrawAiKey } from "./undo-create.ts";

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
