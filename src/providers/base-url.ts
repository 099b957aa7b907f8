import type { ProviderKind } from "../schema/ai-provider.ts";
import { providerWire } from "./index.ts";

/** What SDKs put behind a base URL themselves. */
const endpointEnd =
  /\/(chat\/completions|completions|responses|embeddings|moderations|messages(\/count_tokens)?|models(\/[^/]+)?)$/;
/** Behind these bases the version is a part of the path. */
const versionEnd: Partial<Record<ProviderKind, RegExp>> = { anthropic: /\/v1$/, gemini: /\/v1(beta)?$/ };

/** @returns the base URL that an operator meant who gave one that cannot be right; `undefined` where it may be */
export function betterBaseUrl(kind: ProviderKind, baseUrl: string): string | undefined {
  const url = new URL(baseUrl);
  const given = url.pathname.replace(/\/+$/, "");
  const known = providerWire(kind).baseUrl;
  if (known !== undefined && new URL(known).origin === url.origin) {
    return new URL(known).pathname.replace(/\/+$/, "") === given ? undefined : known;
  }
  const path = given.replace(endpointEnd, "").replace(versionEnd[kind] ?? /$^/, "");
  return path === given ? undefined : `${url.origin}${path}`;
}
