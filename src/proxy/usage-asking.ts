import type { AiProviderRecord } from "../schema/ai-provider.ts";

const decoder = new TextDecoder();

/**
 * Services that tell a stream's usage unasked: there the proxy neither asks for it (`stream_options`) nor keeps it from
 * a client. Those that refuse to be asked (Mistral answers 422) are remembered until the process ends.
 */
export interface UsageAsking {
  isNeedless(provider: Pick<AiProviderRecord, "id" | "provider" | "baseUrl">): boolean;
  /** Whether it may be that the service answers so since it refuses to be asked. */
  mayRefuse(status: number, body: Uint8Array): boolean;
  /** Takes down that the service answered what it had refused, once it was not asked. */
  answersUnasked(providerId: string): void;
}

const openRouter = /^https:\/\/([a-z0-9-]+\.)*openrouter\.ai(:443)?(\/|$)/i;

/** @param slugs providers of which the operator says so */
export function createUsageAsking(slugs: readonly string[]): UsageAsking {
  const refusing = new Set<string>();
  return {
    isNeedless: ({ id, provider, baseUrl = "" }) =>
      refusing.has(id) || slugs.includes(provider) || openRouter.test(baseUrl),
    mayRefuse: (status, body) =>
      (status === 400 || status === 422) && /stream_options|include_usage/.test(decoder.decode(body)),
    answersUnasked: (providerId) => void refusing.add(providerId),
  };
}
