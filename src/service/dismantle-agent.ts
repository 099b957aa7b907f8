import type { AgentDeleted } from "../schema/agent.ts";
import { releasePlaces } from "./agent-places.ts";
import { removeAgent } from "./agent-record.ts";
import { hostTarget, withdrawAiKey } from "./compensate-create.ts";
import type { Context } from "./context.ts";
import { forgetIssuedKeys } from "./issued-keys.ts";
import type { OperationNote } from "./operation-note.ts";

/**
 * Every step can be repeated: after a crash the whole of it is. A minted key that its provider could not be brought
 * to revoke is preserved for now; that is tried again until it is gone.
 */
export async function dismantleAgent(context: Context, note: OperationNote): Promise<AgentDeleted> {
  const { agentId, issuedKeys = [] } = note;
  const revoked = note.aiKeyId === undefined ? undefined : await withdrawAiKey(context, note, note.aiKeyId);
  for (const keyId of issuedKeys) {
    if (keyId !== note.aiKeyId) await withdrawAiKey(context, { ...note, minted: false }, keyId);
  }
  const { deleted, preserved } = await context.host.remove(hostTarget(note), {
    workspace: note.deleteWorkspace === true,
    sessions: note.deleteSessions === true,
  });
  await removeAgent(context, agentId, note.creation);
  await forgetIssuedKeys(context, agentId, issuedKeys);
  await releasePlaces(context, note);
  return {
    agentId,
    deleted: revoked === true ? [...deleted, "aiKey"] : deleted,
    preserved: revoked === false ? [...preserved, "aiKey"] : preserved,
  };
}
