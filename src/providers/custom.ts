import { below, openAiEndpoints, openAiError } from "./openai.ts";
import type { OpenAiDialect } from "./openai-requests.ts";
import type { ProviderWire } from "./wire.ts";

const dialect: OpenAiDialect = {
  chatCap: "max_tokens",
  unbounded: [
    // Templates can repeat the input at will (vLLM).
    "chat_template",
    // Other names for the bound of the answer, of which nobody knows which one wins (llama.cpp, Ollama, TGI).
    ...["n_predict", "num_predict", "max_new_tokens", "max_length", "options"],
    // llama.cpp's `n`, and vLLM's finer images.
    ...["n_cmpl", "mm_processor_kwargs"],
    // Input that LiteLLM looks up.
    ...["vector_store_ids", "prompt_variables"],
    "plugins",
  ],
  // LiteLLM lets a caller choose its upstream, its keys and further models.
  refused: [
    ...["api_base", "base_url", "api_key", "user_config", "model_list", "preset", "prompt_id"],
    ...["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"],
  ],
};

const endpoints = openAiEndpoints(dialect);
const belowV1 = below("/v1", endpoints);

/** Any base URL that speaks OpenAI's shape, LiteLLM's among them. Clients may or may not write its `/v1`. */
export const custom: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order", "api-version"]),
  endpoint: (method, path) => endpoints(method, path) ?? belowV1(method, path),
  error: openAiError,
};
