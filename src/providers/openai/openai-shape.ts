import { isSetValue } from "../shared/body-fields.ts";
import type { Account } from "../shared/shape.ts";
import {
  accounted,
  each,
  hosted,
  leavesOpen,
  model,
  object,
  printed,
  read,
  reference,
  refused,
  type Shape,
  sealed,
  tagged,
  type Verdict,
} from "../shared/shape.ts";
import { contentParts, toolVerdicts } from "./openai-content.ts";

/** Fields that a service adds to OpenAI's, or of which it makes something else. */
export type OwnFields = Record<string, Verdict>;

const shared = `metadata parallel_tool_calls prompt_cache_key prompt_cache_options prompt_cache_retention
  safety_identifier service_tier store temperature tool_choice top_logprobs top_p user verbosity`;
const moderation = object("policy", { model });

const message = object(
  `role name refusal tool_call_id reasoning reasoning_content reasoning_details thinking_blocks cache_control prefix
   partial provider_specific_fields extra_content reasoning_text`,
  {
    content: contentParts,
    images: contentParts,
    // An earlier answer's parts: a sound by its id, and files that were read then.
    audio: object("data expires_at transcript", { id: reference }),
    annotations: tagged(
      { url_citation: "harmless", file: object("type", { file: object("hash name", { content: contentParts }) }) },
      { untagged: "harmless" },
    ),
    ...each("tool_calls function_call", printed),
  },
);

/**
 * Fields of `POST /chat/completions`.
 * @param own fields of the one provider, which go before
 */
export const chatShape = (own: OwnFields): Shape =>
  object(
    `${shared} audio frequency_penalty function_call logit_bias logprobs modalities presence_penalty reasoning_effort
     seed stop`,
    {
      model,
      models: model,
      messages: message,
      tools: toolVerdicts,
      moderation,
      functions: printed,
      response_format: printed,
      prediction: object("type", { content: contentParts }),
      ...each("stream stream_options n best_of max_tokens max_completion_tokens", accounted),
      web_search_options: hosted,
      // Gemini's name for the bound, which LiteLLM hands on.
      ...leavesOpen("max_output_tokens"),
      ...own,
    },
  );

/**
 * Fields of `POST /embeddings`.
 * @param own fields of the one provider, which go before
 */
export const embeddingsShape = (own: OwnFields): Shape =>
  object("dimensions encoding_format user", {
    model,
    models: model,
    // vLLM embeds a chat's messages too.
    messages: message,
    input: contentParts,
    ...own,
  });

const item = "id type status agent";
const call = `${item} call_id caller name namespace async`;
/** The state that the provider kept of a tool of its own may be looked up by the item's id. */
const kept = (_: unknown, { media }: Account): void => media.stored();

const standsForStored =
  "a reference to a stored item stands for input that the request does not hold; send the items themselves (store: false)";
const storedItem = refused(standsForStored);

const inputMessage = object(`${item} role phase`, { content: contentParts }, ({ type, role }, account) => {
  if (type === undefined && role === undefined) {
    account.unbounded ??= standsForStored;
  }
});
const compacts = refused("compaction at the provider is a further request that nothing bounds");

const items = tagged(
  {
    message: inputMessage,
    ...each("function_call custom_tool_call", object(call, each("arguments input", printed))),
    ...each("function_call_output custom_tool_call_output", object(call, { output: contentParts })),
    reasoning: object(`${item} summary content encrypted_content`, {}, ({ encrypted_content }, { media }) => {
      // Without its content it is looked up by its id.
      if (typeof encrypted_content !== "string") media.stored();
    }),
    ...each("local_shell_call shell_call", object(`${call} action environment`)),
    ...each("local_shell_call_output shell_call_output", object(`${call} output max_output_length`)),
    ...each("apply_patch_call apply_patch_call_output", object(`${call} operation output`)),
    computer_call: object(`${call} action actions pending_safety_checks`),
    computer_call_output: object(`${call} acknowledged_safety_checks`, { output: contentParts }),
    configuration_update: object(`${item} reasoning`, { text: printed }),
    tool_search_call: object(`${call} execution`, { arguments: printed }),
    ...each("tool_search_output additional_tools", object(`${call} role execution`, { tools: toolVerdicts })),
    ...each("program program_output", object(`${call} code fingerprint result`)),
    ...each(
      "mcp_approval_request mcp_approval_response",
      object(`${call} arguments server_label approval_request_id approve reason`),
    ),
    mcp_list_tools: object(`${item} server_label error`, { tools: printed }),
    agent_message: object(`${item} author recipient`, { content: contentParts }),
    multi_agent_call: object(`${call} action arguments`),
    multi_agent_call_output: object(`${call} action`, { output: contentParts }),
    mcp_call: object(`${call} arguments server_label approval_request_id error output`, {}, kept),
    web_search_call: object(`${item} action results`, {}, kept),
    file_search_call: object(`${item} queries results`, {}, kept),
    code_interpreter_call: object(`${item} code container_id outputs`, {}, kept),
    image_generation_call: object(
      `${item} result action background error output_format quality revised_prompt size svg_usage`,
      {},
      kept,
    ),
    compaction: object(item, { encrypted_content: sealed }),
    compaction_trigger: compacts,
    item_reference: storedItem,
  },
  { untagged: inputMessage },
);

/**
 * Fields of `POST /responses`.
 * @param own fields of the one provider, which go before
 */
export const responsesShape = (own: OwnFields): Shape =>
  object(
    `${shared} access_programs client_metadata image include instructions max_tool_calls stream_options
    truncation`,
    {
      model,
      models: model,
      moderation,
      text: printed,
      input: items,
      tools: toolVerdicts,
      reasoning: object("context effort generate_summary summary", {
        mode: read((value, account) => {
          if (isSetValue(value) && value !== "standard") {
            account.unbounded ??= "reasoning.mode other than standard may ask the model more than once";
          }
        }),
      }),
      ...each("stream max_output_tokens", accounted),
      ...leavesOpen("background previous_response_id conversation prompt context_management multi_agent"),
      // The bounds of a chat, which LiteLLM makes of these requests for most providers.
      ...leavesOpen("max_tokens max_completion_tokens n best_of"),
      betas: refused("betas are said in the openai-beta header"),
      ...own,
    },
  );
