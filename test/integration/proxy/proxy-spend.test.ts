import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { aiKeyLedger, statedPrices } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type StandOptions } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.behave("reset"));
afterEach(() => stand.close());

const day = Date.UTC(2026, 10, 22, 18);
/** USD per million tokens, for each kind the same model name. */
const rates = { model: "m", input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75, cacheWrite1h: 6 };

const paths: Partial<Record<ProviderKind, string>> = {
  anthropic: "/v1/messages",
  openai: "/v1/chat/completions",
  openrouter: "/v1/chat/completions",
  custom: "/v1/chat/completions",
  gemini: "/v1beta/models/m:generateContent",
};

async function open(kind: ProviderKind, options: Partial<StandOptions> = {}, prices: object = {}): Promise<void> {
  const { settings, ...rest } = options;
  stand = await proxyStand({
    kind,
    upstream: upstream.origin,
    now: () => day,
    ...rest,
    settings: { prices: { rows: [{ provider: kind, ...rates }], ...prices }, ...settings },
  });
  upstream.seen.length = 0;
}

async function ask(kind: ProviderKind, fields: Record<string, unknown> = {}) {
  const body =
    kind === "gemini"
      ? { contents: [{ parts: [{ text: "hello" }] }], generationConfig: { maxOutputTokens: 100 }, ...fields }
      : { model: "m", messages: [{ role: "user", content: "hello" }], max_tokens: 100, ...fields };
  const path =
    kind === "openrouter"
      ? "/chat/completions"
      : paths[kind]!.replace(/^\/v1/, kind === "openai" || kind === "custom" ? "" : "/v1");
  const url = `${stand.baseUrl}${kind === "gemini" || kind === "anthropic" ? paths[kind] : path}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}`, "x-api-key": stand.key, "x-goog-api-key": stand.key },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const message = (text: string): string => {
  const { error } = JSON.parse(text) as { error: { message: string } };
  return error.message;
};
const month = async () => await stand.quota("maxUsdPerMonth", 1);
async function usage() {
  await stand.idle();
  return await stand.context.ledger.usage(aiKeyLedger(stand.keyId).usage, "2026-11-01", "2026-11-30");
}

