import { mapLimited } from "../../domain/map-limited.ts";
import { missingScopes } from "../../domain/scope.ts";
import { isProblem, Problem } from "../../errors.ts";
import { type BulkChange, type BulkChanged, mostBulkAgents } from "../../schema/bulk.ts";
import { newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { bulkActionDefinitions } from "./bulk-actions.ts";

/** Each may wait for a disk, a gateway and a provider; more at once would keep other calls waiting. */
const atOnce = 8;

/**
 * One change to many agents. Each is held, audited and refused by itself; a `batchId` joins what the trail has of them.
 *
 * @throws Problem `scope_missing`, `invalid_body` for more agents than one call can change here
 */
export async function changeAgents(context: Context, caller: Caller, change: BulkChange): Promise<BulkChanged> {
  const { action, agentIds, dryRun } = change;
  const { scope, check, run } = bulkActionDefinitions[action];
  requireScopeOf(caller, action, scope);
  requireFew(context, agentIds.length);
  const batchId = newOperationId(context);
  const member: Caller = { ...caller, batchId };
  const failures = await mapLimited(agentIds, atOnce, async (agentId) => {
    try {
      await (dryRun ? check : run)(context, member, agentId, change);
      return undefined;
    } catch (error) {
      return failureOf(context, agentId, error, { action, batchId });
    }
  });
  return {
    batchId,
    ...(dryRun && { dryRun }),
    succeeded: agentIds.filter((_, at) => failures[at] === undefined),
    failed: failures.filter((failure) => failure !== undefined),
  };
}

function requireScopeOf(caller: Caller, action: string, scope: Parameters<typeof missingScopes>[1][number]): void {
  if (caller.operator || missingScopes(caller.scopes, [scope]).length === 0) return;
  throw new Problem("scope_missing", `To ${action} agents the scope "${scope}" is needed as well.`);
}

function requireFew({ mostBulkChanges = mostBulkAgents }: Context, count: number): void {
  if (count <= mostBulkChanges) return;
  throw new Problem("invalid_body", `agentIds: at most ${mostBulkChanges} agents in one call here; send several.`, {
    errors: [{ path: "agentIds", message: `at most ${mostBulkChanges} agents` }],
  });
}

function failureOf(
  { log }: Context,
  agentId: string,
  error: unknown,
  fields: Record<string, unknown>,
): BulkChanged["failed"][number] {
  if (isProblem(error)) return { agentId, code: error.code, detail: error.message };
  log("error", "a change to one agent of many failed unexpectedly", { agentId, ...fields, cause: error });
  return { agentId, code: "internal_error", detail: "Something unexpected went wrong; the log has its cause." };
}
