import { describe, expect, it } from "vitest";
import type { Quotas } from "../../../src/schema/quota.ts";
import {
  base64,
  gif,
  gifFrame,
  jpeg,
  jpegSegment,
  png as samplePng,
  webp,
  webpCanvas,
  webpLossy,
} from "../../sample-images.ts";
import { endpoints, messages, requestSender, type Sent } from "./request-sender.ts";

/** A request's possible cost must be reserved before it is sent. These are the ways in which it could cost more. */

const mediaReferenceTokens = 5_000;
const userSays = (...content: unknown[]) => [{ role: "user", content }];

const proxy = requestSender();
const send = (
  name: string,
  change: Record<string, unknown> = {},
  quotas: Quotas = { maxTokensPerMonth: 10_000_000 },
): Promise<Sent> =>
  proxy.send(name, change, { quotas, settings: { proxy: { mediaReferenceTokens, hostedTools: "refuse" } } });

const slack = 128;
const outputOf = (name: string): number => (name.endsWith("embeddings") ? 0 : 100);

describe.each(Object.keys(endpoints))("%s", (name) => {
  it("reserves the body's bytes and the bound of the output, and at most 128 tokens more", async () => {
    const text = "ü🚀".repeat(300);
    const change = { anthropic: { metadata: { user_id: text } }, gemini: { labels: { a: text } } }[name];
    const { bytes, reserved, untouched } = await send(name, change ?? { user: text });
    expect(reserved).toBeGreaterThanOrEqual(bytes + outputOf(name));
    expect(reserved).toBeLessThanOrEqual(bytes + outputOf(name) + slack);
    expect(untouched).toBe(true);
  });
});

describe.each(["anthropic", "custom", "custom embeddings"])("of %s: what a tokenizer normalizes", (name) => {
  const longer = "\ufdfa";
  it.each([
    ["written out", (json: string) => json],
    ["escaped", (json: string) => json.replaceAll(longer, "\\ufdfa")],
    ["in a body of some size", (json: string) => json.replace(longer, `${"x".repeat(70_000)}${longer}`)],
  ])("counts by what it becomes, %s", async (_, write) => {
    const { path, kind, base } = endpoints[name]!;
    const stand = await proxy.open(kind, { quotas: { maxTokensPerMonth: 10_000_000 } });
    const text = longer.repeat(1_000);
    const body = write(
      JSON.stringify({
        ...base,
        ...(base.input === undefined ? { messages: userSays({ type: "text", text }) } : { input: text }),
      }),
    );
    const headers = { authorization: `Bearer ${stand.key}` };
    await (await fetch(stand.origin + path, { method: "POST", headers, body })).text();
    const { used } = await stand.quota("maxTokensPerMonth");
    // 18 characters in 33 bytes, of which a tokenizer may make 13 tokens.
    expect(used).toBeGreaterThan(33_000);
    expect(used).toBeLessThan(33_000 + body.length + outputOf(name) + slack);
  });
});

it.each([
  ["in two orders", "\u0301\u0316"],
  ["that NFKC makes", "\uff9e\u0334"],
  ["beyond 16 bits", "\u{1d165}\u0334"],
])("marks in a row %s hold up nobody, and count at least their bytes", async (_, marks) => {
  const text = `a${marks.repeat(32_768)}`;
  const begun = performance.now();
  const { status, bytes, reserved } = await send("custom", { messages: userSays({ type: "text", text }) });
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(status).toBe(200);
  expect(reserved).toBeGreaterThan(bytes);
  expect(reserved).toBeLessThan(bytes * 1.1);
});

it("Claude's thoughts between its calls are held by their budget, where that is not below max_tokens", async () => {
  for (const [budget, more] of [
    [90, 0],
    [100, 100],
    [60_000, 60_000],
  ] as const) {
    const { bytes, reserved } = await send("anthropic", { thinking: { type: "enabled", budget_tokens: budget } });
    expect(reserved).toBeGreaterThanOrEqual(bytes + 100 + more);
    expect(reserved).toBeLessThanOrEqual(bytes + 100 + more + slack);
  }
});

