import type { AgentReleased } from "../../schema/adopt-agent.ts";
import { forgetIssuedKeys } from "../ai-keys/issued-keys.ts";
import type { Context } from "../context.ts";
import { noteOther } from "../gateways/count-others.ts";
import { removeAgent } from "../state/agent-record.ts";
import { hostTarget } from "./compensate-create.ts";
import { releaseResources } from "./exclusive-resources.ts";
import type { Operation } from "./operation.ts";
import { revokeAllKeys } from "./tear-down-agent.ts";

/**
 * Undoes an adoption. Every step can be repeated. The host goes first: until the agent has what it had before, its key
 * works on.
 */
export async function giveBackAgent(context: Context, operation: Operation, left?: () => void): Promise<AgentReleased> {
  const { agentId, issuedKeys = [] } = operation;
  await context.host.release(hostTarget(operation));
  left?.();
  const revoked = await revokeAllKeys(context, operation);
  await removeAgent(context, agentId, operation.creation);
  await forgetIssuedKeys(context, agentId, issuedKeys);
  await releaseResources(context, operation);
  noteOther(context, operation, true);
  return { agentId, preserved: revoked === false ? ["aiKey"] : [] };
}
