import type { ProblemCode } from "../errors.ts";
import { ClientError } from "./client-error.ts";

interface ProblemBody {
  code: ProblemCode;
  status?: number;
  detail?: string;
  title?: string;
  requestId?: string;
  errors?: { path: string; message: string }[];
}

const isProblemBody = (body: unknown): body is ProblemBody =>
  typeof body === "object" && body !== null && "code" in body && typeof body.code === "string";

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
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.ok && body !== undefined) return body;
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
  const location = response.headers.get("location");
  throw new ClientError({
    status: response.status,
    code: "unexpected_answer",
    detail:
      response.status >= 300 && response.status < 400
        ? `${address} redirects${location === null ? "" : ` to ${location}`}: use the address of the service itself`
        : `${address} answered ${response.status} without the JSON of this API: is it the address of the service?`,
    requestId,
    retryAfter,
  });
}
