import { decodedFully, holdsKey, withoutKeys } from "../domain/key-shapes.ts";
import type { Context } from "../service/context.ts";
import { isProbe } from "./probes.ts";
import type { RequestContext } from "./request-context.ts";

/** Counts and logs an answer. @param repeated it was denied before, within the minute */
export function observeAnswer(
  context: Context,
  request: Request,
  requestContext: RequestContext,
  { status, seconds, repeated }: { status: number; seconds: number; repeated: boolean },
): void {
  const route = requestContext.route?.operationId ?? "other";
  context.metrics.count("openclaw_http_requests_total", { route, status: String(status) });
  context.metrics.observe("openclaw_http_request_duration_seconds", seconds, { route });
  const { pathname } = new URL(request.url);
  const theirs = request.headers.get("x-request-id") ?? "";
  context.log(repeated || (isProbe(pathname) && status < 400) ? "debug" : "info", "request", {
    requestId: requestContext.requestId,
    method: request.method,
    path: withoutKeys(decodedFully(pathname)),
    status,
    ms: Math.round(seconds * 1000),
    actor: requestContext.actor,
    address: requestContext.info.address,
    ...(/^[A-Za-z0-9._-]{1,64}$/.test(theirs) && !holdsKey(theirs) && { clientRequestId: theirs }),
  });
}
