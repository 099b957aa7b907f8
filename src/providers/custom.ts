import { customFields, steers } from "./custom-fields.ts";
import { anyImage } from "./image-rules.ts";
import { below, openAiEndpoints, openAiError } from "./openai.ts";
import { chatShape, embeddingsShape, responsesShape } from "./openai-shape.ts";
import type { ProviderWire } from "./wire.ts";

const endpoints = openAiEndpoints(
  { chatCap: "max_tokens", image: anyImage, steers, templates: true },
  {
    chat: chatShape(customFields),
    responses: responsesShape(customFields),
    embeddings: embeddingsShape(customFields),
  },
);
const belowV1 = below("/v1", endpoints);

/** Any base URL that speaks OpenAI's shape, LiteLLM's among them. Clients may or may not write its `/v1`. */
export const custom: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order", "api-version"]),
  endpoint: (method, path) => endpoints(method, path) ?? belowV1(method, path),
  error: openAiError,
};
