import { hasEnded } from "../../domain/has-ended.ts";
import { isProblem } from "../../errors.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withAgentLease } from "../operations/agent-lease.ts";
import { changeOperation } from "../operations/operation.ts";
import { replaceAgent } from "../state/agent-record.ts";

const expiry: Caller = { actor: "expiry", scopes: [], reach: "all", operator: true, requestId: "expiry" };

/**
 * Notes the ends of agents that have come, each once. Their keys are refused since the moment itself; the note is for
 * those who read the trail.
 *
 * @param agentIds of agents whose end may have come
 * @returns how many were noted
 */
export async function expireAgents(context: Context, agentIds: readonly string[]): Promise<number> {
  let noted = 0;
  let failure: { error: unknown } | undefined;
  for (const agentId of agentIds) {
    try {
      if (await noteEnd(context, agentId)) noted += 1;
    } catch (error) {
      // One that is being changed has its turn the next time.
      if (!isProblem(error, "agent_busy")) failure ??= { error };
    }
  }
  if (failure) throw failure.error;
  return noted;
}

async function noteEnd(context: Context, agentId: string): Promise<boolean> {
  const due = async () => {
    const record = await context.records.get("agents", agentId);
    return record && record.endedAt === undefined && hasEnded(record, context.clock.now()) ? record : undefined;
  };
  const meant = await due();
  if (!meant) return false;
  const operationId = newOperationId(context);
  const operation = changeOperation(meant, operationId, "agent.expire");
  return await withAgentLease(context, { agentId, owner: operationId, operation }, async () => {
    // Another instance may have noted it, or an operator have given it a later end, since.
    const record = await due();
    if (!record) return false;
    const details = { expiresAt: record.expiresAt! };
    const change = { action: "agent.expire", target: agentId, operationId, details };
    await auditedChange(context, expiry, change, async () => {
      await replaceAgent(context, record, { ...record, endedAt: record.expiresAt });
    });
    return true;
  });
}
