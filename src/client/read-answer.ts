import { parsedJson } from "../domain/parsed-json.ts";
import type { Fault, ProblemCode } from "../errors.ts";
import { ClientError } from "./client-error.ts";

interface ProblemBody {
  code: ProblemCode;
  status?: number;
  detail?: string;
  title?: string;
  requestId?: string;
  errors?: Fault[];
}

const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
const isFault = (fault: unknown): boolean => {
  const { path, message, most = 1 } = (fault ?? {}) as Partial<Record<keyof Fault, unknown>>;
  return typeof path === "string" && typeof message === "string" && typeof most === "number";
};

/** Other services answer with a `code` too, and with other things beside it. */
function isProblemBody(body: unknown): body is ProblemBody {
  if (typeof body !== "object" || body === null) return false;
  const { code, detail, title, requestId, errors = [] } = body as Record<keyof ProblemBody, unknown>;
  const isReadable = typeof code === "string" && [detail, title, requestId].every(isText);
  return isReadable && Array.isArray(errors) && errors.every(isFault);
}

/** Seconds; the header is a number of them or a date (RFC 9110, section 10.2.3). */
export function retryAfterSeconds(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

/**
 * The JSON of a success.
 * @param address what was called, for the message
 * @throws ClientError for everything else
 */
export async function readAnswer(response: Response, address: string): Promise<unknown> {
  const body = parsedJson(await response.text());
  // Every answer of the API is an object.
  if (response.ok && typeof body === "object" && body !== null) return body;
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const retryAfter = retryAfterSeconds(response.headers.get("retry-after"), Date.now());
  if (!response.ok && isProblemBody(body)) {
    throw new ClientError({
      status: response.status,
      code: body.code,
      detail: body.detail ?? body.title ?? `the service answered ${response.status}`,
      requestId: body.requestId ?? requestId,
      errors: body.errors,
      retryAfter,
    });
  }
  throw unexpectedAnswer(response, address);
}

/** Something else than the service has answered. */
export function unexpectedAnswer({ status, headers }: Response, address: string): ClientError {
  const location = headers.get("location");
  return new ClientError({
    status,
    code: "unexpected_answer",
    detail:
      status >= 300 && status < 400
        ? `${address} redirects${location === null ? "" : ` to ${location}`}: use the address of the service itself`
        : `${address} answered ${status} without the JSON of this API: is it the address of the service?`,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfter: retryAfterSeconds(headers.get("retry-after"), Date.now()),
  });
}
