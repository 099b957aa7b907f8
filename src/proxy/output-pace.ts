import type { AiProviderRecord, ProviderKind } from "../schema/ai-provider.ts";
import { predicts } from "./hidden-output.ts";
import type { ReadRequest } from "./read-request.ts";

/**
 * Tokens a second that no model of the provider's writes in one answer: four times the fastest that it has, and
 * more. On machines of others a model may be faster than any bound.
 */
const paces: Partial<Record<ProviderKind, { origin: string; tokens: number }>> = {
  // Claude in fast mode writes some 200 tokens a second.
  anthropic: { origin: "https://api.anthropic.com", tokens: 1_024 },
  // The fastest Codex model writes some 1,000.
  openai: { origin: "https://api.openai.com", tokens: 4_096 },
};

/**
 * What bounds a model that reasons out of sight: the time that it had.
 *
 * @param origin scheme and host that the request is sent to
 * @returns tokens a second; `undefined` where nobody can tell
 */
export function outputPace(
  { kind }: Pick<AiProviderRecord, "kind">,
  origin: string,
  { body, reading }: Pick<ReadRequest, "body" | "reading">,
): number | undefined {
  const pace = paces[kind];
  // A tool at the provider may ask other models, and a prediction is read in one go.
  if (pace?.origin !== origin || reading?.hosted !== undefined || predicts(body)) return undefined;
  return pace.tokens * (reading?.answers ?? 1);
}
