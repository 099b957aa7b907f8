import { factsOf, type ProviderKind } from "../domain/provider-facts.ts";
import { providers } from "./registry.ts";

/** The end that SDKs put behind a base URL themselves. */
const endpointEnd =
  /\/(chat\/completions|completions|responses|embeddings|moderations|messages(\/count_tokens)?|models(\/[^/]+)?)$/;

/** @returns the base URL that an operator meant who gave one that cannot be right; `undefined` where it may be */
export function betterBaseUrl(kind: ProviderKind, baseUrl: string): string | undefined {
  const url = new URL(baseUrl);
  const given = url.pathname.replace(/\/+$/, "");
  const known = factsOf(kind).baseUrl;
  if (known !== undefined && new URL(known).origin === url.origin) {
    return new URL(known).pathname.replace(/\/+$/, "") === given ? undefined : known;
  }
  const path = given.replace(endpointEnd, "").replace(providers[kind].versionEnd ?? /$^/, "");
  return path === given ? undefined : `${url.origin}${path}`;
}
