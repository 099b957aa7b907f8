import { factsOf } from "../domain/provider-facts.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";

export interface UpstreamBase {
  /** Scheme and host. */
  origin: string;
  /** The path below which the endpoints are. */
  prefix: string;
}

/** @throws where neither the operator nor the provider itself names an address */
export function createUpstreamBases(): (provider: AiProviderRecord) => UpstreamBase {
  const bases = new Map<string, UpstreamBase>();
  return (provider) => {
    const url = provider.baseUrl ?? factsOf(provider.kind).baseUrl;
    if (url === undefined) throw new Error(`the AI provider ${provider.id} has no base URL`);
    let base = bases.get(url);
    if (!base) {
      const { origin, pathname } = new URL(url);
      base = { origin, prefix: pathname.replace(/\/+$/, "") };
      bases.set(url, base);
    }
    return base;
  };
}
