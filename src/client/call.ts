import { retry } from "../domain/retry.ts";
import { ClientError, type ClientErrorCode } from "./client-error.ts";
import { readAnswer, unexpectedAnswer } from "./read-answer.ts";

/** An attempt that failed and is made again after `delayMs`. */
export interface Retry {
  error: ClientError;
  /** 1 for the first retry. */
  attempt: number;
  delayMs: number;
}

/** The client's options with their defaults filled in, for all of its calls. */
export interface CallSettings {
  /** The API's base, without a slash at its end. */
  base: string;
  headers: Readonly<Record<string, string>>;
  fetch: (request: Request) => Promise<Response>;
  retries: number;
  maxRetryDelayMs: number;
  timeoutMs: number;
  onRetry: ((retry: Retry) => void) | undefined;
}

/** An aborted signal rejects with the signal's reason, and ends the waits between attempts. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** Options of a change to one agent. */
export interface ChangeOptions extends CallOptions {
  /** The `idempotencyKey` of the create whose agent is meant: one that was made anew under its id is not found. */
  madeWith?: string | undefined;
}

/** One request. */
export interface Call extends CallOptions {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base, encoded. */
  path: string;
  query?: Readonly<Record<string, string | number | readonly string[] | undefined>> | undefined;
  body?: unknown;
  headers?: Readonly<Record<string, string>> | undefined;
  /** Whether doing it twice does no harm: only then is it repeated after an answer that was lost. */
  repeatable: boolean;
}

const firstDelayMs = 250;

/** Refused before anything was done, as every 429 is; any other 503 may come after the change. */
const notBegun: readonly ClientErrorCode[] = ["not_ready", "issuer_unreachable"];

function isWorthRetrying(error: ClientError, repeatable: boolean): boolean {
  if (error.status === 429 || notBegun.includes(error.code)) return true;
  if (error.status === 503) return repeatable;
  // The first attempt, whose answer was lost, is still at work.
  if (error.code === "idempotency_in_flight") return repeatable;
  return repeatable && (error.code === "network_error" || error.code === "timeout");
}

/**
 * Full jitter above the server's own wish, so that callers who were refused together do not return together. Beyond
 * `most` there is none: a wish of exactly that long is waited for.
 */
function retryDelay(error: ClientError, attempt: number, most: number): number {
  const spread = Math.random() * Math.min(firstDelayMs * 2 ** attempt, most);
  if (error.retryAfter === undefined) return spread;
  const wish = error.retryAfter * 1000;
  return Math.max(wish, Math.min(wish + Math.min(spread, 1000), most));
}

/** `fetch failed` says nothing; the reason stands in its cause. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === "string") return code;
  return cause instanceof Error ? cause.message : "no reason given";
}

/** `new URL` takes a part that is `.` or `..` for a step, and another route would be called. */
const isStep = /\/(?:\.{0,2})(?=\/|$)/;

/** @throws ClientError `invalid_path`, where an id cannot stand in a path */
function requestFor(call: Call, settings: CallSettings, signal: AbortSignal | undefined): Request {
  if (isStep.test(call.path)) {
    throw new ClientError({ code: "invalid_path", detail: 'No id is empty, ".", "..", or has half a letter in it.' });
  }
  const url = new URL(settings.base + call.path);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) url.searchParams.append(name, String(one));
    }
  }
  return new Request(url, {
    method: call.method,
    headers: {
      accept: "application/json",
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...settings.headers,
      ...call.headers,
    },
    // Followed, a redirect would carry the provisioning key to wherever it points.
    redirect: "manual",
    ...(signal && { signal }),
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
}

const addressOf = ({ url }: Request): string => new URL(url).origin + new URL(url).pathname;

function unreachable({ url }: Request, cause: unknown): ClientError {
  const detail = `cannot reach ${new URL(url).origin} (${networkReason(cause)})`;
  return new ClientError({ code: "network_error", detail, cause });
}

/** What is thrown of a request without a whole answer. */
function failureOf(
  error: unknown,
  request: Request,
  { signal }: Call,
  timeout: AbortSignal,
  timeoutMs: number,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (!timeout.aborted) return unreachable(request, error);
  const detail = `${new URL(request.url).origin} did not answer within ${timeoutMs / 1000} s`;
  return new ClientError({ code: "timeout", detail, cause: error });
}

const eitherOf = (signal: AbortSignal | undefined, timeout: AbortSignal): AbortSignal =>
  signal ? AbortSignal.any([signal, timeout]) : timeout;

async function attempt(call: Call, settings: CallSettings): Promise<unknown> {
  const timeout = AbortSignal.timeout(settings.timeoutMs);
  const request = requestFor(call, settings, eitherOf(call.signal, timeout));
  try {
    return await readAnswer(await settings.fetch(request), addressOf(request));
  } catch (error) {
    if (error instanceof ClientError) throw error;
    throw failureOf(error, request, call, timeout, settings.timeoutMs);
  }
}

/**
 * The body of an answer that has to begin in time, and goes on for as long as it likes. Not retried: its reader knows
 * where to go on.
 * @throws ClientError, or the signal's reason when the caller aborts
 */
export async function openStream(call: Call, settings: CallSettings): Promise<ReadableStream<Uint8Array>> {
  const patience = new AbortController();
  const request = requestFor(call, settings, eitherOf(call.signal, patience.signal));
  const timer = setTimeout(() => patience.abort(), settings.timeoutMs);
  let response: Response;
  try {
    response = await settings.fetch(request);
  } catch (error) {
    throw failureOf(error, request, call, patience.signal, settings.timeoutMs);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok || !response.body) {
    throw await readAnswer(response, addressOf(request)).then(
      () => unreachable(request, undefined),
      (error: unknown) => error,
    );
  }
  // A page of another service would be read as a stream without events, again and again.
  if (/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) return response.body;
  await response.body.cancel().catch(() => undefined);
  throw unexpectedAnswer(response, addressOf(request));
}

/**
 * One call, retried where that is safe and promises something.
 * @throws ClientError, or the signal's reason when the caller aborts
 */
export async function perform(call: Call, settings: CallSettings): Promise<unknown> {
  return await retry(() => attempt(call, settings), {
    isRetryable: (error) => error instanceof ClientError && isWorthRetrying(error, call.repeatable),
    delays(failure, tried) {
      const error = failure as ClientError;
      const delayMs = retryDelay(error, tried, settings.maxRetryDelayMs);
      if (tried >= settings.retries || delayMs > settings.maxRetryDelayMs) return undefined;
      settings.onRetry?.({ error, attempt: tried + 1, delayMs });
      return delayMs;
    },
    signal: call.signal,
  });
}
