import { describe, expect, it } from "vitest";
import { messages, requestSender, type SendOptions } from "./request-sender.ts";

/** Under a token quota a request is understood or refused, with the name of what is not and the remedy. */

const says = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });

const tokenQuota = { quotas: { maxTokensPerMonth: 10_000_000 } };
const requestQuota = { quotas: { maxRequestsPerDay: 10 } };

const proxy = requestSender();

async function send(
  name: string,
  change: Record<string, unknown>,
  options: SendOptions = tokenQuota,
  headers: Record<string, string> = {},
) {
  const settings = { proxy: { hostedTools: "refuse" } };
  const { sent, ...answer } = await proxy.send(name, change, { settings, ...options }, headers);
  return { ...answer, sent: sent !== undefined };
}

type Case = [name: string, change: Record<string, unknown>, names: string];

const bringIn: Record<string, Case[]> = {
  "of this year": [
    ["anthropic", { fallbacks: [{ model: "claude-opus-4-8", max_tokens: 60_000 }] }, "fallbacks"],
    ["anthropic", { fallbacks: "default" }, "fallbacks"],
    ["anthropic", { thread: { type: "continue", previous_message_id: "msg_1" } }, "thread"],
    ["anthropic", { thread: { type: "create" } }, "thread"],
    ["anthropic", { compaction: { type: "summarize" } }, "compaction"],
    [
      "anthropic",
      says({
        type: "tool_addition",
        tool: { type: "tool_definition", definition: { type: "web_search_20260318", name: "web_search" } },
      }),
      "web_search_20260318",
    ],
    [
      "anthropic",
      says({ type: "compaction", content: "x", tool_changes: [{ type: "tool_addition", tool: { type: "new" } }] }),
      "messages.content.tool_changes.tool:new",
    ],
    ["anthropic", { tools: [{ type: "advisor_20260301", name: "advisor", model: "claude-opus-4-8" }] }, "advisor"],
    ["responses", { multi_agent: { enabled: true } }, "multi_agent"],
    ["responses", { reasoning: { mode: "pro" } }, "reasoning.mode"],
    ["responses", { input: [{ type: "compaction_trigger" }] }, "compaction"],
    ["responses", { input: [{ type: "additional_tools", role: "developer", tools: [{ type: "mcp" }] }] }, "mcp"],
    ["responses", { input: [{ type: "tool_search_output", tools: [{ type: "web_search" }] }] }, "web_search"],
    ["gemini", { continuationToken: "x" }, "goes on"],
    ["gemini", { contents: [{ parts: [{ text: "x", mediaProcessing: "AGENTIC" }] }] }, "mediaProcessing"],
    ["gemini", { tools: [{ mcpServers: [{ name: "x" }] }] }, "mcpServers"],
  ],
  "that nobody knows yet": [
    ["anthropic", { think_twice: true }, '"think_twice"'],
    ["anthropic", { tools: [{ type: "web_search_20270101", name: "x" }] }, '"tools:web_search_20270101"'],
    [
      "anthropic",
      { context_management: { edits: [{ type: "expand_2027" }] } },
      '"context_management.edits:expand_2027"',
    ],
    ["anthropic", says({ type: "hologram", id: "h" }), '"messages.content:hologram"'],
    ["anthropic", says({ type: "image", source: { type: "drive", id: "x" } }), '"messages.content.source:drive"'],
    ["chat", { think_twice: true }, '"think_twice"'],
    ["chat", says({ type: "hologram", id: "h" }), '"messages.content:hologram"'],
    ["chat", { tools: [{ type: "hologram" }] }, '"tools:hologram"'],
    ["responses", { input: [{ type: "hologram" }] }, '"input:hologram"'],
    ["responses", { input: [{ role: "user", content: [{ type: "hologram" }] }] }, '"input.content:hologram"'],
    ["openrouter", { plugins: [{ id: "new" }] }, '"plugins:new"'],
    ["gemini", { thinkTwice: true }, '"thinkTwice"'],
    ["gemini", { contents: [{ parts: [{ hologram: {} }] }] }, '"contents.parts.hologram"'],
    ["gemini", { generationConfig: { maxOutputTokens: 9, retries: 3 } }, '"generationConfig.retries"'],
    ["gemini", { tools: [{ hologram: {} }] }, '"tools.hologram"'],
  ],
  "of other services that speak OpenAI's shape": [
    // vLLM keeps media by an id of the client's.
    ["custom", says({ type: "image_url", image_url: null, uuid: "other-agent" }), '"messages.content.uuid"'],
    ["custom", says({ type: "image_embeds", image_embeds: "AAAA" }), '"messages.content:image_embeds"'],
    ["custom", { data_sources: [{ type: "azure_search" }] }, "data_sources"],
    ["custom", { enable_search: true }, "enable_search"],
    ["custom", { search_parameters: { mode: "on" } }, "search_parameters"],
    ["custom", says({ type: "video", video: ["https://example.com/1.jpg"] }), '"messages.content:video"'],
    ["custom", { prompt_mode: "reasoning" }, '"prompt_mode"'],
    ["custom embeddings", { input: [{ image: "https://example.com/1.jpg" }] }, '"input:untyped"'],
    ["custom", { num_retries: 5 }, '"num_retries"'],
    ["custom", { guardrails: ["x"] }, '"guardrails"'],
    ["custom", { chat_template_kwargs: { tools: [{}] } }, "chat_template_kwargs.tools"],
    ["custom responses", { guardrails: ["x"] }, '"guardrails"'],
  ],
  "by another spelling within an object": [
    ["anthropic", says({ Type: "image", type: "text", text: "x" }), '"messages.content.Type"'],
    ["anthropic", says({ TYPE: "text", text: "x" }), '"messages.content:untyped"'],
    [
      "anthropic",
      says({ type: "image", source: { type: "url", url: "https://example.com", data: "AAAA" } }),
      '"messages.content.source.data"',
    ],
    ["custom", says({ type: "text", text: "x", Image_URL: "https://example.com" }), '"messages.content.Image_URL"'],
    ["gemini", { contents: [{ parts: [{ FileData: { fileUri: "x" } }] }] }, '"contents.parts.FileData"'],
  ],
};

