import type { Crypto } from "../ports.ts";
import { headerOf } from "./proxy-request.ts";

/**
 * The headers of the client's request that reach the provider: a list of the allowed ones, not of the forbidden ones.
 * No credential, cookie or address of the client's gets there under a name nobody thought of, and no header chooses the
 * account that pays.
 */
const forwarded = new Set([
  "accept",
  "accept-language",
  "anthropic-beta",
  "anthropic-dangerous-direct-browser-access",
  "anthropic-version",
  "http-referer",
  "openai-beta",
  "traceparent",
  "tracestate",
  "user-agent",
  "x-client-request-id",
  "x-goog-api-client",
  "x-server-timeout",
  "x-title",
]);

/**
 * The client's `idempotency-key`, as it goes on: all agents share the operator's account at the provider, where an
 * equal one would find another agent's answer.
 *
 * @returns `undefined` where there is none, or more than one
 */
export function scopedIdempotencyKey(
  { sha256 }: Pick<Crypto, "sha256">,
  headers: readonly string[],
  keyId: string,
): string | Promise<string> | undefined {
  const key = headerOf(headers, idempotencyKey);
  return key == null ? undefined : sha256(`${keyId} ${key}`);
}

const idempotencyKey = "idempotency-key";

export interface SentHeaders {
  credential: readonly [name: string, value: string];
  idempotencyKey: string | undefined;
  hasBody: boolean;
}

/**
 * @param headers names in lower case and values, by turns
 * @returns the same form, with the master key in place of the client's
 */
export function upstreamHeaders(headers: readonly string[], sent: SentHeaders): string[] {
  // Nothing is to be decoded before it is metered. The type is ours: the body was read as UTF-8 JSON.
  const result = [...sent.credential, "accept-encoding", "identity"];
  if (sent.hasBody) result.push("content-type", "application/json");
  if (sent.idempotencyKey !== undefined) result.push(idempotencyKey, sent.idempotencyKey);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (forwarded.has(name) || name.startsWith("x-stainless-")) result.push(name, headers[at + 1]!);
  }
  return result;
}

/**
 * The headers of the provider's answer that reach the client: those that SDKs and agents read. All others are of one
 * connection, of the account that pays, or an order to a server between the client and this proxy (`x-accel-redirect`).
 */
const forwardedBack = new Set([
  "age",
  "anthropic-version",
  "cache-control",
  "content-language",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "openai-model",
  "openai-processing-ms",
  "openai-version",
  "request-id",
  "retry-after",
  "retry-after-ms",
  "server-timing",
  "vary",
  "x-generation-id",
  "x-goog-request-id",
  "x-litellm-call-id",
  "x-reasoning-included",
  "x-request-id",
  "x-should-retry",
]);
const rateLimits = /^(x-|anthropic-)?ratelimit-/;

/** @param name in lower case */
export const isForwardedBack = (name: string): boolean => forwardedBack.has(name) || rateLimits.test(name);

/** An answer is never a page of ours, whatever an upstream makes of it. */
export const answerGuards = { "x-content-type-options": "nosniff", "content-security-policy": "sandbox" } as const;

/** The header by which the log knows a request, beside a provider's own id for it. */
export const ownRequestId = "x-openclaw-request-id";

/** A reverse proxy in front (nginx does so) would collect the events, and hand them on as one block. */
export const eventStreamFields = { "cache-control": "no-cache", "x-accel-buffering": "no" } as const;

/** Names that the upstream's `Connection` header declares to be of this hop only. */
export const connectionNames = (connection: string | null | undefined): string[] =>
  connection ? connection.split(",").map((name) => name.trim().toLowerCase()) : [];