describe("a quota of money", () => {
  it.each([
    [
      "anthropic",
      { input: 10, output: 7, cacheCreation: 1_000, cacheRead: 50_000 },
      undefined,
      10 * 3 + 3_750 + 15_000 + 105,
    ],
    [
      "anthropic",
      { input: 10, output: 7, cacheCreation: 1_000 },
      { cache_creation: { ephemeral_5m_input_tokens: 400, ephemeral_1h_input_tokens: 600 } },
      30 + 1_500 + 3_600 + 105,
    ],
    ["openai", { input: 100, output: 7 }, { prompt_tokens_details: { cached_tokens: 64 } }, 108 + 20 + 105],
    ["gemini", { input: 100, output: 7, thoughts: 3 }, { cachedContentTokenCount: 40 }, 180 + 12 + 150],
  ] as const)("%s: is charged by what each part costs, rounded up once", async (kind, told, extra, micro) => {
    await open(kind, { quotas: { maxUsdPerMonth: 1, maxUsdPerDay: 1 } });
    upstream.behave({ usage: { ...told, ...(extra && { extra }) } });
    expect((await ask(kind)).status).toBe(200);
    expect(await month()).toMatchObject({ used: micro / 1e6, reserved: 0 });
    expect(await stand.quota("maxUsdPerDay", 1)).toMatchObject({ used: micro / 1e6, reserved: 0 });
    expect(await usage()).toMatchObject([{ microUsd: micro, unpricedRequests: 0 }]);
  });

  it.each<[price: number, details: object]>([
    [6, { cache_write_tokens: 40 }],
    [6, { cache_creation_tokens: 40 }],
    [3.75, { cache_creation_tokens: 40, cache_creation_token_details: { ephemeral_1h_input_tokens: 0 } }],
  ])(
    "charges what was asked to be cached for an hour at that price where the report does not say: %d for %j",
    async (price, details) => {
      await open("custom", { quotas: { maxUsdPerMonth: 1 } });
      upstream.behave({ usage: { input: 100, output: 7, extra: { prompt_tokens_details: details } } });
      const content = [{ type: "text", text: "hello", cache_control: { type: "ephemeral", ttl: "1h" } }];
      expect((await ask("custom", { messages: [{ role: "user", content }] })).status).toBe(200);
      expect(await month()).toMatchObject({ used: (60 * 3 + 40 * price + 7 * 15) / 1e6 });
    },
  );

  it("counts money without a limit too, so that one that is set later knows it", async () => {
    await open("anthropic");
    await ask("anthropic");
    expect(await month()).toMatchObject({ used: (12 * 3 + 7 * 15) / 1e6 });
  });

  it("refuses a model without a price before anything is sent, and says what to do", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 } });
    const refused = await ask("anthropic", { model: "claude-unheard-of" });
    expect(refused.status).toBe(403);
    expect(message(refused.text)).toBe(
      'no price is known for "claude-unheard-of"; set one with "provisioning prices set" or choose another',
    );
    expect(upstream.seen).toEqual([]);
    expect(await month()).toMatchObject({ used: 0, reserved: 0 });
  });

  it("forwards such a model without a quota of money, and shows that it is not counted", async () => {
    await open("anthropic");
    expect((await ask("anthropic", { model: "claude-unheard-of" })).status).toBe(200);
    expect(await usage()).toMatchObject([{ tokens: 19, microUsd: 0, unpricedRequests: 1 }]);
  });

  it("charges such a model the provider's highest price where the operator wants that", async () => {
    await open("custom", { quotas: { maxUsdPerMonth: 1 } }, { unknown: "highest" });
    expect((await ask("custom", { model: "unheard-of" })).status).toBe(200);
    expect(await month()).toMatchObject({ used: (12 * 3 + 7 * 15) / 1e6 });
  });

  it("lets what costs nothing pass when it is spent", async () => {
    const free = { provider: "custom", model: "at-home", input: 0, output: 0 };
    await open("custom", { quotas: { maxUsdPerMonth: 0 } }, { rows: [{ provider: "custom", ...rates }, free] });
    const refused = await ask("custom");
    expect(refused.status).toBe(429);
    expect((await ask("custom", { model: "at-home" })).status).toBe(200);
    expect((await ask("custom", { model: "other" })).status).toBe(403);
    expect(await usage()).toMatchObject([{ model: "at-home", microUsd: 0, unpricedRequests: 0 }]);
  });

  it("lets no tool that OpenRouter charges for pass with a model that costs nothing", async () => {
    const free = { provider: "openrouter", model: "some/model:free", input: 0, output: 0 };
    await open("openrouter", { quotas: { maxUsdPerMonth: 0.01 } }, { rows: [free] });
    const statuses: number[] = [];
    for (const charged of [
      { plugins: [{ id: "web" }] },
      { tools: [{ type: "openrouter:image_generation" }] },
      { web_search_options: {} },
    ]) {
      statuses.push((await ask("openrouter", { model: "some/model:free", ...charged })).status);
    }
    expect(statuses).toEqual([400, 200, 200]);
    const sent = upstream.seen.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(sent.filter((body) => body.plugins ?? body.tools ?? body.web_search_options)).toEqual([]);
  });

  it.each([0, 3])("lets OpenRouter read no file for a fee beside a model of USD %d", async (input) => {
    const row = { provider: "openrouter", model: "some/model", input, output: input };
    await open("openrouter", { quotas: { maxUsdPerMonth: input === 0 ? 0.000001 : 1 } }, { rows: [row] });
    const file = { type: "file", file: { filename: "a.pdf", file_data: "https://example.com/a.pdf" } };
    const read = async (engine?: string) => {
      const plugins = engine === undefined ? undefined : [{ id: "file-parser", pdf: { engine } }];
      const messages = [{ role: "user", content: [file] }];
      const { status, text } = await ask("openrouter", { model: "some/model", messages, plugins });
      return status === 200 ? (JSON.parse(upstream.seen.at(-1)!.body) as { plugins: unknown }).plugins : message(text);
    };
    expect(await read()).toEqual([{ id: "file-parser", pdf: { engine: "native" } }]);
    expect(await read("cloudflare-ai")).toEqual([{ id: "file-parser", pdf: { engine: "cloudflare-ai" } }]);
    expect(await read("mistral-ocr")).toMatch(/"file-parser" has a price a page/);
  });

  it("asks OpenRouter for no picture, whose price is not that of its text", async () => {
    const row = { provider: "openrouter", model: "some/model-image", input: 0.3, output: 2.5 };
    await open("openrouter", { quotas: { maxUsdPerMonth: 0.01 } }, { rows: [row] });
    const pictured = await ask("openrouter", { model: "some/model-image", modalities: ["image", "text"] });
    expect([pictured.status, pictured.text]).toEqual([400, expect.stringContaining("price that is not known")]);
    expect(upstream.seen).toEqual([]);
    expect((await ask("openrouter", { model: "some/model-image", modalities: ["text"] })).status).toBe(200);
  });

  it("lets a model of price zero pass when more is spent than a lowered budget", async () => {
    const free = { provider: "anthropic", model: "claude-haiku-4-5", input: 0, output: 0 };
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 } }, { rows: [{ provider: "anthropic", ...rates }, free] });
    expect((await ask("anthropic")).status).toBe(200);
    await stand.changeState({ quotas: { maxUsdPerMonth: 0.000001 } });
    expect((await ask("anthropic")).status).toBe(429);
    expect((await ask("anthropic", { model: "claude-haiku-4-5" })).status).toBe(200);
  });

  it("bounds an answer that is not bounded by what the money left affords", async () => {
    const row = { provider: "openai", ...rates, model: "gpt-4o" };
    await open("openai", { quotas: { maxUsdPerMonth: 0.02 } }, { rows: [row] });
    upstream.behave({ usage: { input: 12, output: 300 } });
    expect((await ask("openai", { model: "gpt-4o", max_tokens: undefined })).status).toBe(200);
    const bound = (JSON.parse(upstream.seen[0]!.body) as { max_completion_tokens: number }).max_completion_tokens;
    expect(bound).toBeGreaterThan(1_024);
    expect(bound).toBeLessThan(20_000 / 15);
    expect(await month()).toMatchObject({ used: (36 + 4_500) / 1e6, reserved: 0 });
  });

  it("says in USD when it is spent, in words that OpenClaw surfaces at once", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 0.005 } });
    upstream.behave({ usage: { input: 12, output: 400 } });
    const spent = await ask("anthropic", { max_tokens: 250 });
    expect(spent.status).toBe(200);
    const refused = await ask("anthropic");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(message(refused.text)).toBe(
      "Monthly spend quota exceeded (usage limit $0.005; resets 2026-12-01T00:00:00Z)",
    );
    expect((await month()).used).toBe((36 + 6_000) / 1e6);
  });

  it("tells what is asked for and what is left", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 0.01, maxUsdPerDay: 0.02 } });
    const refused = await ask("anthropic", { max_tokens: 4_000 });
    expect(refused.status).toBe(429);
    expect(message(refused.text)).toMatch(
      /^Monthly spend quota exceeded: this request asks for up to \$0\.06\d+, \$0\.01 are left \(usage limit \$0\.01; resets 2026-12-01T00:00:00Z\)$/,
    );
    expect(upstream.seen).toEqual([]);
  });

  it("charges an answer that broke off at most what was reserved, and at least what was told", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 } });
    upstream.behave({ cut: "in the middle", usage: { input: 12, output: 7, cacheRead: 1_000 } });
    await ask("anthropic", { stream: true }).catch(() => undefined);
    const { used, reserved } = await month();
    expect(reserved).toBe(0);
    // The input was told, with its cache; the output at most in full.
    expect(used).toBeGreaterThanOrEqual((36 + 300) / 1e6);
    expect(used).toBeLessThanOrEqual((36 + 300 + 1_500) / 1e6);
    const name = aiKeyLedger(stand.keyId).usage;
    const { microUsd } = await stand.context.ledger.creditEstimates(name, 0);
    expect((await month()).used).toBeCloseTo(used - microUsd / 1e6, 9);
  });

  it("charges all that was reserved where no answer came, and nothing where the provider refused", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 } });
    upstream.behave({ status: 429 });
    await ask("anthropic");
    expect(await month()).toMatchObject({ used: 0, reserved: 0 });
    upstream.behave({ status: undefined, cut: "before headers" });
    await ask("anthropic");
    const { used, reserved } = await month();
    expect(reserved).toBe(0);
    expect(used).toBeGreaterThan(100 * 15e-6);
    expect(used).toBeLessThan(100 * 15e-6 + 300 * 3.75e-6);
  });

  it("reserves a cache of an hour at its own price", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 } });
    const block = (ttl?: string) => [
      {
        role: "user",
        content: [{ type: "text", text: "hello", cache_control: { type: "ephemeral", ...(ttl && { ttl }) } }],
      },
    ];
    upstream.behave({ cut: "before headers" });
    await ask("anthropic", { messages: block(), max_tokens: 1 });
    const short = (await month()).used;
    await ask("anthropic", { messages: block("1h"), max_tokens: 1 });
    const long = (await month()).used - short;
    expect(long / short).toBeGreaterThan(1.5);
  });

  it.each([
    ["anthropic", { service_tier: "priority" }],
    ["anthropic", { speed: "fast" }],
    ["anthropic", { inference_geo: "us" }],
    ["openai", { service_tier: "priority" }],
    ["gemini", { serviceTier: "SERVICE_TIER_PRIORITY" }],
    ["gemini", { cachedContent: "cachedContents/x" }],
  ] as const)("%s: refuses %o, whose price is not known, before anything is sent", async (kind, fields) => {
    await open(kind, { quotas: { maxUsdPerMonth: 1 } });
    const refused = await ask(kind, fields);
    expect(refused.status).toBe(400);
    expect(message(refused.text)).toMatch(/^Not possible with a key that has a spend quota: /);
    expect(upstream.seen).toEqual([]);
  });

  it.each([
    ["anthropic", { service_tier: "standard_only" }],
    ["openai", { service_tier: "flex" }],
    ["gemini", { serviceTier: "SERVICE_TIER_STANDARD" }],
    ["gemini", { service_tier: "flex" }],
  ] as const)("%s: takes %o, which costs no more than the list price", async (kind, fields) => {
    await open(kind, { quotas: { maxUsdPerMonth: 1 } });
    expect((await ask(kind, fields)).status).toBe(200);
  });

  const search = { type: "web_search_20250305", name: "web_search" };
  it("takes a search tool with a stated maximum, reserves it in full and charges what was searched", async () => {
    const settings = { proxy: { hostedTools: "allow" } };
    const model = "claude-sonnet-4-5";
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 }, settings });
    const unstated = await ask("anthropic", { model, tools: [search] });
    expect(unstated.status).toBe(400);
    expect(message(unstated.text)).toContain("states no maximum");
    const fetching = { type: "web_fetch_20250910", name: "web_fetch", max_uses: 1 };
    expect((await ask("anthropic", { model, tools: [fetching] })).status).toBe(400);
    expect(upstream.seen).toEqual([]);
    upstream.behave({ usesTools: false, usage: { extra: { server_tool_use: { web_search_requests: 2 } } } });
    expect((await ask("anthropic", { model, tools: [{ ...search, max_uses: 3 }] })).status).toBe(200);
    expect(await month()).toMatchObject({ used: (36 + 105 + 20_000) / 1e6, reserved: 0 });
    expect(await usage()).toMatchObject([{ webSearches: 2, microUsd: 20_141 }]);
    upstream.behave({ cut: "before headers" });
    await ask("anthropic", { model, tools: [{ ...search, max_uses: 3 }] });
    expect((await month()).used).toBeGreaterThan((20_141 + 30_000) / 1e6);
  });

  it("charges an embedding of text the price of text, and one of a picture the picture's", async () => {
    await open("gemini", { quotas: { maxUsdPerMonth: 1 } });
    upstream.behave({ usage: { input: 1_000 } });
    const embed = async (part: object) => {
      const before = (await month()).used;
      const response = await fetch(`${stand.baseUrl}/v1beta/models/gemini-embedding-2:embedContent`, {
        method: "POST",
        headers: { "x-goog-api-key": stand.key },
        body: JSON.stringify({ content: { parts: [part] } }),
      });
      await response.text();
      return (await month()).used - before;
    };
    expect(await embed({ text: "x".repeat(4_000) })).toBeCloseTo((1_000 * 0.2) / 1e6, 9);
    expect(await embed({ inlineData: { mimeType: "image/png", data: "AAAA" } })).toBeCloseTo((1_000 * 12) / 1e6, 9);
  });

  it("charges what a response wrote to a cache at its own price", async () => {
    await open("openai", { quotas: { maxUsdPerMonth: 1 } });
    const details = { input_tokens_details: { cached_tokens: 300, cache_write_tokens: 600 } };
    upstream.behave({ usage: { input: 1_000, output: 7, extra: details } });
    for (const stream of [false, true]) {
      const response = await fetch(`${stand.baseUrl}/responses`, {
        method: "POST",
        headers: { authorization: `Bearer ${stand.key}` },
        body: JSON.stringify({ model: "m", input: "x".repeat(4_000), max_output_tokens: 100, stream }),
      });
      await response.text();
    }
    const each = Math.ceil(100 * 3 + 300 * 0.3 + 600 * 3.75 + 7 * 15);
    expect(await month()).toMatchObject({ used: (2 * each) / 1e6, reserved: 0 });
  });

  it("charges what a response wrote to a cache at an hour's price where that was asked for", async () => {
    await open("custom", { quotas: { maxUsdPerMonth: 1 } });
    upstream.behave({ usage: { input: 100, output: 7, extra: { input_tokens_details: { cache_write_tokens: 40 } } } });
    const content = [{ type: "input_text", text: "hello", cache_control: { type: "ephemeral", ttl: "1h" } }];
    const response = await fetch(`${stand.baseUrl}/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model: "m", input: [{ role: "user", content }], max_output_tokens: 100 }),
    });
    expect(response.status).toBe(200);
    await response.text();
    expect(await month()).toMatchObject({ used: (60 * 3 + 40 * 6 + 7 * 15) / 1e6 });
  });

  it("charges a request whose body was slow to come at the price that holds when it is there", async () => {
    let now = day;
    await open("anthropic", { quotas: { maxUsdPerMonth: 1 }, now: () => now });
    await ask("anthropic");
    const before = (await month()).used;
    const { promise: priced, resolve } = Promise.withResolvers<void>();
    const text = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hello" }], max_tokens: 100 });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from(text.slice(0, 9)));
        await priced;
        controller.enqueue(Buffer.from(text.slice(9)));
        controller.close();
      },
    });
    const slow = fetch(`${stand.baseUrl}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": stand.key },
      body,
      duplex: "half",
    } as RequestInit);
    await new Promise((wait) => setTimeout(wait, 100));
    const row = { provider: "anthropic", model: "m", input: 30, output: 150 };
    await stand.context.ledger.put(statedPrices, JSON.stringify([row]));
    now += 2_000;
    resolve();
    await (await slow).text();
    expect((await month()).used - before).toBeCloseTo((12 * 30 + 7 * 150) / 1e6, 9);
  });

  it("charges a request that only fills the cache what it told, without an answer", async () => {
    await open("openai", { quotas: { maxUsdPerMonth: 1 } });
    const details = { input_tokens_details: { cached_tokens: 0, cache_write_tokens: 1_000 } };
    upstream.behave({ usage: { input: 1_000, output: 0, extra: details } });
    const response = await fetch(`${stand.baseUrl}/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model: "m", input: "x".repeat(4_000), prompt_cache_options: { prewarm: true } }),
    });
    await response.text();
    expect(await month()).toMatchObject({ used: 0.00375, reserved: 0 });
  });

  it("settles OpenRouter by its own charge, which it may not pass", async () => {
    await open("openrouter", { quotas: { maxUsdPerMonth: 1 } });
    upstream.behave({ usage: { extra: { cost: 0.0001234, is_byok: false } } });
    const preferences = { sort: "price", max_price: { prompt: 1, completion: 99 } };
    expect((await ask("openrouter", { provider: preferences })).status).toBe(200);
    expect(JSON.parse(upstream.seen[0]!.body)).toMatchObject({
      provider: { sort: "price", max_price: { prompt: 1, completion: 15, request: 0 } },
    });
    expect(await month()).toMatchObject({ used: 0.000124, reserved: 0 });
  });

  it("follows the stricter of an agent's own limit and its AI provider's default", async () => {
    await open("anthropic", { quotas: { maxUsdPerMonth: 5 }, defaultQuotas: { maxUsdPerMonth: 0.000001 } });
    const refused = await ask("anthropic");
    expect(message(refused.text)).toContain("$0.000001 are left");
  });
});
