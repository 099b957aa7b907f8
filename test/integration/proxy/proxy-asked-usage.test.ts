import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { createUsageAsking } from "../../../src/proxy/usage-asking.ts";
import { type ProxyStand, proxyStand, type StandOptions, type Transport } from "../../proxy-stand.ts";

/** Services that are not quite OpenAI: how they are asked for the usage of a stream, and how they tell it. */

type Answer = (body: Record<string, unknown>, response: ServerResponse) => void;
let answer: Answer;
let asked: Record<string, unknown>[] = [];
let origin: string;
const server = createServer((request: IncomingMessage, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
    asked.push(body);
    answer(body, response);
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const usage = { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 };
const delta = { choices: [{ index: 0, delta: { content: "hi" }, finish_reason: null }] };
const last = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
const told = [delta, last, { choices: [], usage }];

function events(response: ServerResponse, chunks: unknown[], done = true): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end(done ? "data: [DONE]\n\n" : "");
}
function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** As Mistral says it. */
const refusal = {
  object: "error",
  message: { detail: [{ type: "extra_forbidden", loc: ["body", "stream_options"] }] },
};
const mistral: Answer = (body, response) => {
  if ("stream_options" in body) json(response, 422, refusal);
  else events(response, [delta, { ...last, usage }, { choices: [], usage }]);
};

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let stand: ProxyStand;
  beforeEach(() => {
    asked = [];
    return () => stand.close();
  });
  const open = async (kind: ProviderKind, options: Partial<StandOptions> = {}) => {
    stand = await proxyStand({ kind, upstream: origin, quotas: { maxTokensPerMonth: 1_000_000 }, ...options });
  };
  async function ask(change: Record<string, unknown> = {}) {
    const body = { model: "m", max_tokens: 9, stream: true, messages: [{ role: "user", content: "hi" }], ...change };
    const path = stand.provider.kind === "openrouter" ? "/api/v1/chat/completions" : "/v1/chat/completions";
    const response = await stand.fetchBy(transport)(`/proxy/${stand.provider.provider}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  const used = async () => (await stand.quota("maxTokensPerMonth")).used;

  it("asks a service that refuses stream_options once more without, and no more with", async () => {
    await open("custom");
    answer = mistral;
    const first = await ask();
    expect(first.status).toBe(200);
    // It was not asked for: the service always says so.
    expect(first.text).toContain('{"choices":[],"usage"');
    expect(asked.map((body) => "stream_options" in body)).toEqual([true, false]);
    expect(await used()).toBe(23);
    expect((await ask()).status).toBe(200);
    expect(asked).toHaveLength(3);
    expect(await used()).toBe(46);
    expect((await stand.quota("maxRequestsPerDay")).used).toBe(2);
  });

  it("hands on what a service refuses for another reason, and what the client asked for itself", async () => {
    await open("custom");
    answer = (_, response) => json(response, 422, { error: { message: "messages: too many" } });
    expect(await ask()).toMatchObject({ status: 422, text: expect.stringContaining("too many") });
    expect(asked).toHaveLength(1);
    answer = mistral;
    expect((await ask({ stream_options: { include_usage: true } })).status).toBe(422);
    expect(asked).toHaveLength(2);
    expect(await used()).toBe(0);
  });

  it("hands on the second refusal where both are refused", async () => {
    await open("custom");
    answer = (body, response) =>
      json(response, 400, { error: { message: "stream_options" in body ? "stream_options" : "no such model" } });
    expect(await ask()).toMatchObject({ status: 400, text: expect.stringContaining("no such model") });
    expect(await used()).toBe(0);
  });

  it("goes on asking for the other models of a gateway of which one refuses to be asked", async () => {
    await open("litellm");
    // As LiteLLM says it of a model that lacks the parameter.
    answer = (body, response) =>
      body.model === "refuses" && "stream_options" in body
        ? json(response, 400, { error: { message: "refuses does not support parameters: ['stream_options']" } })
        : events(response, "stream_options" in body || body.model === "refuses" ? told : [delta, last]);
    expect((await ask({ model: "refuses" })).status).toBe(200);
    const before = await used();
    asked = [];
    expect((await ask({ model: "m", max_tokens: 5_000 })).status).toBe(200);
    expect(asked).toEqual([expect.objectContaining({ stream_options: { include_usage: true } })]);
    expect(await used()).toBe(before + 23);
    asked = [];
    expect((await ask({ model: "refuses" })).status).toBe(200);
    expect(asked).toHaveLength(1);
  });

  it("goes on asking a service that refused one client's own stream_options", async () => {
    await open("custom");
    // As OpenAI says it of a field that it does not know.
    answer = (body, response) =>
      "bogus" in ((body.stream_options as object | undefined) ?? {})
        ? json(response, 400, { error: { message: "Unknown parameter: 'stream_options.bogus'." } })
        : events(response, "stream_options" in body ? [delta, last, { choices: [], usage }] : [delta, last]);
    expect(await ask({ stream_options: { bogus: 1 } })).toMatchObject({ status: 400 });
    expect(await used()).toBe(0);
    asked = [];
    expect((await ask({ max_tokens: 5_000 })).status).toBe(200);
    expect(asked).toEqual([expect.objectContaining({ stream_options: { include_usage: true } })]);
    expect(await used()).toBe(23);
  });

  it("goes on asking a service whose refusal repeats a client's words, or those of an address that it fetched", async () => {
    await open("openai");
    let fetches = 0;
    answer = (body, response) =>
      JSON.stringify(body.messages).includes("image_url") && fetches++ === 0
        ? json(response, 400, { error: { message: "404 from https://pictures.example/stream_options.png" } })
        : events(response, "stream_options" in body ? told : [delta, last]);
    const picture = { type: "image_url", image_url: { url: "https://pictures.example/1.png" } };
    const first = await ask({ messages: [{ role: "user", content: [picture] }] });
    expect([first.status, fetches]).toEqual([200, 2]);
    const before = await used();
    asked = [];
    expect((await ask({ max_tokens: 5_000 })).status).toBe(200);
    expect(asked).toEqual([expect.objectContaining({ stream_options: { include_usage: true } })]);
    expect(await used()).toBe(before + 23);
  });

  it("neither asks OpenRouter for the usage nor keeps it from the client", async () => {
    await open("openrouter");
    answer = (_, response) => events(response, [delta, last, { choices: [], usage }]);
    expect((await ask()).text).toContain('"usage"');
    expect(asked).toEqual([expect.not.objectContaining({ stream_options: expect.anything() })]);
    expect(await used()).toBe(23);
  });

  it("neither asks a service that the operator says tells it unasked, nor OpenRouter by another name", async () => {
    await open("custom", { settings: { proxy: { tellsUsage: ["custom"] } } });
    answer = (_, response) => events(response, [delta, last, { choices: [], usage }]);
    expect((await ask()).text).toContain('{"choices":[],"usage"');
    expect(asked).toEqual([expect.not.objectContaining({ stream_options: expect.anything() })]);
    expect(await used()).toBe(23);
    const asking = createUsageAsking([]);
    for (const [baseUrl, tells] of [
      ["https://openrouter.ai/api/v1", true],
      ["https://eu.openrouter.ai/api/v1", true],
      ["https://notopenrouter.ai/api/v1", false],
      [undefined, false],
    ] as const) {
      expect(asking.isNeedless({ id: "p", provider: "router", ...(baseUrl && { baseUrl }) }, "m")).toBe(tells);
    }
  });

  it("keeps the chunk for a client that asked for it in OpenRouter's way", async () => {
    await open("custom");
    answer = (_, response) => events(response, [delta, last, { choices: [], usage }]);
    expect((await ask({ usage: { include: true } })).text).toContain('{"choices":[],"usage"');
    expect(asked).toEqual([expect.objectContaining({ stream_options: { include_usage: true } })]);
    expect((await ask({ usage: { include: false } })).text).not.toContain('{"choices":[],"usage"');
    expect(await used()).toBe(46);
  });

  const unfinished: [string, unknown[], boolean][] = [
    ["after a report of its own", [delta, last, { choices: [], usage }], true],
    [
      "after a report with the last piece",
      [
        { ...delta, usage: { ...usage, completion_tokens: 1, total_tokens: 21 } },
        { ...last, usage },
      ],
      true,
    ],
    ["after a report with a piece that is not the last", [{ ...delta, usage }], false],
    ["after pieces that follow a report", [{ choices: [], usage }, delta], false],
  ];
  it.each(unfinished)("takes a stream without [DONE] %s for whole or not: %j", async (_, chunks, whole) => {
    await open("custom");
    answer = (_, response) => events(response, chunks, false);
    await ask();
    const tokens = await used();
    if (whole) expect(tokens).toBe(23);
    else expect(tokens).toBeGreaterThan(23);
  });

  it("drops the chunk that was asked for and no other", async () => {
    await open("custom");
    answer = (_, response) => events(response, [delta, { ...last, usage }, { choices: [], usage }]);
    const { text } = await ask();
    expect(text).not.toContain('"choices":[]');
    expect(text).toContain('"finish_reason":"stop"}],"usage"');
    expect(await used()).toBe(23);
  });

  it("takes -1 for no bound", async () => {
    await open("custom");
    answer = (_, response) => json(response, 200, { choices: [{ message: { content: "hi" } }], usage });
    await ask({ stream: false, max_tokens: -1 });
    await ask({ stream: false, max_tokens: undefined, max_completion_tokens: -1 });
    await ask({ stream: false, max_tokens: -1, max_completion_tokens: 70 });
    const bounds = asked.map(({ max_tokens, max_completion_tokens }) => [max_tokens, max_completion_tokens]);
    expect(bounds).toEqual([
      [32_768, undefined],
      [32_768, undefined],
      [70, undefined],
    ]);
    expect(await used()).toBe(69);
  });

  const keyFaults: [ProviderKind, number, unknown][] = [
    ["openai", 401, { error: { message: "Incorrect API key provided: sk-master", code: "invalid_api_key" } }],
    ["custom", 402, { error: { message: "pay first" } }],
  ];
  it.each(keyFaults)(
    "%s: says whose key is refused with %i, to the client and to the operator",
    async (kind, status, body) => {
      let now = Date.UTC(2026, 10, 22);
      await open(kind, { now: () => now });
      answer = (_, response) => json(response, status, body);
      const refused = await ask({ max_tokens: 9 });
      expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([502, "false"]);
      expect(JSON.parse(refused.text)).toMatchObject({
        error: { message: expect.stringContaining("the operator's key") },
      });
      expect(refused.text).not.toContain("Incorrect");
      await ask();
      const lines = () =>
        stand.logs.filter(({ level, message }) => level === "error" && message.includes("operator's key"));
      expect(lines()).toMatchObject([{ fields: { status, remedy: expect.stringContaining(stand.provider.id) } }]);
      now += 60_000;
      await ask();
      expect(lines()).toHaveLength(2);
      expect(stand.context.metrics.render()).toContain(
        `openclaw_proxy_master_key_refusals_total{provider="${kind}"} 3`,
      );
      expect(await used()).toBe(0);
    },
  );

  it("counts what Anthropic's compaction and advice cost", async () => {
    await open("anthropic", { quotas: { maxRequestsPerDay: 9 } });
    const iterations = [
      { type: "compaction", input_tokens: 1_000, output_tokens: 40 },
      { type: "message", input_tokens: 20, output_tokens: 3 },
      { type: "compaction", input_tokens: 500, output_tokens: 10, cache_read_input_tokens: 7 },
      { type: "advisor_message", model: "claude-opus-4-8", input_tokens: 823, output_tokens: 1_612 },
    ];
    answer = (_, response) =>
      json(response, 200, { type: "message", content: [], usage: { input_tokens: 20, output_tokens: 3, iterations } });
    const response = await stand.fetchBy(transport)("/proxy/anthropic/v1/messages", {
      method: "POST",
      headers: { "x-api-key": stand.key },
      body: JSON.stringify({ model: "claude-opus-4-6", max_tokens: 9, messages: [] }),
    });
    expect(response.status).toBe(200);
    await response.text();
    expect(await used()).toBe(20 + 3 + 1_000 + 40 + 500 + 10 + 7 + 823 + 1_612);
  });
});