describe.each(Object.entries(bringIn))(
  "what brings in something unknown, %s, is refused under a token quota",
  (_, cases) => {
    it.each(cases)("%s %j", async (name, change, names) => {
      const limited = await send(name, change);
      expect(limited.status).toBe(400);
      expect(limited.message).toMatch(/^Not possible with a key that has a token quota: /);
      expect(limited.message).toContain(names);
      expect(limited.sent).toBe(false);
      expect(limited.reserved).toBe(0);
      // Without one, requests go on as they are.
      expect((await send(name, change, requestQuota)).status).toBe(200);
    });
  },
);

describe("what a refusal names can be stated as bounded by the operator, and by nobody else", () => {
  const stated: [string, Record<string, unknown>, string][] = [
    ["custom", { prompt_mode: "reasoning" }, "prompt_mode"],
    ["custom", says({ type: "video", video: ["x"] }), "messages.content:video"],
    ["gemini", { contents: [{ parts: [{ hologram: {} }] }] }, "contents.parts.hologram"],
    ["anthropic", { think_twice: true }, "think_twice"],
  ];
  it.each(stated)("%s %j", async (name, change, field) => {
    const refused = await send(name, change);
    expect(refused.message).toContain(`"${field}"`);
    expect(refused.message).toContain("gateway.provisioning.proxy.boundedFields");
    const allowed = await send(name, change, { ...tokenQuota, settings: { proxy: { boundedFields: [field] } } });
    expect(allowed.status).toBe(200);
  });

  it("but not what is known to be unbounded", async () => {
    const settings = { proxy: { boundedFields: ["fallbacks", "n_predict", "headers"] } };
    expect((await send("anthropic", { fallbacks: "default" }, { ...tokenQuota, settings })).status).toBe(400);
    expect((await send("custom", { n_predict: 9 }, { ...tokenQuota, settings })).status).toBe(400);
    expect((await send("custom", { headers: { a: "b" } }, { ...tokenQuota, settings })).status).toBe(400);
  });
});

