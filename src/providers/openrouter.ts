import { anyImage } from "./image-rules.ts";
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
      image: anyImage,
      // Plugins search, read files and ask panels of models, as `:online` and `openrouter/fusion` do; a preset is a
      // stored prompt, and may name another model.
      unbounded: ["plugins"],
      unboundedModel: /:online\b|@preset\/|^openrouter\/fusion\b/,
      refused: ["preset"],
    }),
  ),
  error: ({ status, message }) => ({ error: { code: status, message } }),
};