describe("an output that the request does not bound", () => {
  const unbound: [string, Record<string, unknown>, (sent: Record<string, unknown>) => unknown][] = [
    ["anthropic", { max_tokens: null }, (sent) => sent.max_tokens],
    ["chat", { max_completion_tokens: undefined }, (sent) => sent.max_completion_tokens],
    ["chat", { max_completion_tokens: null }, (sent) => sent.max_completion_tokens],
    ["responses", { max_output_tokens: undefined }, (sent) => sent.max_output_tokens],
    ["openrouter", { max_tokens: undefined }, (sent) => sent.max_tokens],
    ["custom", { max_tokens: undefined }, (sent) => sent.max_tokens],
    [
      "gemini",
      { generationConfig: undefined },
      (sent) => (sent.generationConfig as { maxOutputTokens: number }).maxOutputTokens,
    ],
    [
      "gemini",
      { generationConfig: undefined, generation_config: { temperature: 1, max_output_tokens: null } },
      (sent) => (sent.generation_config as Record<string, number>).max_output_tokens,
    ],
  ];

  const most: Record<string, number> = { anthropic: 64_000, chat: 128_000, responses: 128_000, gemini: 65_535 };

  it.each(unbound)("of %s is bounded at what the model can, or at what is left", async (name, change, capOf) => {
    const wide = await send(name, change);
    const bound = most[name] ?? 32_768;
    expect(capOf(wide.sent!)).toBe(bound);
    expect(wide.reserved).toBeGreaterThanOrEqual(wide.bytes + bound);
    expect(wide.reserved).toBeLessThanOrEqual(wide.bytes + bound + slack);
    const narrow = await send(name, change, { maxTokensPerMonth: 6_000, maxTokensPerDay: 5_000 });
    expect(narrow.status).toBe(200);
    expect(narrow.reserved).toBeLessThanOrEqual(5_000);
    expect(capOf(narrow.sent!)).toBeGreaterThan(5_000 - narrow.bytes - slack);
    expect(capOf(narrow.sent!)).toBeLessThanOrEqual(5_000 - narrow.bytes);
  });

  it.each(unbound)("of %s is refused rather than cut off before it is of use", async (name, change) => {
    // Claude says when it thinks; the others may, out of sight.
    const least = name === "anthropic" ? 1_024 : 4_096;
    const { status } = await send(name, change, { maxTokensPerMonth: least });
    expect(status).toBe(429);
    expect((await send(name, change, { maxTokensPerMonth: least + 400 })).status).toBe(200);
  });

  const thoughts: typeof unbound = [
    [
      "anthropic",
      { max_tokens: null, thinking: { type: "enabled", budget_tokens: 60_000 } },
      (sent) => sent.max_tokens,
    ],
    ["openrouter", { max_tokens: undefined, reasoning: { max_tokens: 60_000 } }, (sent) => sent.max_tokens],
    ["custom", { max_tokens: undefined, thinking_budget: 60_000 }, (sent) => sent.max_tokens],
    [
      "gemini",
      { generationConfig: { thinkingConfig: { thinkingBudget: 60_000 } } },
      (sent) => (sent.generationConfig as { maxOutputTokens: number }).maxOutputTokens,
    ],
  ];
  it.each(thoughts)("of %s leaves room beside its thoughts", async (name, change, capOf) => {
    const { sent } = await send(name, change);
    expect(capOf(sent!)).toBe(68_192);
    expect((await send(name, change, { maxTokensPerMonth: 60_500 })).status).toBe(429);
  });

  it("is no more than the operator's own bound, and the least of several models'", async () => {
    const { kind, path, base } = endpoints.openrouter!;
    const body = JSON.stringify({
      ...base,
      model: "openai/gpt-5",
      models: ["anthropic/claude-3-haiku"],
      max_tokens: undefined,
    });
    const quotas = { maxTokensPerMonth: 1_000_000 };
    for (const [proxySettings, bound] of [
      [{}, 4_096],
      [{ defaultMaxOutputTokens: 700 }, 700],
    ] as const) {
      const stand = await proxy.open(kind, { quotas, settings: { proxy: proxySettings } });
      const init = { method: "POST", headers: { authorization: `Bearer ${stand.key}` }, body };
      expect((await fetch(stand.origin + path, init)).status).toBe(200);
      expect(JSON.parse(proxy.upstream.seen.at(-1)!.body)).toMatchObject({ max_tokens: bound });
    }
  });

  it("is left as it is where no token quota is set", async () => {
    const { untouched } = await send("chat", { max_completion_tokens: undefined }, { maxRequestsPerDay: 10 });
    expect(untouched).toBe(true);
  });

  it("keeps what the client wrote around the field that is put in", async () => {
    const { sent } = await send("chat", { max_completion_tokens: undefined, seed: 7, temperature: 0.1 });
    expect(sent).toEqual({ model: "gpt-5", messages, seed: 7, temperature: 0.1, max_completion_tokens: 128_000 });
  });
});

