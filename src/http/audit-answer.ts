import { isProblem } from "../errors.ts";
import { auditEvent } from "../service/audited-change.ts";
import type { Context } from "../service/context.ts";
import type { RequestInfo, Route } from "./call.ts";

const denials = new Set([401, 403, 429]);

/**
 * Reads and denials leave a line too; changes have left their own. A throttled failure leaves none: a flood of
 * them must not fill the disk.
 */
export function auditAnswer(
  context: Context,
  passage: { requestId: string; info: RequestInfo; actor: string; operator: boolean; route?: Route },
  status: number,
  failure: unknown,
): void {
  const caller = {
    actor: passage.actor,
    scopes: [],
    reach: "all" as const,
    operator: passage.operator,
    requestId: passage.requestId,
    address: passage.info.address,
  };
  const route = passage.route?.operationId;
  if (denials.has(status) && isProblem(failure)) {
    if (failure.code === "rate_limited" && passage.actor === "anonymous") return;
    const details = { code: failure.code, ...(route !== undefined && { call: route }) };
    auditEvent(context, caller, { action: "request.denied", outcome: "denied", details });
  } else if (passage.route?.method === "GET" && status < 400) {
    auditEvent(context, caller, { action: "request.read", outcome: "success", details: { call: route! } });
  }
}
