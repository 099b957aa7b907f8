import type { AiProviderRecord } from "../schema/ai-provider.ts";

const decoder = new TextDecoder();

/**
 * Services that tell a stream's usage unasked: there the proxy neither asks for it (`stream_options`) nor keeps it from
 * a client. Those that refuse to be asked (Mistral answers 422), and then tell it, are remembered until the process ends,
 * model by model: behind a gateway one of many may refuse, and a stream that tells no usage is charged as reserved.
 */
export interface UsageAsking {
  isNeedless(provider: Pick<AiProviderRecord, "id" | "provider" | "baseUrl">, model: string | undefined): boolean;
  /** Whether it may be that the service answers so since it refuses to be asked. */
  mayRefuse(status: number, body: Uint8Array): boolean;
  /** Takes down that the service told the usage of what it had refused for this model, once it was not asked. */
  tellsUnasked(providerId: string, model: string | undefined): void;
}

const openRouter = /^https:\/\/([a-z0-9-]+\.)*openrouter\.ai(:443)?(\/|$)/i;

/** Callers choose the names, which must not fill the memory. */
const maxRefusing = 1_000;
const placeOf = (providerId: string, model = ""): string => `${providerId} ${model.slice(0, 200)}`;

/** @param slugs providers of which the operator says so */
export function createUsageAsking(slugs: readonly string[]): UsageAsking {
  const refusing = new Set<string>();
  return {
    isNeedless: ({ id, provider, baseUrl = "" }, model) =>
      refusing.has(placeOf(id, model)) || slugs.includes(provider) || openRouter.test(baseUrl),
    mayRefuse: (status, body) =>
      (status === 400 || status === 422) && /stream_options|include_usage/.test(decoder.decode(body)),
    tellsUnasked(providerId, model) {
      if (refusing.size >= maxRefusing) refusing.clear();
      refusing.add(placeOf(providerId, model));
    },
  };
}
