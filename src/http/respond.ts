import { withoutKeys } from "../domain/key-shapes.ts";
import { loggedUnder } from "../domain/logged-under.ts";
import { isProblem, Problem, type ProblemCode } from "../errors.ts";
import type { Log } from "../ports.ts";
import type { Reply } from "./call.ts";

const always = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** A text or a stream goes out as it is, anything else as JSON. No answer may be cached. */
export function respond(reply: Reply, requestId: string, extra: Record<string, string> = {}): Response {
  const headers: Record<string, string> = { ...always, "x-request-id": requestId, ...extra, ...reply.headers };
  if (reply.body === undefined) return new Response(null, { status: reply.status, headers });
  headers["content-type"] ??= "application/json";
  const { body } = reply;
  const sent = typeof body === "string" || body instanceof ReadableStream ? body : JSON.stringify(body);
  return new Response(sent, { status: reply.status, headers });
}

/** A store that is away, full or moved is back within seconds, or not before an operator comes. */
const storeFailures: ReadonlySet<ProblemCode> = new Set(["store_unreadable", "store_unwritable", "audit_unwritable"]);
const storeAgainSeconds = 2;

/** A problem names what was given, and half a surrogate pair is JSON that many a parser refuses. It repeats no key that was sent where none belongs. */
const quotable = (text: string): string => withoutKeys(text.toWellFormed());

/**
 * RFC 9457, with `error` for clients of the older API. An error that is no `Problem` tells only its request id.
 * @param terse the caller has shown no credential: of a failure of ours only its kind is told, since files,
 *   users and addresses are an operator's business
 */
export function respondProblem(
  thrown: unknown,
  requestId: string,
  log: Log,
  { headers: extra = {}, terse = false }: { headers?: Record<string, string>; terse?: boolean } = {},
): Response {
  const problem = isProblem(thrown)
    ? thrown
    : new Problem("internal_error", `Something unexpected went wrong${loggedUnder(requestId)}.`);
  if (problem !== thrown) log("error", "unexpected failure", { requestId, cause: thrown });
  else if (problem.status >= 500)
    // A probe that comes while the service starts is no failure.
    log(problem.code === "not_ready" ? "warn" : "error", problem.message, {
      requestId,
      code: problem.code,
      cause: problem.cause,
    });
  const detail =
    terse && problem.status >= 500
      ? `${problem.title}${loggedUnder(requestId)}, and so has \`doctor\`.`
      : quotable(problem.message);
  const errors = problem.errors?.map((fault) => ({
    ...fault,
    path: quotable(fault.path),
    message: quotable(fault.message),
  }));
  const body = {
    type: `urn:openclaw-provisioning:problem:${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail,
    code: problem.code,
    requestId,
    error: detail,
    ...(errors && { errors }),
  };
  const headers = {
    "content-type": "application/problem+json",
    ...(storeFailures.has(problem.code) && { "retry-after": String(storeAgainSeconds) }),
    ...problem.headers,
  };
  return respond({ status: problem.status, body: JSON.stringify(body), headers }, requestId, extra);
}
