import { chatShape, embeddingsShape, responsesShape } from "../openai/openai-shape.ts";
import { below, openAiEndpoints, openAiError, openAiMetered } from "../openai/wire.ts";
import { anyImage } from "../shared/image-rules.ts";
import { unboundedRoutedModel } from "../shared/routed-models.ts";
import type { ProviderWire } from "../shared/wire.ts";
import { customFields, steers } from "./custom-fields.ts";

const endpoints = below(
  "/v1",
  openAiEndpoints(
    { chatCap: "max_tokens", image: anyImage, unboundedModel: unboundedRoutedModel, steers, templates: true },
    {
      chat: chatShape(customFields),
      responses: responsesShape(customFields),
      embeddings: embeddingsShape(customFields),
    },
  ),
);

/** Any base URL that speaks OpenAI's shape, LiteLLM's among them. Clients may or may not write its `/v1`. */
export const customWire: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order", "api-version"]),
  endpoint: endpoints,
  metered: openAiMetered(""),
  sleepsThrough: true,
  error: openAiError,
};
