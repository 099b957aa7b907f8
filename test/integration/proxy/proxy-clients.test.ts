import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/**
 * The requests of agents' clients must pass on a key with a token quota: every field that they set, in one body each.
 */

let upstream: SampleUpstream;
let stand: ProxyStand | undefined;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => () => stand?.close());

const cache_control = { type: "ephemeral", ttl: "1h", scope: "global" };
const schema = { $schema: "http://json-schema.org/draft-07/schema#", type: "object", properties: { a: {} } };
const image = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" };

const claudeTurns = [
  { role: "user", content: [{ type: "text", text: "hello", cache_control }] },
  {
    role: "assistant",
    content: [
      { type: "thinking", thinking: "", signature: "AAAA" },
      { type: "redacted_thinking", data: "AAAA" },
      { type: "text", text: "I look.", citations: null },
      { type: "tool_use", id: "t1", name: "Read", input: { file_path: "/a", model: "x" }, caller: { type: "direct" } },
    ],
  },
  {
    role: "user",
    content: [
      {
        type: "tool_result",
        tool_use_id: "t1",
        is_error: false,
        cache_control,
        content: [
          { type: "text", text: "x" },
          { type: "image", source: image },
          { type: "tool_reference", tool_name: "Read" },
        ],
      },
    ],
  },
  {
    role: "system",
    output_config: { effort: "medium" },
    clear_at: "next_user_message",
    content: [
      { type: "text", text: "reminder" },
      { type: "tool_addition", tool: { type: "tool_reference", name: "Read" }, cache_control },
    ],
  },
];

interface Sent {
  kind: ProviderKind;
  path: string;
  headers?: Record<string, string>;
  body: Record<string, unknown>;
}

