import { isRecord } from "../../domain/is-record.ts";
import type { OwnFields } from "../openai/openai-shape.ts";
import { each, leavesOpen, printed, read, steering } from "../shared/shape.ts";

/**
 * Families of LiteLLM's fields that choose its upstream and the keys to it, where it logs and what it reckons:
 * `all_litellm_params` and the parameters of the providers behind it.
 */
export const steers = new RegExp(
  [
    "^(aws|vertex|azure|gcs|s3|sagemaker|watsonx|oci|databricks|bedrock)_",
    "^(langfuse|langsmith|humanloop|arize|posthog|wandb|weave|dd|lunary|slack|presidio)_",
    "^_?litellm_|^user_api_key|^secret_fields$|^proxy_server_request$|^model_info$|^base_model$|^mock_testing_",
    "(^|_)(api_base|api_base_url|base_url|api_key|api_version|api_type|endpoint|endpoint_url)$",
    "(^|_)(credentials?|client_secret|client_id|tenant_id|region_name|token_provider|ad_token|organization)$",
    "(^|_)(headers?|callbacks?|router_config|config_path)$",
    "_cost(_|$)|^tiered_pricing$|_uplift_",
  ].join("|"),
  "i",
);

/** They are read from there too. */
const metadata = read((value, account) => {
  for (const name in isRecord(value) ? value : {}) {
    if (steers.test(name)) account.fault ??= `metadata.${name.slice(0, 64)} cannot be set through this proxy`;
  }
});

/** Until 0.11.1 vLLM took any argument of its templating from here, another template among them (CVE-2025-62426). */
const templateArguments = read((value, account) => {
  for (const [name, argument] of Object.entries(isRecord(value) ? value : {})) {
    if (name === "chat_template" || (typeof argument === "object" && argument !== null)) {
      account.unbounded ??= `chat_template_kwargs.${name.slice(0, 64)} leaves open what the request may cost`;
    }
  }
});

/** The fields that the services behind a custom address take besides OpenAI's own. */
export const customFields: OwnFields = {
  // Sampling, and how the answer is told: vLLM, SGLang, llama.cpp, Ollama, Mistral, DeepSeek, Qwen, Groq, LiteLLM.
  ...each(
    `top_k top_a min_p typical_p tfs_z mirostat mirostat_tau mirostat_eta repetition_penalty repeat_penalty
     repeat_last_n length_penalty frequency_penalty presence_penalty penalize_nl logit_bias seed random_seed stop
     stop_token_ids bad_words allowed_token_ids include_stop_str_in_output ignore_eos min_tokens skip_special_tokens
     spaces_between_special_tokens truncate_prompt_tokens prompt_logprobs return_tokens_as_token_ids return_token_ids
     add_generation_prompt continue_final_message add_special_tokens cache_salt priority request_id separate_reasoning
     stream_reasoning no_stop_trim dynatemp_range dynatemp_exponent dry_multiplier dry_base dry_allowed_length
     dry_penalty_last_n dry_sequence_breakers xtc_probability xtc_threshold samplers n_probs min_keep cache_prompt
     id_slot timings_per_token post_sampling_probs return_progress reasoning_format reasoning_in_content
     reasoning_budget thinking_forced_open parse_tool_calls keep_alive think format thinking enable_thinking
     thinking_budget reasoning include_reasoning usage safety_settings safetySettings timeout stream_timeout
     request_timeout mock_response cache_control modalities reasoning_effort provider route transforms verbosity
     tool_stream embedding_type input_type truncate task`,
    "harmless",
  ),
  metadata,
  // Printed into the prompt, or made into a tool.
  ...each(
    `documents guided_json guided_choice guided_regex guided_grammar guided_decoding_backend
     guided_whitespace_pattern structured_outputs json_schema grammar regex ebnf`,
    printed,
  ),
  chat_template_kwargs: templateArguments,
  // Templates can repeat the input at will (vLLM; LiteLLM's `roles`).
  ...leavesOpen("chat_template roles"),
  // Other names for the bound of the answer, of which nobody knows which one wins (llama.cpp, Ollama, TGI, and the
  // providers' own, which LiteLLM hands on).
  ...leavesOpen(
    "n_predict num_predict max_new_tokens max_length options max_tokens_to_sample max_gen_len maxTokenCount",
  ),
  // Other names for `n` (llama.cpp, Gemini), and vLLM's finer images and videos.
  ...leavesOpen("n_cmpl candidate_count mm_processor_kwargs media_io_kwargs"),
  // Input that is looked up (LiteLLM, Azure, DashScope, xAI, Perplexity).
  ...leavesOpen(
    "vector_store_ids prompt_variables plugins data_sources enable_search search_options search_parameters",
  ),
  ...each(
    // LiteLLM lets a caller choose its upstream and its keys,
    `api_base base_url api_key user_config preset prompt_id litellm_credential_name headers extra_headers organization
     custom_llm_provider aws_bedrock_runtime_endpoint sagemaker_base_url deployment_url ` +
      // further models,
      `model_list model_id deployment_id router_settings_override fallbacks context_window_fallbacks
     content_policy_fallbacks context_window_fallback_dict mock_testing_fallbacks mock_testing_context_fallbacks
     mock_testing_content_policy_fallbacks ` +
      // which fields go on: bounds, and the wish for a report of the usage, among them, and whose answers are kept.
      `additional_drop_params drop_params allowed_openai_params extra_body cache_key preset_cache_key ` +
      // SGLang's adapters are models of their own.
      "lora_path",
    steering,
  ),
};