describe("several answers", () => {
  const several: [string, Record<string, unknown>, number][] = [
    ["chat", { n: 5 }, 5],
    ["custom", { n: 2, best_of: 7 }, 7],
    ["gemini", { generationConfig: { maxOutputTokens: 100, candidateCount: 4 } }, 4],
    ["gemini", { generationConfig: undefined, generation_config: { max_output_tokens: 100, candidate_count: 3 } }, 3],
  ];
  it.each(several)("of %s with %j are each reserved", async (name, change, answers) => {
    const { reserved, bytes } = await send(name, change);
    expect(reserved).toBeGreaterThanOrEqual(bytes + 100 * answers);
    expect(reserved).toBeLessThanOrEqual(bytes + 100 * answers + slack);
  });

  it("without a bound share what is left", async () => {
    const change = { max_completion_tokens: undefined, n: 4 };
    const { sent, reserved } = await send("chat", change, { maxTokensPerMonth: 20_000 });
    expect(reserved).toBeLessThanOrEqual(20_000);
    expect(sent?.max_completion_tokens).toBeLessThanOrEqual(5_000);
  });
});

describe("the two names of a chat's bound", () => {
  it("count by the larger one where both are set, and go on as they are", async () => {
    const { reserved, bytes, untouched } = await send("custom", { max_tokens: 10, max_completion_tokens: 5_000 });
    expect(reserved).toBeGreaterThanOrEqual(bytes + 5_000);
    expect(untouched).toBe(true);
  });

  const newer = { max_completion_tokens: 70, seed: 7 };
  it.each([
    ["custom", { max_tokens: undefined, ...newer }],
    ["custom", { max_tokens: null, ...newer }],
    ["openrouter", { max_tokens: undefined, ...newer }],
  ])("of %s: the one that every server knows stands in for the newer one in %j", async (name, change) => {
    const { sent, reserved, bytes } = await send(name, change);
    // Not both: there are services that refuse that.
    expect(sent).toEqual({ model: endpoints[name]!.base.model, messages, max_tokens: 70, seed: 7 });
    expect(reserved).toBeLessThanOrEqual(bytes + 70 + slack);
  });

  it("are left alone where no token quota is set", async () => {
    const change = { max_tokens: undefined, ...newer };
    expect((await send("custom", change, { maxRequestsPerDay: 10 })).untouched).toBe(true);
  });

  it("are left alone with OpenAI, which obeys the one or refuses it", async () => {
    const { untouched } = await send("chat", { max_completion_tokens: undefined, max_tokens: 70 });
    expect(untouched).toBe(true);
    expect((await send("chat", newer)).untouched).toBe(true);
  });
});

