import { mapLimited } from "../../domain/map-limited.ts";
import { type BulkChange, type BulkChanged, mostBulkAgents } from "../../schema/bulk.ts";
import { newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { requireScope } from "../require-scope.ts";
import { bulkActionDefinitions } from "./bulk-actions.ts";
import { atOnce, auditDenied, refusalOf, requireFew } from "./bulk-bounds.ts";

/**
 * One change to many agents. Each is held, audited and refused by itself; a `batchId` joins what the trail has of them.
 *
 * @param mayGoOn asked before each
 * @throws Problem `scope_missing`, `invalid_body` for more agents than one call can change here
 */
export async function changeAgents(
  context: Context,
  caller: Caller,
  change: BulkChange,
  mayGoOn: () => Promise<void>,
): Promise<BulkChanged> {
  const { action, agentIds, dryRun } = change;
  const { scope, check, run } = bulkActionDefinitions[action];
  requireScope(caller, scope, `${action} agents`);
  requireFew("agentIds", agentIds.length, Math.min(mostBulkAgents, context.mostBulkChanges ?? mostBulkAgents));
  const batchId = newOperationId(context);
  const member: Caller = { ...caller, batchId };
  const failures = await mapLimited(agentIds, atOnce, async (agentId) => {
    try {
      await mayGoOn();
      await (dryRun ? check : run)(context, member, agentId, change);
      return undefined;
    } catch (error) {
      return { agentId, ...refusalOf(context, error, { agentId, action, batchId }) };
    }
  });
  const failed = failures.filter((failure) => failure !== undefined);
  auditDenied(
    context,
    caller,
    batchId,
    failed.map(({ code }) => code),
  );
  const succeeded = agentIds.filter((_, at) => failures[at] === undefined);
  return { batchId, ...(dryRun && { dryRun }), succeeded, failed };
}
