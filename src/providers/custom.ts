import { anyImage } from "./image-rules.ts";
import { below, openAiEndpoints, openAiError } from "./openai.ts";
import type { OpenAiDialect } from "./openai-requests.ts";
import type { ProviderWire } from "./wire.ts";

const dialect: OpenAiDialect = {
  chatCap: "max_tokens",
  image: anyImage,
  unbounded: [
    // Templates can repeat the input at will (vLLM; LiteLLM's `roles`).
    ...["chat_template", "roles"],
    // Other names for the bound of the answer, of which nobody knows which one wins (llama.cpp, Ollama, TGI, and the
    // providers' own, which LiteLLM hands on).
    ...["n_predict", "num_predict", "max_new_tokens", "max_length", "options"],
    ...["max_tokens_to_sample", "max_gen_len", "maxTokenCount"],
    // Other names for `n` (llama.cpp, Gemini), and vLLM's finer images and videos.
    ...["n_cmpl", "candidate_count", "mm_processor_kwargs", "media_io_kwargs"],
    // Input that LiteLLM looks up.
    ...["vector_store_ids", "prompt_variables"],
    "plugins",
  ],
  refused: [
    // LiteLLM lets a caller choose its upstream and its keys,
    ...["api_base", "base_url", "api_key", "user_config", "preset", "prompt_id", "litellm_credential_name"],
    ...["custom_llm_provider", "aws_bedrock_runtime_endpoint", "sagemaker_base_url", "deployment_url"],
    // further models,
    ...["model_list", "model_id", "deployment_id", "router_settings_override"],
    ...["fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "context_window_fallback_dict"],
    ...["mock_testing_fallbacks", "mock_testing_context_fallbacks", "mock_testing_content_policy_fallbacks"],
    // and which fields go on: bounds, and the wish for a report of the usage, among them.
    ...["additional_drop_params", "drop_params", "allowed_openai_params", "extra_body"],
    // SGLang's adapters are models of their own.
    "lora_path",
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
