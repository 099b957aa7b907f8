import type { AuditEvent } from "../domain/audit-event.ts";
import { toHex } from "../domain/hex.ts";
import { isProblem } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";

export type AuditDetails = NonNullable<AuditEvent["details"]>;

/** Names one change, and through the instance the process that makes it. */
export function newOperationId(context: Context): string {
  return `${context.instance.id}.${toHex(context.crypto.randomBytes(8))}`;
}

export interface Change {
  action: string;
  target?: string | undefined;
  details?: AuditDetails | undefined;
  operationId?: string;
}

/**
 * Intent before the side effects, outcome after them. Where the intent cannot be written nothing happens (503).
 * `work` may add details to the outcome.
 */
export async function auditedChange<T>(
  context: Context,
  caller: Caller,
  change: Change,
  work: (operationId: string, outcome: AuditDetails) => Promise<T>,
): Promise<T> {
  const operationId = change.operationId ?? newOperationId(context);
  const common = auditSubject(caller, change, operationId);
  const batch: AuditDetails = caller.batchId === undefined ? {} : { batchId: caller.batchId };
  const asked = caller.batchId === undefined ? change.details : { ...change.details, ...batch };
  await context.audit.append({ ...common, phase: "intent", details: asked });
  const details: AuditDetails = { ...batch };
  let result: T;
  try {
    result = await work(operationId, details);
  } catch (error) {
    const code = isProblem(error) ? error.code : "internal_error";
    // The failure itself is the news: a trail that cannot take it must not hide it.
    await context.audit
      .append({ ...common, phase: "outcome", outcome: "failure", details: { ...details, code } })
      .catch((cause) => context.log("error", "audit outcome lost", { operationId, cause }));
    throw error;
  }
  await context.audit.append({ ...common, phase: "outcome", outcome: "success", details });
  return result;
}

function auditSubject(caller: Caller, change: Change, operationId: string) {
  return {
    action: change.action,
    actor: caller.actor,
    operationId,
    requestId: caller.requestId,
    target: change.target,
    address: caller.address,
  };
}

/** Reads and denials: in the trail, but nobody waits for them. */
export function auditEvent(
  context: Context,
  caller: Pick<Caller, "actor" | "address"> & { requestId?: string },
  event: Omit<AuditEvent, "phase" | "actor">,
): void {
  context.background(
    context.audit
      .append({ ...event, phase: "event", actor: caller.actor, requestId: caller.requestId, address: caller.address })
      .catch((cause) => context.log("warn", "audit event lost", { action: event.action, cause })),
  );
}
