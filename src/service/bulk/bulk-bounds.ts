import { denials, isProblem, Problem, problemCodes } from "../../errors.ts";
import { mostBulkCreates } from "../../schema/bulk.ts";
import { auditEvent } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";

/** Each may wait for a disk, a gateway and a provider; more at once would keep other calls waiting. */
export const atOnce = 8;

/** The subrequests of a Worker's invocation, less those of the call itself. */
const operations = 950;
/** A create on gateways asks each of them for its id, and whether it is cordoned. A provider may take its time to mint. */
const operationsOfCreate = (gateways: number): number => 52 + 2 * gateways;

/** How many agents one call may make. */
export function mostCreates({ mostBulkChanges, host }: Context): number {
  if (mostBulkChanges === undefined) return mostBulkCreates;
  const gateways = host.gateways?.known().length ?? 0;
  if (gateways === 0) return mostBulkChanges;
  return Math.max(1, Math.min(mostBulkChanges, Math.floor(operations / operationsOfCreate(gateways))));
}

/** @throws Problem `invalid_body` for more agents than one call can take here */
export function requireFew(field: string, count: number, most: number): void {
  if (count <= most) return;
  throw new Problem("invalid_body", `${field}: at most ${most} agents in one call here; send several.`, {
    errors: [{ path: field, message: `at most ${most} agents`, most }],
  });
}

/** Why one agent of many was refused; the log has the cause of what nobody expects. */
export function refusalOf(
  { log }: Context,
  error: unknown,
  fields: Record<string, unknown>,
): { code: string; detail: string } {
  if (isProblem(error)) return { code: error.code, detail: error.message };
  log("error", "a change to one agent of many failed unexpectedly", { ...fields, cause: error });
  return { code: "internal_error", detail: "Something unexpected went wrong; the log has its cause." };
}

const denialCodes: ReadonlySet<string> = new Set(problemCodes.filter((code) => denials.has(new Problem(code).status)));

/** The trail has what the caller may not do to one agent of many, as it has that of a call for one: a line for each code. */
export function auditDenied(context: Context, caller: Caller, batchId: string, codes: readonly string[]): void {
  const counts = Map.groupBy(codes, (code) => code);
  for (const [code, { length: agents }] of counts) {
    if (!denialCodes.has(code)) continue;
    const details = { code, call: "changeAgents", batchId, agents };
    auditEvent(context, caller, { action: "request.denied", outcome: "denied", details });
  }
}
