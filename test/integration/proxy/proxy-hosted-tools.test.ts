import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.behave({ usesTools: false });
  upstream.seen.length = 0;
});

const own = { name: "own", description: "d", parameters: { type: "object", maximum: 1.5 } };
const ownClaude = { name: "own", input_schema: { type: "object" } };
const chat = { model: "gpt-5", max_completion_tokens: 9, messages: [{ role: "user", content: "hi" }] };
const responses = { model: "gpt-5-codex", max_output_tokens: 16, input: "hi" };
const claude = { model: "claude-sonnet-4-5", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
const gemini = { contents: [{ parts: [{ text: "hi" }] }], generationConfig: { maxOutputTokens: 9 } };
const geminiPath = "/v1beta/models/gemini-2.5-pro:generateContent";

type Body = Record<string, unknown>;
const webSearch = { type: "web_search_20250305", name: "web_search", max_uses: 2 };

/** The body asked for, the body that went on, and the part left out. */
const left: [string, ProviderKind, string, Body, Body, string][] = [
  [
    "Codex's web search",
    "openai",
    "/v1/responses",
    { ...responses, tools: [{ type: "function", ...own }, { type: "web_search" }], tool_choice: "auto" },
    { ...responses, tools: [{ type: "function", ...own }], tool_choice: "auto" },
    "web_search",
  ],
  [
    "all tools of a response",
    "openai",
    "/v1/responses",
    {
      ...responses,
      tools: [{ type: "code_interpreter", container: { type: "auto" } }, { type: "image_generation" }],
      tool_choice: "auto",
      parallel_tool_calls: true,
    },
    responses,
    "code_interpreter, image_generation",
  ],
  [
    "a shell at the provider",
    "openai",
    "/v1/responses",
    { ...responses, tools: [{ type: "shell", environment: { type: "container_auto" } }, { type: "local_shell" }] },
    { ...responses, tools: [{ type: "local_shell" }] },
    "container_auto",
  ],
  [
    "the search of a chat",
    "openai",
    "/v1/chat/completions",
    { ...chat, web_search_options: {} },
    chat,
    "web_search_options",
  ],
  [
    "OpenRouter's search",
    "openrouter",
    "/api/v1/chat/completions",
    { ...chat, tools: [{ type: "openrouter:web_search" }, { type: "function", function: own }] },
    { ...chat, tools: [{ type: "function", function: own }] },
    "openrouter:web_search",
  ],
  [
    "Anthropic's search",
    "anthropic",
    "/v1/messages",
    { ...claude, tools: [ownClaude, webSearch], tool_choice: { type: "any" } },
    { ...claude, tools: [ownClaude], tool_choice: { type: "any" } },
    "web_search_20250305",
  ],
  [
    "Gemini's tools",
    "gemini",
    geminiPath,
    {
      ...gemini,
      tools: [{ functionDeclarations: [own], googleSearch: {} }, { codeExecution: {} }, { url_context: {} }],
    },
    { ...gemini, tools: [{ functionDeclarations: [own] }] },
    "googleSearch, codeExecution, url_context",
  ],
  [
    "all of Gemini's tools",
    "gemini",
    geminiPath,
    { ...gemini, tools: [{ google_search: {} }], tool_config: { functionCallingConfig: { mode: "AUTO" } } },
    gemini,
    "google_search",
  ],
];

const forced: [string, ProviderKind, string, Body][] = [
  [
    "by its type",
    "openai",
    "/v1/responses",
    {
      ...responses,
      tools: [{ type: "web_search" }, { type: "function", ...own }],
      tool_choice: { type: "web_search" },
    },
  ],
  [
    "as one of several",
    "openai",
    "/v1/responses",
    {
      ...responses,
      tools: [{ type: "web_search" }, { type: "function", ...own }],
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "web_search" }] },
    },
  ],
  [
    "as the only one",
    "openai",
    "/v1/responses",
    { ...responses, tools: [{ type: "web_search" }], tool_choice: "required" },
  ],
  [
    "by its name",
    "anthropic",
    "/v1/messages",
    { ...claude, tools: [ownClaude, webSearch], tool_choice: { type: "tool", name: "web_search" } },
  ],
  ["where any will do", "anthropic", "/v1/messages", { ...claude, tools: [webSearch], tool_choice: { type: "any" } }],
  [
    "within the conversation",
    "openai",
    "/v1/responses",
    { ...responses, input: [{ type: "additional_tools", role: "developer", tools: [{ type: "web_search" }] }] },
  ],
];

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let stand: ProxyStand;
  beforeEach(() => () => stand.close());
  const open = async (kind: ProviderKind, hostedTools?: string) => {
    const settings = hostedTools === undefined ? {} : { proxy: { hostedTools } };
    const quotas = { maxTokensPerMonth: 1_000_000 };
    stand = await proxyStand({ kind, upstream: upstream.origin, quotas, settings });
  };
  async function ask(kind: ProviderKind, path: string, body: Body) {
    const response = await stand.fetchBy(transport)(`/proxy/${kind}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "x-goog-api-key": stand.key },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  it.each(left)("leaves out %s under a token quota, and says so", async (_, kind, path, body, sent, names) => {
    await open(kind);
    const answer = await ask(kind, path, body);
    expect([answer.status, answer.headers.get("x-openclaw-omitted-tools")]).toEqual([200, names]);
    const went = upstream.seen[0]!.body;
    expect(JSON.parse(went)).toEqual(kind === "openrouter" ? { ...sent, ...openRouterBound } : sent);
    expect(stand.logs.filter(({ level }) => level === "debug")).toMatchObject([
      { fields: { provider: kind, tools: names.split(", ") } },
    ]);
  });

  it.each(forced)("refuses one that is forced %s", async (_, kind, path, body) => {
    await open(kind);
    const answer = await ask(kind, path, body);
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining("gateway.provisioning.proxy.hostedTools"),
    ]);
    expect(upstream.seen).toHaveLength(0);
  });

  it("leaves a request as it is where no token quota is set", async () => {
    const [, kind, path, body] = left[0]!;
    stand = await proxyStand({ kind, upstream: upstream.origin, quotas: { maxRequestsPerDay: 5 } });
    const answer = await ask(kind, path, body);
    expect([answer.status, answer.headers.get("x-openclaw-omitted-tools")]).toEqual([200, null]);
    expect(upstream.seen[0]!.body).toBe(JSON.stringify(body));
  });

  it("refuses them all where the operator wants that", async () => {
    const [, kind, path, body] = left[0]!;
    await open(kind, "refuse");
    expect(await ask(kind, path, body)).toMatchObject({ status: 400, text: expect.stringContaining("leave it out") });
  });

  it.each<[string, Body, number]>([
    ["what is stated", { ...claude, tools: [webSearch] }, 2],
    ["five calls where nothing is", { ...claude, tools: [{ ...webSearch, max_uses: undefined }] }, 5],
  ])("reserves %s where they are allowed", async (_, body, calls) => {
    await open("anthropic", "allow");
    upstream.behave({ delayMs: 300 });
    const answer = ask("anthropic", "/v1/messages", body);
    await expect.poll(() => upstream.seen).toHaveLength(1);
    expect(upstream.seen[0]!.body).toBe(JSON.stringify(body));
    const once = JSON.stringify(body).length + 64 + 600;
    const now = await stand.context.ledger.used(
      (await import("../../../src/storage/ledger-names.ts")).aiKeyLedger(stand.keyId).tokens,
      new Date().toISOString().slice(0, 7),
    );
    expect(now.reserved).toBe(once + calls * (once + 32_768) + 9);
    expect((await answer).status).toBe(200);
    await stand.idle();
    expect((await stand.quota("maxTokensPerMonth")).reserved).toBe(0);
  });
});

/** The bound's older name, which all of its services take. */
const openRouterBound = { max_tokens: 9, max_completion_tokens: undefined };
