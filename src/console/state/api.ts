import { toHex } from "../../domain/hex.ts";
import { unattendedHeader } from "../../domain/unattended.ts";
import { isAttended } from "./attended.ts";

/** An answer that is no success, in the API's own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly errors: { path: string; message: string }[];
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Record<string, unknown>, retryAfter?: number) {
    super(typeof body.detail === "string" ? body.detail : `HTTP ${status}`);
    this.status = status;
    this.code = typeof body.code === "string" ? body.code : "unknown";
    this.requestId = typeof body.requestId === "string" ? body.requestId : undefined;
    this.errors = Array.isArray(body.errors) ? (body.errors as ApiError["errors"]) : [];
    this.retryAfter = retryAfter;
  }
}

/** The error for whatever a call threw, so that all of it is shown alike. */
export const apiErrorOf = (thrown: unknown): ApiError =>
  thrown instanceof ApiError ? thrown : new ApiError(0, { detail: String(thrown) });

interface Ask {
  method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Replaces the session. */
  bearer?: string;
}

const timeoutMs = 60_000;

/** The API's address, from the page's own: a reverse proxy may have put both below a path. */
export const apiBase = (): string => new URL(document.documentElement.dataset.api ?? "../api/v1", location.href).href;
/** The address of the API's server. */
export const serverRoot = (): string =>
  new URL(document.documentElement.dataset.root ?? "..", location.href).href.replace(/\/$/, "");

let bearer: string | undefined;
let ended: () => void = () => undefined;

/** Used by every call from here on; `onEnd` hears that the session is none any more. */
export function setBearer(session: string | undefined, onEnd: () => void): void {
  bearer = session;
  ended = onEnd;
}

/**
 * @param path below the API's base (`/agents`)
 * @throws ApiError, also for no answer at all (`status` 0), and for a page that something in between answered with
 */
export async function ask<Answer>(path: string, options: Ask = {}): Promise<Answer> {
  const response = await send(path, options);
  const answer = parse(
    await response.text().catch(() => {
      throw noAnswer();
    }),
  );
  if (answer !== undefined) return answer as Answer;
  throw new ApiError(response.status, {
    code: "bad_answer",
    detail: "Something between this page and the server answered in its place. Look at the network, and try again.",
  });
}

const noAnswer = (): ApiError =>
  new ApiError(0, {
    code: "no_answer",
    detail: "The server does not answer. Look whether it runs, and try again.",
  });

/** The same, for an answer that is no JSON, or is read as it comes. */
export async function send(path: string, options: Ask): Promise<Response> {
  const session = options.bearer === undefined ? bearer : undefined;
  const response = await answerTo(path, options);
  if (response.ok) return response;
  throw failed(response, parse(await response.text().catch(() => "")), session);
}

async function answerTo(
  path: string,
  { method = "GET", body, headers, signal, bearer: other }: Ask,
): Promise<Response> {
  const token = other ?? bearer;
  // The server counts such calls against this address.
  if (token === undefined) throw new ApiError(401, { code: "signed_out", detail: "Nobody is signed in." });
  try {
    return await fetch(apiBase() + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(!isAttended() && { [unattendedHeader]: "1" }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // The page holds what is to be sent; a cookie would be another's.
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      signal: signal ?? AbortSignal.timeout(timeoutMs),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw noAnswer();
  }
}

/** @param session the one that was sent: a refusal of an earlier session says nothing of this one */
function failed(response: Response, body: unknown, session: string | undefined): ApiError {
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const error = new ApiError(
    response.status,
    (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>,
    Number.isNaN(retryAfter) ? undefined : retryAfter,
  );
  if (error.status === 401 && session !== undefined && session === bearer) ended();
  return error;
}

function parse(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The end of a path, each part encoded. */
export const below = (...parts: string[]): string => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

/** The path with its query; what is `undefined` or empty is left out. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0
    ? path
    : `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** The header that makes a retry safe. A page that came over plain HTTP has no `crypto.randomUUID`. */
export function onceOnly(): Record<string, string> {
  return { "idempotency-key": toHex(crypto.getRandomValues(new Uint8Array(16))) };
}