describe("every model that is named anywhere counts among those that are asked", () => {
  const model: Record<string, string> = { anthropic: "claude-sonnet-4-5", chat: "gpt-5", responses: "gpt-5" };
  it.each<[string, Record<string, unknown>]>([
    ["anthropic", { fallbacks: [{ model: "other", max_tokens: 9 }] }],
    ["anthropic", { tools: [{ type: "advisor_20260301", name: "advisor", model: "other" }] }],
    ["anthropic", { tools: [{ type: "advisor_20270101", name: "advisor", model: "other" }] }],
    ["anthropic", { later: { on_error: [{ Model: "other" }] } }],
    ["anthropic", { fallback_models: ["claude-sonnet-4-5", "other"] }],
    ["chat", { moderation: { model: "other" } }],
    ["chat", { models: ["gpt-5", "other"] }],
    ["responses", { tools: [{ type: "image_generation", model: "other" }] }],
    ["responses", { tools: [{ type: "image_generation", svg: { model: "other" } }] }],
    ["openrouter", { plugins: [{ id: "web", model: "other" }] }],
    ["openrouter", { models: ["other"] }],
    ["litellm", { backup_model: "other" }],
    ["gemini", { generationConfig: { routingConfig: { manualMode: { modelName: "other" } } } }],
    ["gemini", { model: "models/other" }],
  ])("%s %j", async (name, change) => {
    const own = model[name] ?? (name === "openrouter" ? "x/y" : name === "gemini" ? "gemini-2.5-pro" : "llama");
    const refused = await send(name, change, { ...requestQuota, models: [own] });
    expect([refused.status, refused.sent]).toEqual([403, false]);
    expect(refused.message).toContain("other");
    expect((await send(name, change, { ...requestQuota, models: [own, "other", "openrouter/fusion"] })).status).toBe(
      200,
    );
  });

  it("but not what a tool is called with, nor what its schema describes", async () => {
    const change = {
      tools: [{ name: "spawn", input_schema: { type: "object", properties: { model: { default: "other" } } } }],
      messages: [
        ...messages,
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "spawn", input: { model: "other" } }] },
      ],
    };
    expect((await send("anthropic", change, { ...tokenQuota, models: ["claude-sonnet-4-5"] })).status).toBe(200);
  });
});

describe("several requests in one are refused, quota or none", () => {
  it.each<[string, Record<string, unknown>]>([
    ["litellm", { model: "gpt-4o,gpt-4o" }],
    ["custom", { model: "gpt-4o, gpt-4o" }],
    ["openrouter", { models: ["a/b,c/d"] }],
    ["chat", { model: "gpt-5,gpt-5" }],
    ["custom responses", { model: "gpt-4o,gpt-4o" }],
    ["litellm", { messages: [messages, messages] }],
    ["custom", { messages: [...messages, messages] }],
  ])("%s %j", async (name, change) => {
    for (const options of [tokenQuota, requestQuota, {}]) {
      const { status, sent, message } = await send(name, change, options);
      expect([status, sent]).toEqual([400, false]);
      expect(message).toMatch(/one at a time/);
    }
  });
});

describe("what steers LiteLLM is refused, quota or none", () => {
  const steering: Record<string, unknown> = {
    aws_access_key_id: "x",
    aws_region_name: "x",
    vertex_project: "x",
    vertex_credentials: "x",
    azure_ad_token: "x",
    headers: { "x-other": "y" },
    extra_headers: { "x-other": "y" },
    provider_specific_header: { a: "b" },
    organization: "org-x",
    langfuse_host: "https://example.com",
    langfuse_public_key: "x",
    langsmith_base_url: "https://example.com",
    posthog_api_url: "https://example.com",
    dd_agent_host: "example.com",
    input_cost_per_token: 1e-9,
    output_cost_per_token: 1e-9,
    cache_read_input_token_cost: 1e-9,
    tiered_pricing: [{}],
    litellm_metadata: { a: 1 },
    user_api_key_user_id: "x",
    proxy_server_request: { a: 1 },
    model_info: { a: 1 },
    base_model: "x",
    api_version: "x",
    s3_endpoint_url: "https://example.com",
    client_secret: "x",
    auto_router_config: { a: 1 },
    cache_key: "x",
    mock_testing_rate_limit_error: true,
  };
  it.each(Object.entries(steering))("%s", async (field, value) => {
    for (const name of ["litellm", "custom responses"]) {
      const { status, message, sent } = await send(name, { [field]: value }, requestQuota);
      expect([status, message]).toEqual([400, `${field} cannot be set through this proxy`]);
      expect(sent).toBe(false);
    }
  });

  it("within tools and metadata too", async () => {
    const tool = { type: "function", function: { name: "f" } };
    for (const change of [
      { tools: [{ ...tool, api_base: "https://example.com" }] },
      { tools: [{ ...tool, extra_headers: { a: "b" } }] },
      { metadata: { langfuse_host: "https://example.com" } },
    ]) {
      const { status, message } = await send("litellm", change, requestQuota);
      expect([status, message]).toEqual([400, expect.stringMatching(/cannot be set through this proxy$/)]);
    }
  });
});

describe("Anthropic's choice of who pays is refused, quota or none", () => {
  it.each([
    ["billing_policy", { type: "billing_policy", bill_to: "user_profile" }],
    ["user_profile_id", "p_1"],
  ])("%s", async (field, value) => {
    expect((await send("anthropic", { [field]: value }, {})).status).toBe(400);
  });
});

