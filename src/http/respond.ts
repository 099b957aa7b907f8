import { isProblem, Problem } from "../errors.ts";
import type { Log } from "../ports.ts";
import type { Reply } from "./call.ts";

const always = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

export function respond(reply: Reply, requestId: string, extra: Record<string, string> = {}): Response {
  const headers: Record<string, string> = { ...always, "x-request-id": requestId, ...extra, ...reply.headers };
  if (reply.body === undefined) return new Response(null, { status: reply.status, headers });
  headers["content-type"] ??= "application/json";
  const text = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
  return new Response(text, { status: reply.status, headers });
}

/** A problem names what was given, and half a surrogate pair is JSON that many a parser refuses. */
const wellFormed = (_: string, value: unknown): unknown => (typeof value === "string" ? value.toWellFormed() : value);

/** RFC 9457, with `error` for clients of the older API. What is not a `Problem` says nothing but its request id. */
export function respondProblem(
  thrown: unknown,
  requestId: string,
  log: Log,
  extra: Record<string, string> = {},
): Response {
  const problem = isProblem(thrown)
    ? thrown
    : new Problem("internal_error", `Something unexpected went wrong; the log has the cause under ${requestId}.`);
  if (problem !== thrown) log("error", "unexpected failure", { requestId, cause: thrown });
  else if (problem.status >= 500)
    log("error", problem.message, { requestId, code: problem.code, cause: problem.cause });
  const body = {
    type: `urn:openclaw-provisioning:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    requestId,
    error: problem.message,
    ...(problem.errors && { errors: problem.errors }),
  };
  const headers = { "content-type": "application/problem+json", ...problem.headers };
  return respond({ status: problem.status, body: JSON.stringify(body, wellFormed), headers }, requestId, extra);
}
