import { isSetValue, textOf } from "../shared/body-fields.ts";
import type { Account } from "../shared/shape.ts";
import {
  accounted,
  each,
  hosted,
  model,
  object,
  printed,
  read,
  reference,
  refused,
  sealed,
  steering,
  tagged,
} from "../shared/shape.ts";
import { toolPromptTokens } from "../shared/tool-prompt.ts";
import type { Betas } from "../shared/wire.ts";

/** A client tool's definition and the instructions that come with it: 1,234 at most where documented. */
const clientToolTokens = 1_536;

const carried = (source: Record<string, unknown>, { media }: Account): void => {
  if (typeof source.data === "string") media.carried(source.data, textOf(source.media_type).toLowerCase());
};
const named = (_: unknown, { media }: Account): void => media.named();

const blocks = tagged({});
const source = tagged({
  base64: object("type media_type data", {}, carried),
  url: object("type url", {}, named),
  file: object("type file_id", {}, named),
  text: object("type media_type data"),
  content: object("type", { content: blocks }),
});

const common = "type cache_control";
const tool = tagged({});
const toolChange = object("type cache_control", {
  tool: tagged({
    ...each("tool_reference mcp_tool_reference mcp_toolset_reference", "harmless"),
    tool_definition: object("type", { definition: tool }, (_, account) => {
      account.beyond += toolPromptTokens;
    }),
  }),
});
/** The results of the provider's own tools, which are refused: they stand in conversations that had them once. */
const fileOutputs = object("type stdout stderr return_code error_code", {
  content: object("type", { file_id: reference }),
  encrypted_stdout: sealed,
});
const toolResult = `${common} tool_use_id is_error caller toolset_name`;

for (const [name, verdict] of Object.entries({
  text: object(`${common} text citations`),
  image: object(`${common} transformations`, { source }),
  document: object(`${common} title context citations`, { source }),
  search_result: object(`${common} source title citations`, { content: blocks }),
  thinking: object("type thinking signature"),
  redacted_thinking: object("type data"),
  tool_use: object(`${common} id name caller toolset_name`, { input: printed }),
  tool_result: object(toolResult, { content: blocks }),
  tool_reference: object(`${common} tool_name`),
  browser_state: object(`${common} tabs state_changes`),
  server_tool_use: object(`${common} id name caller`, { input: printed }),
  mcp_tool_use: object(`${common} id name server_name`, { input: printed }),
  mcp_tool_result: object(toolResult, { content: blocks }),
  web_search_tool_result: object(toolResult, {
    content: object("type url title page_age error_code", { encrypted_content: sealed }),
  }),
  web_fetch_tool_result: object(toolResult, {
    content: object("type url retrieved_at error_code", { content: blocks }),
  }),
  ...each("code_execution_tool_result bash_code_execution_tool_result", object(toolResult, { content: fileOutputs })),
  text_editor_code_execution_tool_result: object(`${toolResult} content`),
  tool_search_tool_result: object(`${toolResult} content`),
  advisor_tool_result: object(toolResult, {
    content: object("type text stop_reason error_code", { encrypted_content: sealed }),
  }),
  container_upload: object(common, { file_id: reference }),
  compaction: object(`${common} content signature`, {
    encrypted_content: sealed,
    tool_changes: tagged(each("tool_addition tool_removal", toolChange)),
  }),
  ...each("tool_addition tool_removal", toolChange),
  mcp_tool_listing: refused("a listing of an MCP server's tools belongs to calls that the provider makes"),
  // The mark in an answer that another model went on with.
  fallback: object("type trigger", each("from to", object("", { model }))),
})) {
  blocks.by.set(name, verdict);
}

const toolFields = `${common} name defer_loading strict allowed_callers`;
const ownTool = object(`${toolFields} description eager_input_streaming`, {
  ...each("input_schema input_examples", printed),
});
const clientTool = object(
  `${toolFields} display_width_px display_height_px display_number enable_zoom max_characters`,
  { input_examples: printed },
  (_, account) => {
    account.beyond += clientToolTokens;
  },
);
const toolset = refused("the definitions of this toolset are the provider's own, and of no known size");

for (const [name, verdict] of Object.entries({
  custom: ownTool,
  // Run by the client: their definitions are the provider's own and not in the body.
  ...each("bash_20241022 bash_20250124 memory_20250818", clientTool),
  ...each("text_editor_20241022 text_editor_20250124 text_editor_20250429 text_editor_20250728", clientTool),
  ...each("computer_20241022 computer_20250124 computer_20251124", clientTool),
  ...each("browser_toolset_20260801 computer_toolset_20260801", toolset),
  ...each("web_search_20250305 web_search_20260209 web_search_20260318", hosted),
  ...each("web_fetch_20250910 web_fetch_20260209 web_fetch_20260309 web_fetch_20260318", hosted),
  ...each("code_execution_20250522 code_execution_20250825 code_execution_20260120 code_execution_20260521", hosted),
  ...each("tool_search_tool_bm25 tool_search_tool_bm25_20251119", hosted),
  ...each("tool_search_tool_regex tool_search_tool_regex_20251119", hosted),
  ...each("advisor_20260301 mcp_toolset", hosted),
})) {
  tool.by.set(name, verdict);
}
tool.untagged = ownTool;

