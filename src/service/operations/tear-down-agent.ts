import type { AgentDeleted } from "../../schema/change-agent.ts";
import { forgetIssuedKeys } from "../ai-keys/issued-keys.ts";
import type { Context } from "../context.ts";
import { noteOther } from "../gateways/count-others.ts";
import { removeAgent } from "../state/agent-record.ts";
import { hostTarget, revokeAiKey } from "./compensate-create.ts";
import { releaseResources } from "./exclusive-resources.ts";
import type { Operation } from "./operation.ts";

/**
 * Every step can be repeated: after a crash the whole of it is. A minted key that its provider could not be brought
 * to revoke is preserved for now; that is tried again until it is gone.
 */
export async function tearDownAgent(context: Context, operation: Operation, left?: () => void): Promise<AgentDeleted> {
  const { agentId, issuedKeys = [] } = operation;
  const revoked = await revokeAllKeys(context, operation);
  const { deleted, preserved } = await context.host.remove(hostTarget(operation), {
    workspace: operation.deleteWorkspace === true,
    sessions: operation.deleteSessions === true,
  });
  left?.();
  await removeAgent(context, agentId, operation.creation);
  await forgetIssuedKeys(context, agentId, issuedKeys);
  await releaseResources(context, operation);
  noteOther(context, operation, false);
  return {
    agentId,
    deleted: revoked === true ? [...deleted, "aiKey"] : deleted,
    preserved: revoked === false ? [...preserved, "aiKey"] : preserved,
  };
}

/**
 * Every key that was ever issued to the agent stops working now.
 * @returns whether its own is revoked at its provider too; `undefined` where it has none
 */
export async function revokeAllKeys(context: Context, operation: Operation): Promise<boolean | undefined> {
  const { aiKeyId, issuedKeys = [] } = operation;
  const revoked = aiKeyId === undefined ? undefined : await revokeAiKey(context, operation, aiKeyId);
  for (const keyId of issuedKeys) {
    if (keyId !== aiKeyId) await revokeAiKey(context, { ...operation, minted: false }, keyId);
  }
  return revoked;
}
