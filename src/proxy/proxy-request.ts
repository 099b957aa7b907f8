import type { KeyPlace } from "../providers/shared/wire.ts";
import type { Decoders } from "./inflate-body.ts";

/** A request to the proxy, as either transport hands it in. */
export interface ProxyRequest {
  method: string;
  /** Path and query as they came, undecoded: `/proxy/openai/v1/chat/completions?x=y`. */
  target: string;
  /** Names in lower case and values, by turns. */
  headers: readonly string[];
  /** The client's address, for the throttle of failed authentications. */
  address(): string;
  requestId: string;
  /** Decoders of compressed bodies, beside those that every runtime has. */
  decoders?: Decoders;
  /** Headers of every answer: set by the admission, for a browser's page. */
  cors?: Readonly<Record<string, string>> | undefined;
  /**
   * Reads the body, at once where all of it is there; called at most once, and only for a caller with a valid key.
   *
   * @param refuse asked with the length of what has come so far
   * @param announced the whole length, where it is known
   */
  body(
    refuse: (length: number) => BodyRefusal | undefined,
    timeoutMs: number,
    announced: number | undefined,
  ): ReadBody | Promise<ReadBody>;
}

type BodyRefusal = { outcome: "too_large" } | { outcome: "no_room" };

export type ReadBody =
  | { outcome: "read"; bytes: Uint8Array }
  | BodyRefusal
  /** It did not come in time. */
  | { outcome: "late" }
  /** The client left; nobody waits for an answer. */
  | { outcome: "aborted" };

export interface Target {
  slug: string;
  /** The path after `/proxy/<slug>`. */
  path: string;
  query: URLSearchParams | undefined;
}

const form = /^\/proxy\/([a-z0-9][a-z0-9-]{0,31})(\/[^?#]*)?(?:\?([^#]*))?$/;

/** `undefined`: no provider can have such a path. */
export function readTarget(target: string): Target | undefined {
  const [, slug, path = "", query] = form.exec(target) ?? [];
  return slug === undefined ? undefined : { slug, path, query: query ? new URLSearchParams(query) : undefined };
}

/** @returns the value, `undefined` where there is none, `null` where it was sent more than once */
export function headerOf(headers: readonly string[], name: string): string | undefined | null {
  let value: string | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) continue;
    if (value !== undefined) return null;
    value = headers[at + 1];
  }
  return value;
}

const bearer = /^Bearer +\S+ *$/i;

/** The client's key, from where this provider's SDK puts it. A credential sent twice is none. */
export function presentedKey(
  headers: readonly string[],
  target: Target,
  places: readonly KeyPlace[],
): string | undefined {
  for (const place of places) {
    const value =
      place === "query"
        ? onlyValue(target.query, "key")
        : headerOf(headers, place === "bearer" ? "authorization" : place);
    if (value === undefined) continue;
    if (value === null) return undefined;
    if (place !== "bearer") return value;
    return bearer.test(value) ? value.slice("Bearer ".length).trim() : undefined;
  }
  return undefined;
}

function onlyValue(query: URLSearchParams | undefined, name: string): string | undefined | null {
  const values = query?.getAll(name) ?? [];
  return values.length > 1 ? null : values[0];
}
