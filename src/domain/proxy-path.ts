import { factsOf, isProviderKind } from "./provider-facts.ts";

/**
 * The base URL of an agent's SDK below our own address: each provider's public base, so that the official clients find
 * their endpoints under it.
 */
export const proxyBasePath = (kind: string, slug: string): string =>
  `/proxy/${slug}${(isProviderKind(kind) && factsOf(kind).proxySuffix) || ""}`;
