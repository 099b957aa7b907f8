import { headerOf, type ProxyRequest } from "./proxy-request.ts";

const readable = "x-request-id, request-id, retry-after, x-should-retry, x-openclaw-omitted-tools";
const headerNames = /^[\w-]+( *, *[\w-]+)*$/;

export interface Cors {
  /** The headers of an answer to a page of an origin that may read it; `undefined` for all others. */
  headers: Readonly<Record<string, string>> | undefined;
  /** The answer to the browser's question before it sends a page's request; absent: it does not ask that. */
  preflight: Readonly<Record<string, string>> | undefined;
}

const none: Cors = { headers: undefined, preflight: undefined };

/**
 * Browsers' pages of these origins may call the proxy with a key of theirs. No cookie is of any use here.
 *
 * @param origins as a browser writes them, or `*`
 */
export function createCors(
  origins: readonly string[],
): (proxyRequest: Pick<ProxyRequest, "method" | "headers">) => Cors {
  const any = origins.includes("*");
  const known = new Set(origins);
  return ({ method, headers }) => {
    if (known.size === 0) return none;
    const origin = headerOf(headers, "origin");
    if (origin == null || !(any || known.has(origin))) return none;
    const allowed = { "access-control-allow-origin": any ? "*" : origin, ...(!any && { vary: "origin" }) };
    const answered = { ...allowed, "access-control-expose-headers": readable };
    if (method !== "OPTIONS" || headerOf(headers, "access-control-request-method") == null) {
      return { headers: answered, preflight: undefined };
    }
    const asked = headerOf(headers, "access-control-request-headers") ?? "";
    const preflight = {
      ...allowed,
      "access-control-allow-methods": "GET, POST",
      ...(headerNames.test(asked) && { "access-control-allow-headers": asked }),
      "access-control-max-age": "600",
    };
    return { headers: answered, preflight };
  };
}
