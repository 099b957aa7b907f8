import { findProvider, type ModelInfo } from "@pydantic/genai-prices";

/** The release whose prices are in the table. Its day is what tells their age: the package does not say it. */
export const release = { package: "@pydantic/genai-prices", version: "0.1.8", day: "2026-09-23" };

interface SourceProvider {
  /** As the source calls it. */
  id: string;
  /** Models of other houses, resold under other names than this provider's own API takes, are left out. */
  models: RegExp;
}

/** Prices by the provider's name in the product. */
export const sourceProviders: Record<string, SourceProvider> = {
  anthropic: { id: "anthropic", models: /^claude-/ },
  openai: { id: "openai", models: /^/ },
  gemini: { id: "google", models: /^(gemini|gemma)-/ },
  openrouter: { id: "openrouter", models: /\// },
};

/** Models of sound of whose sound the source has no price: as text they would be charged a tenth. */
const soundUnpriced = new Set(["gpt-4o-audio-preview", "gpt-4o-mini-audio-preview"]);

export function sourceModels({ id, models }: SourceProvider): ModelInfo[] {
  const found = findProvider({ providerId: id });
  if (found?.id !== id) throw new Error(`${release.package} has no provider ${id}`);
  return found.models.filter((model) => models.test(model.id) && !soundUnpriced.has(model.id));
}