const clients: Record<string, Sent> = {
  "Claude Code": {
    kind: "anthropic",
    path: "/v1/messages?beta=true",
    headers: {
      "anthropic-beta": [
        "claude-code-20250219,interleaved-thinking-2025-05-14,thinking-token-count-2026-05-13",
        "context-management-2025-06-27,prompt-caching-scope-2026-01-05,mid-conversation-system-2026-04-07",
        "per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,effort-2025-11-24",
        "dangerous-tool-use-2026-09-03,afk-mode-2026-01-31,thinking-display-updates-2026-08-18",
      ].join(","),
    },
    body: {
      model: "claude-opus-5-5",
      max_tokens: 32_000,
      stream: false,
      temperature: 1,
      messages: claudeTurns,
      system: [{ type: "text", text: "You are Claude Code.", cache_control }],
      tools: [
        {
          name: "Read",
          description: "reads",
          input_schema: schema,
          eager_input_streaming: true,
          defer_loading: true,
          strict: true,
          input_examples: [{}],
          cache_control,
        },
      ],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
      metadata: { user_id: "user_1" },
      thinking: { type: "adaptive", display: "updates" },
      output_config: { effort: "high", task_budget: { type: "tokens", total: 50_000 } },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      diagnostics: { previous_message_id: null },
      safeguards: [{ type: "dangerous_tool_use", classifier_context: { v: 1, permission_mode: "auto" } }],
      speed: "fast",
    },
  },
  "OpenClaw with Anthropic": {
    kind: "anthropic",
    path: "/v1/messages",
    headers: { "anthropic-beta": "fine-grained-tool-streaming-2025-05-14,interleaved-thinking-2025-05-14" },
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 8_192,
      stream: false,
      system: [{ type: "text", text: "You are an agent.", cache_control: { type: "ephemeral" } }],
      messages: claudeTurns.slice(0, 3),
      tools: [{ name: "exec", description: "runs", input_schema: { type: "object", properties: {}, required: [] } }],
      thinking: { type: "enabled", budget_tokens: 1_024 },
      metadata: { user_id: "u" },
    },
  },
  "OpenClaw with a chat": {
    kind: "custom",
    path: "/chat/completions",
    body: {
      model: "qwen",
      stream: false,
      store: false,
      max_completion_tokens: 4_096,
      temperature: 0.7,
      tool_choice: "auto",
      enable_thinking: true,
      chat_template_kwargs: { enable_thinking: true },
      reasoning_effort: "high",
      messages: [
        { role: "system", content: "You are an agent." },
        { role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
        {
          role: "assistant",
          content: null,
          reasoning_content: "hm",
          reasoning_details: [{ type: "reasoning.encrypted", data: "AAAA" }],
          tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
        },
        { role: "tool", tool_call_id: "c", name: "f", content: "done" },
        { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] },
      ],
      tools: [{ type: "function", function: { name: "f", description: "x", parameters: schema, strict: false } }],
    },
  },
  Codex: {
    kind: "openai",
    path: "/v1/responses",
    headers: { "openai-beta": "responses=experimental" },
    body: {
      model: "gpt-5-codex",
      instructions: "You are Codex.",
      store: false,
      stream: false,
      parallel_tool_calls: true,
      tool_choice: "auto",
      include: ["reasoning.encrypted_content"],
      prompt_cache_key: "k",
      service_tier: "priority",
      reasoning: { effort: "high", summary: "auto" },
      text: { verbosity: "low", format: { type: "json_schema", name: "n", strict: true, schema } },
      client_metadata: { "x-codex-installation-id": "i" },
      tools: [
        { type: "function", name: "shell", description: "x", strict: false, parameters: schema },
        {
          type: "custom",
          name: "apply_patch",
          description: "x",
          format: { type: "grammar", syntax: "lark", definition: "x" },
        },
        { type: "local_shell" },
        {
          type: "namespace",
          name: "mcp",
          description: "x",
          tools: [{ type: "function", name: "t", parameters: schema }],
        },
      ],
      input: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "x" }] },
        {
          type: "message",
          role: "user",
          content: [{ type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" }],
        },
        {
          type: "reasoning",
          id: "rs_1",
          summary: [{ type: "summary_text", text: "x" }],
          content: null,
          encrypted_content: "AAAA",
        },
        { type: "message", role: "assistant", phase: "commentary", content: [{ type: "output_text", text: "x" }] },
        { type: "function_call", call_id: "c", name: "shell", arguments: "{}", namespace: "n" },
        { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "x" }] },
        { type: "custom_tool_call", call_id: "d", name: "apply_patch", input: "x", status: "completed" },
        { type: "custom_tool_call_output", call_id: "d", output: "x" },
        {
          type: "local_shell_call",
          call_id: "e",
          status: "completed",
          action: { type: "exec", command: ["ls"], env: {} },
        },
        { type: "tool_search_call", call_id: "f", execution: "client", arguments: {} },
        {
          type: "tool_search_output",
          call_id: "f",
          execution: "client",
          status: "completed",
          tools: [{ type: "function", name: "t" }],
        },
        { type: "compaction", encrypted_content: "AAAA" },
      ],
    },
  },
  "gemini-cli": {
    kind: "gemini",
    path: "/v1beta/models/gemini-2.5-pro:generateContent",
    body: {
      contents: [
        { role: "user", parts: [{ text: "x" }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }] },
        {
          role: "model",
          parts: [
            { text: "hm", thought: true },
            { functionCall: { id: "1", name: "f", args: {} }, thoughtSignature: "AA" },
          ],
        },
        { role: "user", parts: [{ functionResponse: { id: "1", name: "f", response: { output: "x" } } }] },
      ],
      systemInstruction: { role: "user", parts: [{ text: "You are a CLI." }] },
      tools: [{ functionDeclarations: [{ name: "f", description: "x", parametersJsonSchema: schema }] }],
      toolConfig: { functionCallingConfig: { mode: "AUTO", allowedFunctionNames: ["f"] } },
      safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" }],
      generationConfig: {
        temperature: 0,
        topP: 1,
        topK: 64,
        maxOutputTokens: 500,
        responseMimeType: "application/json",
        responseJsonSchema: schema,
        thinkingConfig: { includeThoughts: true, thinkingBudget: 100 },
        mediaResolution: "MEDIA_RESOLUTION_LOW",
        stopSequences: ["x"],
        seed: 1,
      },
      labels: { a: "b" },
    },
  },
  "Gemini in snake case": {
    kind: "gemini",
    path: "/v1beta/models/gemini-2.5-pro:generateContent",
    body: {
      contents: [{ role: "user", parts: [{ inline_data: { mime_type: "image/png", data: "iVBORw0KGgo=" } }] }],
      system_instruction: { parts: [{ text: "x" }] },
      tools: [{ function_declarations: [{ name: "f" }] }],
      tool_config: { function_calling_config: { mode: "any" } },
      safety_settings: [],
      generation_config: { max_output_tokens: 100, thinking_config: { thinking_budget: 0 }, top_k: 1 },
    },
  },
  "Vercel AI SDK with OpenRouter": {
    kind: "openrouter",
    path: "/api/v1/chat/completions",
    body: {
      model: "anthropic/claude-sonnet-4.5",
      models: ["anthropic/claude-sonnet-4.5", "x/y"],
      max_tokens: 100,
      stream: false,
      usage: { include: true },
      reasoning: { effort: "high", exclude: false },
      provider: { order: ["anthropic"], allow_fallbacks: false },
      transforms: ["middle-out"],
      top_k: 1,
      logit_bias: {},
      logprobs: true,
      top_logprobs: 1,
      parallel_tool_calls: true,
      response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema } },
      user: "u",
      messages: [
        { role: "system", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
        {
          role: "user",
          content: [{ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" } }],
        },
        { role: "assistant", content: "x", reasoning: "hm", annotations: [{ type: "url_citation", url_citation: {} }] },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: schema } }],
    },
  },
  "a chat with OpenAI": {
    kind: "openai",
    path: "/v1/chat/completions",
    body: {
      model: "gpt-5",
      max_completion_tokens: 100,
      metadata: { a: "b" },
      prediction: { type: "content", content: "x" },
      verbosity: "low",
      reasoning_effort: "low",
      stop: ["x"],
      seed: 1,
      n: 1,
      modalities: ["text"],
      audio: { voice: "alloy", format: "mp3" },
      prompt_cache_key: "k",
      safety_identifier: "s",
      stream_options: { include_obfuscation: false },
      stream: true,
      messages: [
        { role: "user", name: "u", content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }] },
        {
          role: "assistant",
          refusal: null,
          content: [{ type: "refusal", refusal: "no" }],
          audio: null,
          function_call: null,
        },
      ],
      functions: [{ name: "f", parameters: schema }],
      function_call: "auto",
    },
  },
};

it.each(Object.entries(clients))("%s passes", async (_, { kind, path, headers, body }) => {
  stand = await proxyStand({ kind, upstream: upstream.origin, quotas: { maxTokensPerMonth: 100_000_000 } });
  const response = await fetch(`${stand.origin}/proxy/${kind}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}`, "x-goog-api-key": stand.key, ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect([response.status, response.ok ? "" : text]).toEqual([200, ""]);
});
