import type { UsageFormat } from "../domain/usage.ts";
import type { BodyFields } from "../providers/shared/body-fields.ts";
import type { ProviderKind } from "../schema/ai-provider.ts";

/** Providers that let nobody stop an answer that is no stream: it is made in one go, and billed. */
const ofOneGo: ReadonlySet<ProviderKind> = new Set(["anthropic", "openai", "openrouter", "gemini"]);

/**
 * Whether the provider makes the whole answer, and bills it, when nobody reads any more: so does Google with its
 * streams too (https://openrouter.ai/docs/api-reference/streaming#stream-cancellation). To stop reading saves
 * nothing then, and nobody learns what it cost.
 */
export const goesOn = (
  kind: ProviderKind,
  format: UsageFormat | undefined,
  body: Pick<BodyFields, "get"> | undefined,
): boolean => format !== undefined && (kind === "gemini" || (ofOneGo.has(kind) && body?.get("stream") !== true));
