import type { ProviderKind } from "../schema/ai-provider.ts";

export const providerTitles: Record<ProviderKind, string> = {
  anthropic: "Anthropic",
  openai: "OpenAI",
  openrouter: "OpenRouter",
  gemini: "Gemini",
  litellm: "LiteLLM",
  custom: "The AI provider",
};
