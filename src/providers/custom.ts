import { customFields, steers } from "./custom-fields.ts";
import { anyImage } from "./image-rules.ts";
import { below, openAiEndpoints, openAiError, openAiMetered } from "./openai.ts";
import { chatShape, embeddingsShape, responsesShape } from "./openai-shape.ts";
import type { ProviderWire } from "./wire.ts";

const endpoints = below(
  "/v1",
  openAiEndpoints(
    { chatCap: "max_tokens", image: anyImage, steers, templates: true },
    {
      chat: chatShape(customFields),
      responses: responsesShape(customFields),
      embeddings: embeddingsShape(customFields),
    },
  ),
);

/** Any base URL that speaks OpenAI's shape, LiteLLM's among them. Clients may or may not write its `/v1`. */
export const custom: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order", "api-version"]),
  endpoint: endpoints,
  metered: openAiMetered(""),
  sleepsThrough: true,
  error: openAiError,
};
