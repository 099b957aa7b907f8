import { below, openAiEndpoints } from "./openai.ts";
import type { ProviderWire } from "./wire.ts";

/** https://openrouter.ai/docs/api-reference: OpenAI's shape, with more that is done at the provider. */
export const openrouter: ProviderWire = {
  baseUrl: "https://openrouter.ai/api/v1",
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["category", "supported_parameters"]),
  endpoint: below(
    "/api/v1",
    openAiEndpoints({
      chatCap: "max_tokens",
      // Plugins search and read files, as `:online` does; a preset is a stored prompt, and may name another model.
      unbounded: ["plugins"],
      unboundedModel: /:online\b|@preset\//,
      refused: ["preset"],
    }),
  ),
  error: ({ status, message }) => ({ error: { code: status, message } }),
};