describe("media that the request names", () => {
  const url = "https://example.com/x";
  const named: [string, Record<string, unknown>, number][] = [
    ["anthropic", { messages: userSays({ type: "image", source: { type: "url", url } }) }, 1],
    ["anthropic", { messages: userSays({ type: "document", source: { type: "file", file_id: "file_1" } }) }, 1],
    ["anthropic", { messages: userSays({ type: "container_upload", file_id: "file_1" }) }, 1],
    [
      "anthropic",
      {
        messages: userSays({
          type: "tool_result",
          tool_use_id: "t",
          content: [{ type: "image", source: { type: "url", url } }],
        }),
      },
      1,
    ],
    [
      "chat",
      { messages: userSays({ type: "image_url", image_url: { url } }, { type: "image_url", image_url: { url } }) },
      2,
    ],
    ["chat", { messages: userSays({ type: "file", file: { file_id: "file-1" } }) }, 1],
    ["chat", { messages: [{ role: "assistant", audio: { id: "audio_1" } }, ...messages] }, 1],
    ["openrouter", { messages: userSays({ type: "file", file: { filename: "a.pdf", file_data: url } }) }, 1],
    ["custom", { messages: userSays({ type: "video_url", video_url: { url } }) }, 1],
    ["custom embeddings", { messages: userSays({ type: "image_url", image_url: { url } }) }, 1],
    [
      "responses",
      { input: userSays({ type: "input_image", image_url: url }, { type: "input_file", file_id: "f" }) },
      2,
    ],
    ["responses", { input: userSays({ type: "input_file", file_url: url }) }, 1],
    ["gemini", { contents: [{ parts: [{ fileData: { fileUri: url } }, { file_data: { file_uri: url } }] }] }, 2],
  ];
  const dearestImage: Record<string, number> = {
    anthropic: 4_784,
    chat: 36_000,
    openrouter: 36_000,
    custom: 36_000,
    "custom embeddings": 36_000,
    responses: 36_000,
    gemini: 6_192,
  };
  it.each(named)(
    "by %s %j cost the configured bound each, an image at least its dearest",
    async (name, change, count) => {
      const { reserved, bytes } = await send(name, change);
      const each = Math.max(mediaReferenceTokens, dearestImage[name]!);
      const bound = bytes + outputOf(name) + count * each;
      expect(reserved).toBeGreaterThanOrEqual(bound);
      expect(reserved).toBeLessThanOrEqual(bound + slack);
    },
  );
});

it("reasoning that the provider looks up by its id costs the configured bound", async () => {
  const { reserved, bytes } = await send("responses", {
    input: [{ type: "reasoning", id: "rs_1", summary: [] }, ...messages],
  });
  expect(reserved).toBeGreaterThanOrEqual(bytes + 100 + mediaReferenceTokens);
  expect(reserved).toBeLessThanOrEqual(bytes + 100 + mediaReferenceTokens + slack);
});