/** Claude is told how to answer in a format by text that stands in no request. */
const format = read((value, account) => {
  if (!isSetValue(value)) return;
  account.beyond += toolPromptTokens;
  account.printed(value);
});

/** The fields of `POST /v1/messages` and of its token count. */
export const messagesShape = object(
  `cache_control diagnostics inference_geo metadata service_tier speed stop_sequences temperature thinking tool_choice
   top_k top_p`,
  {
    model,
    ...each("max_tokens stream", accounted),
    messages: object("role clear_at output_config", { content: blocks }),
    system: blocks,
    tools: tool,
    output_format: format,
    output_config: object("effort task_budget", { format }),
    context_management: object("", {
      edits: tagged({
        clear_thinking_20251015: object("type keep"),
        clear_tool_uses_20250919: object("type trigger keep clear_at_least exclude_tools clear_tool_inputs"),
        compact_20260112: refused("compaction at the provider is a further request that nothing bounds"),
      }),
    }),
    // A model of the provider's judges the calls: what that costs, if anything, is told nowhere.
    safeguards: tagged({ dangerous_tool_use: object("type classifier_context", {}, (_, { media }) => media.stored()) }),
    compaction: refused("compaction at the provider is a further request that nothing bounds"),
    container: refused("a container holds what is not in the request"),
    fallbacks: refused("each model of fallbacks is a further request with bounds of its own"),
    fallback_credit_token: refused("fallback_credit_token belongs to fallbacks"),
    mcp_servers: refused("mcp_servers are called by the provider, and what they answer is not in the request"),
    thread: refused("a thread holds what is not in the request, and may be another agent's"),
    // They choose who pays. The SDK sends the last three as headers.
    ...each("billing_policy user_profile_id workspace_id", steering),
    betas: refused("betas are said in the anthropic-beta header"),
  },
);

/** The values of `anthropic-beta`. */
export const anthropicBetas: Betas = {
  header: "anthropic-beta",
  harmless: new Set(
    `computer-use-2024-10-22 computer-use-2025-01-24 computer-use-2025-11-24 output-128k-2025-02-19 output-300k-2026-03-24
     mcp-client-2025-04-04 mcp-client-2025-11-20 mcp-client-2026-09-15 dev-full-thinking-2025-05-14
     interleaved-thinking-2025-05-14 code-execution-2025-05-22 context-1m-2025-08-07 context-management-2025-06-27
     model-context-window-exceeded-2025-08-26 fast-mode-2026-02-01 advisor-tool-2026-03-01
     thinking-token-count-2026-05-13 server-side-fallback-2026-06-01 server-side-fallback-2026-07-01
     fallback-credit-2026-06-01 fallback-credit-2026-07-01 mid-conversation-tool-changes-2026-07-01 compact-2026-01-12
     compact-2026-09-04 mcp-tunnels-2026-06-22 structured-outputs-2025-11-13 task-budgets-2026-03-13
     thinking-display-updates-2026-08-18 mid-conversation-output-config-2026-07-01 thinking-binding-controls-2026-08-01
     mid-conversation-system-clear-at-2026-08-21 inline-tools-2026-09-15 message-threads-2026-08-12
     message-batches-2024-09-24 prompt-caching-2024-07-31 pdfs-2024-09-25 token-counting-2024-11-01
     token-efficient-tools-2025-02-19 files-api-2025-04-14 extended-cache-ttl-2025-04-11 skills-2025-10-02
     cache-diagnosis-2026-04-07
     claude-code-20250219 oauth-2025-04-20 fine-grained-tool-streaming-2025-05-14 effort-2025-11-24
     advanced-tool-use-2025-11-20 tool-search-tool-2025-10-19 tool-examples-2025-10-29 structured-outputs-2025-09-17
     structured-outputs-2025-12-15 prompt-caching-scope-2026-01-05 adaptive-thinking-2026-01-28
     redact-thinking-2026-02-12 mid-conversation-system-2026-04-07 mid-conversation-effort-2026-08-01
     per-turn-control-2026-07-01 dangerous-tool-use-2026-09-03 afk-mode-2026-01-31 token-efficient-tools-2026-03-28
     web-search-2025-03-05 web-fetch-2025-09-10 code-execution-2025-08-25 code-execution-web-tools-2026-02-09
     max-tokens-3-5-sonnet-2024-07-15`.split(/\s+/),
  ),
  /** The betas of other endpoints than the metered ones, or of the billed account. */
  refused: new Set(
    `user-profiles-2026-03-24 user-profiles-2026-08-18 user-profiles-2026-09-04 user-profiles-billing-2026-10-01
     managed-agents-2026-04-01 dreaming-2026-04-21 agent-memory-2026-07-22 ce-plugins-2026-09-01
     spend-limit-reads-2026-09-26 telemetry-destinations-2026-08-11 webhooks-2026-10-07 admin-user-sign-out-2026-10-08
     analytics-usage-cost-2026-08-24 experimental-claude-tag-2026-10-21 ce-user-management-2026-07-13
     ce-claude-code-managed-settings-2026-10-06`.split(/\s+/),
  ),
};
