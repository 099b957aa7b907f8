import { neverConnected } from "../../domain/never-connected.ts";
import { parsedJson } from "../../domain/parsed-json.ts";
import { Problem } from "../../errors.ts";
import type { Fetch } from "../../ports.ts";
import { property, providerErrorMessage } from "./error-message.ts";

export interface AdminRequest {
  method: "GET" | "POST" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  /** Sent as a form where it is `URLSearchParams`, else as JSON. */
  body?: unknown;
}

export type AdminResponse =
  | { outcome: "ok"; json: unknown }
  /** A clear no: nothing was done. `json` is absent where the answer was none: another server's page, say. */
  | { outcome: "refused"; status: number; json: unknown; reason: string; problem: Problem }
  /** No usable answer. `effect` is `unknown` where the provider may have done what was asked, now or later. */
  | { outcome: "failed"; effect: "none" | "unknown"; reason: string; problem: Problem };

export interface AdminRequestOptions {
  fetch: Fetch;
  /** How the provider is named to the caller. */
  title: string;
  /** The bound of the whole exchange, the answer's body included. */
  timeoutMs: number;
  /** The secrets that must never appear in an answer's text. */
  secrets: readonly string[];
}

export type SendAdminRequest = (request: AdminRequest) => Promise<AdminResponse>;

const maxAnswerBytes = 8 * 1_048_576;

/** Calls to a provider's management API: bounded in time and size, never redirected, quoted without keys. */
export function adminRequests({ fetch, title, timeoutMs, secrets }: AdminRequestOptions): SendAdminRequest {
  const failed = (reason: string, effect: "none" | "unknown"): AdminResponse => ({
    outcome: "failed",
    effect,
    reason: `${title} ${reason}`,
    problem: new Problem("provider_unreachable", `${title} ${reason}.`),
  });

  const refused = (status: number, json: unknown, said: string): AdminResponse => {
    const reason = `${said} (HTTP ${status})`;
    return {
      outcome: "refused",
      status,
      json,
      reason,
      problem: new Problem("provider_refused", `${title} refused: ${reason}.`),
    };
  };

  return async ({ method, url, headers, body }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const form = body instanceof URLSearchParams;
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: "application/json",
          ...(body === undefined || form ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
        // A redirect would carry the master key to wherever it points.
        redirect: "manual",
        signal,
      });
      const { status } = response;
      const text = await readText(response);
      const json = text === undefined ? undefined : parseBody(text);
      if (response.ok) {
        return json === undefined
          ? failed("answered with something that is not JSON", "unknown")
          : { outcome: "ok", json };
      }
      const said = providerErrorMessage(json, secrets);
      const more = said === undefined ? "" : `: ${said}`;
      if (status < 400) return refused(status, undefined, "it redirects, and a key is not sent on; check the base URL");
      if (status === 429) return failed(`is limiting requests (HTTP 429)${more}`, "none");
      if (status === 408 || status >= 500) return failed(`failed (HTTP ${status})${more}`, "unknown");
      return refused(status, json, said ?? "it gave no reason");
    } catch (cause) {
      if (signal.aborted) return failed(`did not answer within ${timeoutMs / 1000} s`, "unknown");
      const code = errorCode(cause);
      const { remedy } = cause as { remedy?: string };
      // Only the code: the text of a fetch error can hold the address with its password, or a header's value.
      return failed(
        `could not be reached${code === undefined ? "" : ` (${code})`}${remedy === undefined ? "" : `: ${remedy}`}`,
        neverConnected.has(code) ? "none" : "unknown",
      );
    }
  };
}

/** `base` without its trailing slashes, then each segment of the path. */
export const urlOf = (base: string, path: string): string => base.replace(/\/+$/, "") + path;

/** One path segment. A dot segment would be resolved away, and the call would hit what stands above. */
export function segment(text: string): string {
  if (text === "" || text === "." || text === "..")
    throw new Problem("provider_settings", "An id of the AI provider is not valid.");
  return encodeURIComponent(text);
}

/** A 404 in a provider's shape. Any other server's 404 proves nothing: there, a key could live on as revoked. */
export const isGone = (response: AdminResponse): boolean =>
  response.outcome === "refused" && response.status === 404 && typeof property(response.json, "error") === "object";

/** The failure of an answer of 2xx that lacks what the provider documents. */
export const unknownShape = (title: string): Problem =>
  new Problem("provider_unreachable", `${title} answered in a shape that is not known.`);

/** The header of an admin API that takes its key as a bearer (RFC 6750). */
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function errorCode(error: unknown, depth = 0): string | undefined {
  const code = property(error, "code");
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,39}$/.test(code)) return code;
  const cause = property(error, "cause");
  return cause === undefined || depth === 5 ? undefined : errorCode(cause, depth + 1);
}

async function readText(response: Response): Promise<string | undefined> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > maxAnswerBytes) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}

const parseBody = (text: string): unknown => (text.trim() === "" ? {} : parsedJson(text));