describe("media that the request carries", () => {
  const png = (width: number, height: number, bytes = 0): string =>
    base64([...samplePng(width, height), ...new Array<number>(bytes).fill(0)]);
  const carried = (data: string, mediaType = "image/png"): [string, Record<string, unknown>][] => [
    ["anthropic", { messages: userSays({ type: "image", source: { type: "base64", media_type: mediaType, data } }) }],
    ["chat", { messages: userSays({ type: "image_url", image_url: { url: `data:${mediaType};base64,${data}` } }) }],
    ["gemini", { contents: [{ parts: [{ inlineData: { mimeType: mediaType, data } }] }] }],
  ];

  it.each([
    ["in base64 for URLs", (data: string) => data.replaceAll("+", "-").replaceAll("/", "_")],
    ["in base64 in lines", (data: string) => data.replaceAll(/.{4}/g, "$&\r\n")],
    ["in base64 after much space", (data: string) => " ".repeat(300) + data],
    ["without padding", (data: string) => data.replaceAll("=", "")],
  ])("an image %s counts by its pixels all the same", async (_, written) => {
    // Its size is written with both characters in which the two alphabets differ.
    const large = png(64_511, 64_767);
    expect(large.slice(0, 40)).toMatch(/\+.*\/|\/.*\+/);
    for (const [name, change] of carried(written(large))) {
      const { reserved } = await send(name, change);
      expect(reserved).toBeGreaterThan(mediaReferenceTokens);
    }
    // Nor for more than its pixels.
    const [[name, change]] = carried(written(png(100, 100))) as [[string, Record<string, unknown>]];
    const { reserved, bytes } = await send(name, change);
    expect(reserved).toBeLessThanOrEqual(bytes + 100 + slack);
  });

  it.each([
    ...carried(Buffer.from("\0\0\0\x18ftypheic\0\0\0\0").toString("base64"), "image/heic"),
    ...carried(png(10, 10).slice(0, 20)),
    ...carried(`!${png(10, 10)}`),
  ])("by %s %j: an image whose size cannot be read counts as one that is named", async (name, change) => {
    const { reserved } = await send(name, change);
    expect(reserved).toBeGreaterThan(mediaReferenceTokens);
  });

  const exif = jpegSegment(0xe1, [...Buffer.from("Exif\0\0"), ...jpeg(160, 120)]);
  it.each([
    ...carried(base64(jpeg(8_000, 8_000, 9)), "image/jpeg"),
    ...carried(base64(jpeg(8_000, 8_000, 2, exif)), "image/jpeg"),
    ...carried(base64(jpeg(8_000, 8_000, 3)), "image/png"),
    ...carried(base64(gif(1, 1, [gifFrame(0, 0, 8_000, 8_000)])), "image/gif"),
    ...carried(base64(webp(webpCanvas(1, 1), webpLossy(8_000, 8_000))), "image/webp"),
  ])("by %s %j: an image of few bytes counts by its pixels", async (name, change) => {
    const { reserved } = await send(name, change);
    expect(reserved).toBeGreaterThan(4_784);
  });

  const data = png(10, 10, 60_000);
  const small = `data:image/png;base64,${data}`;
  it.each<[string, Record<string, unknown>]>([
    ["custom", { messages: userSays({ type: "image_url", image_url: { url: small, format: "audio/mp3" } }) }],
    ["gemini", { contents: [{ parts: [{ inlineData: { mimeType: "image/png", mime_type: "audio/mp3", data } }] }] }],
  ])("by %s: a picture that is said to be a sound too counts as one", async (name, change) => {
    const { reserved } = await send(name, change);
    expect(reserved).toBeGreaterThan(60_000);
  });

  it("a thin image counts by Gemini's tiles, which are as many as it is thin", async () => {
    const [name, change] = carried(base64(jpeg(8_000, 300)), "image/jpeg")[2]!;
    const { reserved, bytes } = await send(name, change);
    // Tiles of 200 x 200 pixels: 40 in two rows.
    expect(reserved).toBeGreaterThan(80 * 258);
    expect(reserved).toBeLessThanOrEqual(bytes + 80 * 258 + 100 + slack);
  });

  it.each(carried(png(4_000, 4_000)))(
    "by %s: a large blank image counts by its pixels, not by its few bytes",
    async (name, change) => {
      const { reserved } = await send(name, change);
      expect(reserved).toBeGreaterThan(4_000);
    },
  );

  it.each(carried(png(1_920, 1_080, 900_000)))(
    "by %s: an image of a megabyte does not use up a month",
    async (name, change) => {
      const { reserved, bytes } = await send(name, change);
      expect(bytes).toBeGreaterThan(1_000_000);
      expect(reserved).toBeLessThan(mediaReferenceTokens);
    },
  );

  it.each(carried("JVBERi0xLjc=", "application/pdf"))(
    "by %s: a packed document counts at least as one that is named",
    async (name, change) => {
      const { reserved } = await send(name, change);
      expect(reserved).toBeGreaterThan(mediaReferenceTokens);
    },
  );

  it("in a tool's arguments is text, in full", async () => {
    const data = png(10, 10, 30_000);
    const input = { source: { type: "base64", media_type: "image/png", data } };
    const { reserved, bytes } = await send("anthropic", {
      messages: [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "x", input }] }, ...messages],
    });
    expect(bytes).toBeGreaterThan(40_000);
    expect(reserved).toBeGreaterThanOrEqual(bytes + 100);
  });

  it("as a sound counts at least as one that is named", async () => {
    const { reserved } = await send("chat", {
      messages: userSays({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }),
    });
    expect(reserved).toBeGreaterThan(mediaReferenceTokens);
  });
});

it("counts the definitions of tools that the client runs but the body does not hold", async () => {
  const tools = [
    { type: "bash_20250124", name: "bash" },
    { name: "own", input_schema: { type: "object" } },
  ];
  const { reserved, bytes } = await send("anthropic", { tools });
  expect(reserved).toBeGreaterThan(bytes + 100 + 1_000);
});

describe("the text that tells Claude how to use tools is reserved", () => {
  const tool = { name: "own", description: "x", input_schema: { type: "object" } };
  const hidden: [string, Record<string, unknown>][] = [
    ["anthropic", { tools: [tool] }],
    ["anthropic", { output_format: { type: "json_schema", schema: { type: "object" } } }],
    ["openrouter", { model: "anthropic/claude-sonnet-4.5", tools: [{ type: "function", function: { name: "own" } }] }],
    ["custom", { model: "claude-sonnet-4-5", tools: [{ type: "function", function: { name: "own" } }] }],
  ];
  it.each(hidden)("%s %j", async (name, change) => {
    const { reserved, bytes } = await send(name, change);
    // 530 where documented, for the oldest model.
    expect(reserved).toBeGreaterThanOrEqual(bytes + 100 + 530);
  });

  it("and nothing where there is none", async () => {
    const { reserved, bytes } = await send("anthropic", { tools: [] });
    expect(reserved).toBeLessThanOrEqual(bytes + 100 + slack);
  });
});