describe("a beta that no list knows is refused under a token quota", () => {
  it.each<[string, string, string, number]>([
    ["anthropic", "anthropic-beta", "context-1m-2025-08-07,interleaved-thinking-2025-05-14", 200],
    ["anthropic", "anthropic-beta", "claude-code-20250219, fine-grained-tool-streaming-2025-05-14", 200],
    ["anthropic", "anthropic-beta", "context-1m-2025-08-07, hologram-2027-01-01", 400],
    ["anthropic", "anthropic-beta", "managed-agents-2026-04-01", 400],
    ["responses", "openai-beta", "responses=experimental", 200],
    ["responses", "openai-beta", "responses_multi_agent=v1", 400],
    ["responses", "openai-beta", "responses_hologram=v1", 400],
  ])("%s %s: %s", async (name, header, value, status) => {
    const { status: limited, message } = await send(name, {}, tokenQuota, { [header]: value });
    expect(limited).toBe(status);
    if (status === 400) expect(message).toContain(`"${header}:${value.split(",").at(-1)!.trim()}"`);
    expect((await send(name, {}, requestQuota, { [header]: value })).status).toBe(200);
  });
});

it("a bound of 0 is none to many servers", async () => {
  const { status, message } = await send("anthropic", { max_tokens: 0 });
  expect([status, message]).toEqual([400, expect.stringContaining("ask for 1")]);
});

describe("a template that prints a tool's schema in lines", () => {
  const nested = (depth: number): unknown =>
    depth === 0 ? { type: "string" } : { type: "object", properties: { a: nested(depth - 1) } };
  const tools = (depth: number) => [{ type: "function", function: { name: "f", parameters: nested(depth) } }];

  it("is bounded in depth", async () => {
    // 161,007 tokens of Llama's template.
    const { status, message, sent } = await send("custom", { tools: tools(240) });
    expect([status, sent]).toEqual([400, false]);
    expect(message).toMatch(/nested deeper than 64 levels/);
    expect((await send("custom", { tools: tools(240) }, requestQuota)).status).toBe(200);
  });

  it.each(["custom", "litellm", "openrouter", "custom responses"])("is reserved on %s", async (name) => {
    const change = { tools: tools(25) };
    const printed = Buffer.byteLength(JSON.stringify(change.tools[0], null, 4));
    const { reserved, bytes } = await send(name, change);
    expect(printed).toBeGreaterThan(4_000);
    expect(reserved).toBeGreaterThan(bytes - JSON.stringify(change.tools).length + printed + 100);
    expect(reserved).toBeLessThan(bytes + printed + 1_000);
  });

  it("is reserved for the arguments of calls and for documents too", async () => {
    const call = (json: string) => ({
      messages: [
        ...messages,
        { role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: json } }] },
      ],
    });
    const numbers = JSON.stringify(Array(1_000).fill(1));
    const { reserved, bytes } = await send("custom", call(numbers));
    // A space after each comma.
    expect(reserved).toBeGreaterThan(bytes + 999 + 100);
    const documents = await send("custom", { documents: Array(100).fill({ title: "t", text: "x" }) });
    expect(documents.reserved).toBeGreaterThan(documents.bytes + 100 * 30);
  });

  it("is no concern of providers with formats of their own", async () => {
    const { reserved, bytes } = await send("chat", { tools: tools(25) });
    expect(reserved).toBeLessThanOrEqual(bytes + 100 + 128);
  });
});

describe("media under names of other services cost the configured bound", () => {
  const settings = { proxy: { mediaReferenceTokens: 50_000 } };
  it.each<[Record<string, unknown>]>([
    [says({ type: "document_url", document_url: "https://example.com/a.pdf" })],
    [says({ type: "input_audio", input_audio: "https://example.com/a.mp3" })],
    [says({ type: "file", file_id: "file_1" })],
    [says({ type: "audio_url", audio_url: { url: "https://example.com/a.mp3" } })],
    // Known to the server by something else.
    [says({ type: "image_url", image_url: null })],
    [
      {
        messages: [
          { role: "assistant", content: null, images: [{ type: "image_url", image_url: { url: "https://x.y" } }] },
        ],
      },
    ],
  ])("%j", async (change) => {
    const { status, reserved, bytes } = await send("custom", change, { ...tokenQuota, settings });
    expect(status).toBe(200);
    expect(reserved).toBeGreaterThanOrEqual(bytes + 100 + 50_000);
    expect(reserved).toBeLessThan(bytes + 100 + 50_000 + 128);
  });
});