it("reserves what a small image costs where its model asks more than the setting", async () => {
  const url = "https://example.com/x.png";
  const { reserved } = await send("chat", {
    model: "gpt-4o-mini",
    messages: userSays({ type: "image_url", image_url: { url } }),
  });
  expect(reserved).toBeGreaterThan(48_169);
});

it("takes a file for a document, whatever media type it claims", async () => {
  const file_data = `data:image/png;base64,${Buffer.alloc(60_000).toString("base64")}`;
  const { reserved, bytes } = await send("chat", {
    messages: userSays({ type: "file", file: { filename: "a.pdf", file_data } }),
  });
  expect(reserved).toBeGreaterThanOrEqual(bytes + 100);
});

it("refuses a body nested so deeply that it could not be written again, and holds nothing for it", async () => {
  const { kind, path } = endpoints.gemini!;
  const stand = await proxy.open(kind, { quotas: { maxTokensPerMonth: 60_000 } });
  const response = await fetch(stand.origin + path, {
    method: "POST",
    headers: { "x-goog-api-key": stand.key },
    body: `{"contents":[],"generationConfig":{"x":${"[".repeat(8_000)}${"]".repeat(8_000)}}}`,
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("nested deeper than 512 levels");
  expect(await stand.quota("maxTokensPerMonth", 60_000)).toMatchObject({ used: 0, reserved: 0 });
});

describe("what no bound holds for is refused where a token quota is set", () => {
  const unbounded: [string, Record<string, unknown>][] = [
    ["anthropic", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
    ["anthropic", { tools: [{ type: "code_execution_20250825", name: "code_execution" }] }],
    ["anthropic", { mcp_servers: [{ type: "url", url: "https://example.com", name: "x" }] }],
    ["anthropic", { container: "container_1" }],
    ["anthropic", { context_management: { edits: [{ type: "compact_20260112" }] } }],
    ["chat", { web_search_options: { search_context_size: "high" } }],
    ["chat", { web_search_options: {} }],
    ["chat", { tools: [{ type: "web_search" }] }],
    ["responses", { background: true }],
    ["responses", { previous_response_id: "resp_1" }],
    ["responses", { conversation: "conv_1" }],
    ["responses", { conversation: { id: "conv_1" } }],
    ["responses", { prompt: { id: "pmpt_1" } }],
    ["responses", { input: [{ type: "item_reference", id: "msg_1" }] }],
    ["responses", { input: [{ id: "msg_1" }] }],
    ["responses", { context_management: [{ type: "compaction" }] }],
    ...["web_search", "web_search_preview", "file_search", "code_interpreter", "image_generation", "mcp"].map(
      (type): [string, Record<string, unknown>] => [
        "responses",
        { tools: [{ type: "function", name: "f" }, { type }] },
      ],
    ),
    ["openrouter", { plugins: [{ id: "web" }] }],
    ["openrouter", { model: "x/y:online" }],
    ["openrouter", { model: "x/y:Online" }],
    ["openrouter", { models: ["a/b", "@preset/mine"] }],
    ["custom", { chat_template: "{% for i in range(9999) %}x{% endfor %}" }],
    ...["x/y:online", "openrouter/x/y:online", "@preset/mine", "openrouter/openrouter/fusion"].map(
      (model): [string, Record<string, unknown>] => ["custom", { model }],
    ),
    ["custom", { n_predict: 100_000 }],
    ["custom", { options: { num_predict: 100_000 } }],
    ["custom", { n_cmpl: 9 }],
    ["custom", { vector_store_ids: ["vs_1"] }],
    ["custom", { chat_template_kwargs: { chat_template: "{% for i in range(9999) %}x{% endfor %}" } }],
    ["custom", { media_io_kwargs: { video: { num_frames: 10_000 } } }],
    ["custom", { roles: { user: { pre_message: "x".repeat(1_000) } } }],
    ...["max_output_tokens", "max_tokens_to_sample", "max_gen_len", "maxTokenCount", "candidate_count"].map(
      (name): [string, Record<string, unknown>] => ["custom", { [name]: 100_000 }],
    ),
    ...["max_tokens", "max_completion_tokens", "n"].map((name): [string, Record<string, unknown>] => [
      "responses",
      { [name]: 100_000 },
    ]),
    ["custom embeddings", { chat_template: "{% for i in range(9999) %}x{% endfor %}" }],
    ["openrouter", { model: "openrouter/fusion" }],
    ["openrouter", { plugins: [{ id: "fusion" }] }],
    ["openrouter", { tools: [{ type: "openrouter:fusion" }] }],
    ["gemini", { cachedContent: "cachedContents/1" }],
    ["gemini", { cached_content: "cachedContents/1" }],
    ["gemini", { tools: [{ googleSearch: {} }] }],
    ["gemini", { tools: [{ functionDeclarations: [] }, { url_context: {} }] }],
    ["gemini", { tools: { codeExecution: {} } }],
  ];
  it.each(unbounded)("%s %j", async (name, change) => {
    const limited = await send(name, change);
    expect(limited.status).toBe(400);
    expect(limited.message).toMatch(/token quota: \S/);
    expect(limited.sent).toBeUndefined();
    const free = await send(name, change, { maxRequestsPerDay: 10 });
    expect(free.status).toBe(200);
  });

  const allowed: [string, Record<string, unknown>][] = [
    ["custom", { chat_template_kwargs: { enable_thinking: false }, drop_params: false }],
    ["responses", { background: false, previous_response_id: null, tools: [{ type: "function", name: "f" }] }],
    [
      "responses",
      { input: [{ type: "reasoning", id: "rs_1", encrypted_content: "AAAA" }, ...messages], service_tier: "priority" },
    ],
    [
      "anthropic",
      {
        thinking: { type: "enabled", budget_tokens: 90 },
        context_management: { edits: [{ type: "clear_tool_uses_20250919" }] },
      },
    ],
    ["gemini", { tools: [{ functionDeclarations: [{ name: "f" }] }] }],
    [
      "chat",
      {
        tools: [
          { type: "function", function: { name: "f" } },
          { type: "custom", custom: { name: "c" } },
        ],
      },
    ],
  ];
  it.each(allowed)("but %s %j is not", async (name, change) => {
    expect((await send(name, change)).status).toBe(200);
  });
});

describe("a field that could be read in two ways is refused", () => {
  const double: [string, string][] = [
    ["anthropic", '{"model":"m","max_tokens":1,"messages":[],"max_tokens":100000}'],
    ["anthropic", '{"model":"m","max_tokens":1,"messages":[],"max_\\u0074okens":100000}'],
    ["anthropic", '{"model":"m","max_tokens":1,"messages":[],"MAX_TOKENS":100000}'],
    ["anthropic", '{"model":"m","Max_Tokens":100000,"messages":[]}'],
    ["custom", '{"model":"m","max_tokens":1,"messages":[],"max_token\u017f":100000}'],
    ["custom", '{"model":"m","messages":[],"max_to\u212aens":100000}'],
    ["chat", '{"model":"m","messages":[],"n":1,"N":9}'],
    ["chat", '{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}'],
    [
      "gemini",
      '{"contents":[],"generationConfig":{"maxOutputTokens":1},"generation_config":{"maxOutputTokens":100000}}',
    ],
    ["gemini", '{"contents":[],"generationConfig":{"maxOutputTokens":1,"max_output_tokens":100000}}'],
    ["gemini", '{"contents":[],"generationConfig":{"MaxOutputTokens":100000}}'],
    // Nested ones too, and names that a parser of C ends at the NUL.
    [
      "anthropic",
      '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","type":"image"}]}]}',
    ],
    [
      "custom",
      '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","t\\u0079pe":"file"}]}]}',
    ],
    ["custom", '{"model":"m","max_tokens":1,"messages":[],"max_tokens\\u0000x":100000}'],
    ["custom", '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type\\u0000":"file"}]}]}'],
  ];
  it.each(double)("%s %s", async (name, body) => {
    const { kind, path } = endpoints[name]!;
    const stand = await proxy.open(kind, { quotas: { maxTokensPerMonth: 1_000_000 } });
    const response = await fetch(stand.origin + path, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "x-goog-api-key": stand.key },
      body,
    });
    expect(response.status).toBe(400);
    await response.text();
    expect(proxy.upstream.seen).toHaveLength(0);
  });
});

describe("a bound that is none is refused", () => {
  const wrong: [string, Record<string, unknown>][] = [
    ["anthropic", { max_tokens: "100000" }],
    ["anthropic", { max_tokens: -2 }],
    ["chat", { max_completion_tokens: 1.5 }],
    ["chat", { max_completion_tokens: 0 }],
    ["custom", { max_tokens: 0 }],
    ["responses", { max_output_tokens: 0 }],
    ["gemini", { generationConfig: { maxOutputTokens: 0 } }],
    ["chat", { n: 0 }],
    ["responses", { max_output_tokens: [1] }],
    ["gemini", { generationConfig: { maxOutputTokens: 1, candidateCount: "4" } }],
    ["gemini", { generationConfig: "x" }],
    ["custom", { api_base: "https://example.com" }],
    ["custom", { fallbacks: ["other-model"] }],
    ["openrouter", { preset: "mine" }],
  ];
  it.each(wrong)("%s %j", async (name, change) => {
    const { status, sent } = await send(name, change);
    expect(status).toBe(400);
    expect(sent).toBeUndefined();
  });
});

describe("what steers the service behind a custom address is refused, quota or none", () => {
  const steering: Record<string, unknown> = {
    prompt_id: "p",
    // They take bounds and the report of the usage out again, or put others in.
    additional_drop_params: ["max_tokens"],
    drop_params: true,
    allowed_openai_params: ["max_tokens"],
    extra_body: { max_tokens: 50_000 },
    // They name other models, or lead to them.
    model_id: "other-model",
    deployment_id: "other-model",
    lora_path: "other-model",
    custom_llm_provider: "azure",
    router_settings_override: { fallbacks: [{ llama: ["other-model"] }] },
    context_window_fallback_dict: { llama: "other-model" },
    mock_testing_fallbacks: true,
    mock_testing_context_fallbacks: true,
    mock_testing_content_policy_fallbacks: true,
    // They name other services, and the keys to them.
    litellm_credential_name: "other",
    aws_bedrock_runtime_endpoint: "https://example.com",
    sagemaker_base_url: "https://example.com",
    deployment_url: "https://example.com",
  };
  it.each(Object.entries(steering))("%s", async (field, value) => {
    for (const name of ["custom", "custom embeddings"]) {
      const { status, message, sent } = await send(name, { [field]: value }, { maxRequestsPerDay: 10 });
      expect([status, message]).toEqual([400, `${field} cannot be set through this proxy`]);
      expect(sent).toBeUndefined();
    }
  });
});

it("counts what the provider reports even where it goes over what was reserved", async () => {
  proxy.upstream.behave({ tellsUsage: true, usage: { input: 2_000_000 } });
  const { reserved } = await send("chat");
  proxy.upstream.behave({ tellsUsage: false, usage: {} });
  expect(reserved).toBe(2_000_007);
});

it.each<[name: string, change: Record<string, unknown>]>([
  ["openai", { tools: [{ type: { toString: 1 } }] }],
  [
    "custom",
    {
      messages: userSays({
        type: "image_url",
        image_url: { url: "data:image/png;base64,AAAA", format: { toString: 1 } },
      }),
    },
  ],
  ["gemini", { contents: [{ parts: [{ inlineData: { data: "AAAA", mimeType: { toString: 1 } } }] }] }],
  [
    "anthropic",
    { messages: userSays({ type: "image", source: { type: "base64", data: "AAAA", media_type: { toString: 1 } } }) },
  ],
  ["anthropic", { service_tier: { toString: 1 } }],
])("an object in a word's place is no fault of the service: %s %j", async (name, change) => {
  const { status } = await send(name === "openai" ? "chat" : name, change, {
    maxTokensPerMonth: 10_000_000,
    maxUsdPerMonth: 100,
  });
  expect(status).not.toBe(500);
});
