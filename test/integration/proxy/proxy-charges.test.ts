import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import { Problem } from "../../../src/errors.ts";
import type { Quotas } from "../../../src/schema/quota.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type StandOptions, type Transport } from "../../proxy-stand.ts";

/** The charge for answers that fail, break off or report the impossible. */

const limit = 1_000_000;
const json = "application/json";
const events = "text/event-stream";
let answer: { status?: number; type?: string; pieces: string[]; breaks?: boolean };
let upstream: Server;
let seen: number;
let stand: ProxyStand | undefined;

beforeEach(async () => {
  seen = 0;
  upstream = createServer((request, response) => {
    request.resume().on("end", () => {
      seen++;
      const { status = 200, type = json, pieces, breaks } = answer;
      response.writeHead(status, { "content-type": type });
      for (const piece of pieces) response.write(piece);
      if (!breaks) response.end();
      else setTimeout(() => response.destroy(), 20);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await stand?.close();
  stand = undefined;
  upstream.closeAllConnections();
  upstream.close();
});

const calls: Partial<Record<ProviderKind, [path: string, body: Record<string, unknown>]>> = {
  anthropic: ["/proxy/anthropic/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 5_000, messages: [] }],
  gemini: ["/proxy/gemini/v1beta/models/gemini-2.0-flash:generateContent", { contents: [] }],
  openai: ["/proxy/openai/v1/chat/completions", { model: "gpt-4o", messages: [], max_completion_tokens: 5_000 }],
  litellm: ["/proxy/litellm/v1/chat/completions", { model: "gpt-4o", messages: [], max_tokens: 5_000 }],
};

async function open(
  kind: ProviderKind,
  quotas: Quotas = { maxTokensPerMonth: limit },
  options: Partial<StandOptions> = {},
): Promise<ProxyStand> {
  const { port } = upstream.address() as AddressInfo;
  stand = await proxyStand({ kind, upstream: `http://127.0.0.1:${port}`, quotas, ...options });
  return stand;
}

async function call(transport: Transport, kind: ProviderKind, change: Record<string, unknown> = {}) {
  const [path, body] = calls[kind]!;
  const response = await stand!.fetchBy(transport)(path, {
    method: "POST",
    headers: { authorization: `Bearer ${stand!.key}`, "x-api-key": stand!.key, "x-goog-api-key": stand!.key },
    body: JSON.stringify({ ...body, ...change }),
  });
  const text = await response.text().catch(() => "");
  const { used, reserved } = await stand!.quota("maxTokensPerMonth", limit);
  expect(reserved).toBe(0);
  const { used: requests } = await stand!.quota("maxRequestsPerDay");
  const today = periodOf("day", stand!.context.clock.now());
  const [row] = await stand!.context.ledger.usage(aiKeyLedger(stand!.keyId).usage, today, today);
  return { status: response.status, text, used, requests, estimated: row?.estimatedTokens };
}

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  describe("what fails late is not free", () => {
    it("lets a key with two requests a day have two, however they fail", async () => {
      await open("openai", { maxRequestsPerDay: 2 });
      const statuses: number[] = [];
      for (const status of [504, 400, 524, 429, 500]) {
        answer = { status, pieces: ['{"error":{"message":"no"}}'] };
        statuses.push((await call(transport, "openai")).status);
      }
      expect(statuses).toEqual([504, 400, 429, 429, 429]);
      expect(seen).toBe(2);
    });

    it("charges what was reserved as an estimate, which can be given back once", async () => {
      await open("anthropic");
      answer = { status: 504, pieces: [] };
      const { used, requests, estimated } = await call(transport, "anthropic");
      expect(used).toBeGreaterThan(5_000);
      expect([requests, estimated]).toEqual([1, used]);
      const { ledger } = stand!.context;
      const name = aiKeyLedger(stand!.keyId).usage;
      const credits = await Promise.all([ledger.creditEstimates(name, 0), ledger.creditEstimates(name, 0)]);
      expect(credits.map(({ tokens }) => tokens).sort((a, b) => b - a)).toEqual([used, 0]);
      expect(await stand!.quota("maxTokensPerMonth", limit)).toMatchObject({ used: 0 });
      expect(await stand!.quota("maxTokensPerDay", limit)).toMatchObject({ used: 0 });
      expect((await stand!.quota("maxRequestsPerDay")).used).toBe(1);
    });

    it("charges a refusal that carries what a model wrote", async () => {
      const usage = { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 };
      const choices = [{ message: { content: "written" } }];
      await open("openai");
      answer = { status: 400, pieces: [JSON.stringify({ error: { message: "late" }, choices, usage })] };
      expect(await call(transport, "openai")).toMatchObject({ status: 400, used: 17, requests: 1, estimated: 0 });
      const withoutUsage = [
        JSON.stringify({ error: { message: "late", failed_generation: "written" } }),
        JSON.stringify({ error: { message: "late" }, data: { choices } }),
        `data: {"choices":[{"delta":{"content":"written"}}]}\n\n`,
      ];
      let before = 17;
      for (const body of withoutUsage) {
        answer = { status: 422, pieces: [body] };
        const { used } = await call(transport, "openai", { model: "gpt-5" });
        expect(used - before, body).toBeGreaterThan(5_000);
        before = used;
      }
    });

    it("charges no tokens for a refusal that repeats the request, or is of another shape", async () => {
      await open("openai");
      const bodies: [number, string][] = [
        [422, JSON.stringify({ detail: [{ loc: ["body"], msg: "no", input: { messages: [{ content: "hello" }] } }] })],
        [400, JSON.stringify({ error: { message: 'unknown "content": "usage":', param: "content" } })],
        [413, "<html>Request Entity Too Large</html>"],
        [403, ""],
        [503, JSON.stringify({ error: { message: "overloaded" } })],
      ];
      for (const [status, body] of bodies) {
        answer = { status, pieces: [body] };
        expect(await call(transport, "openai"), body).toMatchObject({ status, text: body, used: 0 });
      }
      answer = { status: 503, pieces: ["<html>upstream timed out</html>"] };
      expect((await call(transport, "openai")).used).toBeGreaterThan(5_000);
    });
  });

  it("holds nothing of a request that was refused since the ledger's answer to its reservation was lost", async () => {
    let losses = 0;
    const lost = new Problem("store_unwritable");
    await open("openai", undefined, {
      wrapLedger: (ledger) => ({
        ...ledger,
        async reserve(...given) {
          await ledger.reserve(...given);
          losses++;
          throw lost;
        },
        async settle(...given) {
          // It is away for a moment.
          if (losses++ === 1) throw lost;
          await ledger.settle(...given);
        },
      }),
    });
    answer = { pieces: [] };
    expect((await call(transport, "openai")).status).toBe(503);
    expect(await stand!.quota("maxTokensPerMonth", limit)).toMatchObject({ used: 0, reserved: 0 });
    expect(await stand!.quota("maxRequestsPerDay")).toMatchObject({ used: 0, reserved: 0 });
    expect([losses, seen]).toEqual([3, 0]);
  });

  it("keeps no process that ends waiting for a ledger that is away, and is settled where it comes back by then", async () => {
    const ending = new AbortController();
    let isAway = true;
    let tries = 0;
    await open("openai", undefined, {
      ending: ending.signal,
      wrapLedger: (ledger) => ({
        ...ledger,
        async settle(...given) {
          tries++;
          if (isAway) throw new Problem("store_unwritable");
          await ledger.settle(...given);
        },
      }),
    });
    const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
    answer = { pieces: [JSON.stringify({ choices: [{ message: { content: "x" } }], usage })] };
    const called = call(transport, "openai");
    await expect.poll(() => tries, { timeout: 5_000 }).toBe(3);
    isAway = false;
    const begun = performance.now();
    ending.abort(new Error("the process ends"));
    expect(await called).toMatchObject({ status: 200, used: 10 });
    expect(performance.now() - begun).toBeLessThan(900);
  });

  describe("reports that cannot be true", () => {
    const reports: [string, Record<string, unknown>][] = [
      ["one count absurd", { prompt_tokens: 9e18, completion_tokens: 3, total_tokens: 10 }],
      ["one count missing", { prompt_tokens: 7 }],
      ["no output", { prompt_tokens: 7, completion_tokens: 0, total_tokens: 7 }],
      ["one negative", { prompt_tokens: 7, completion_tokens: -3, total_tokens: 4 }],
      ["a fraction", { prompt_tokens: 7, completion_tokens: 0.5, total_tokens: 8 }],
      ["a text", { prompt_tokens: 7, completion_tokens: "3", total_tokens: 10 }],
    ];
    it.each(reports)("are charged as reserved: %s", async (_, usage) => {
      await open("openai");
      answer = { pieces: [JSON.stringify({ choices: [{ message: { content: "x" } }], usage })] };
      const whole = await call(transport, "openai");
      expect(whole.used).toBeGreaterThan(5_000);
      expect(whole.estimated).toBeGreaterThan(4_900);
      answer = {
        type: events,
        pieces: [`data: ${JSON.stringify({ choices: [], usage })}\n\n`, "data: [DONE]\n\n"],
      };
      expect((await call(transport, "openai", { stream: true })).used - whole.used).toBeGreaterThan(5_000);
    });

    it("are charged as reserved, or as the most that was told: counts that fall within a stream", async () => {
      await open("anthropic");
      const start = (input: number, output: number) =>
        `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { usage: { input_tokens: input, output_tokens: output } } })}\n\n`;
      const delta = (usage: object) => `data: ${JSON.stringify({ type: "message_delta", usage })}\n\n`;
      const stop = 'data: {"type":"message_stop"}\n\n';
      answer = { type: events, pieces: [start(40_000, 9), delta({ input_tokens: 1, output_tokens: 10 }), stop] };
      const { used } = await call(transport, "anthropic", { stream: true });
      expect(used).toBe(40_010);
      answer = { type: events, pieces: [start(10, 900), delta({ output_tokens: 9 }), stop] };
      expect((await call(transport, "anthropic", { stream: true })).used - used).toBeGreaterThan(5_000);
    });
  });

  describe("an array of answers", () => {
    const one = (tokens: number) => ({
      choices: [{ message: { content: "x" } }],
      usage: { prompt_tokens: tokens - 1, completion_tokens: 1, total_tokens: tokens },
    });

    it("is a sum", async () => {
      await open("litellm");
      answer = { pieces: [JSON.stringify([one(10), one(20), [one(30)]])] };
      expect(await call(transport, "litellm")).toMatchObject({ used: 60, requests: 1, estimated: 0 });
    });

    it("costs its reservation where one of them is not understood", async () => {
      for (const rest of [{ choices: [{ message: { content: "x" } }] }, "written", null, []]) {
        await open("litellm");
        answer = { pieces: [JSON.stringify([one(10), rest])] };
        expect((await call(transport, "litellm")).used, JSON.stringify(rest)).toBeGreaterThan(5_000);
        await stand!.close();
        stand = undefined;
      }
      await open("litellm");
      answer = { type: events, pieces: [`data: ${JSON.stringify([one(10), one(20)])}\n\n`, "data: [DONE]\n\n"] };
      expect((await call(transport, "litellm", { stream: true })).used).toBeGreaterThan(5_000);
    });
  });

  describe("an interrupted stream costs what it cost", () => {
    const start =
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":22003,"output_tokens":2}}}\n\n';
    const block = (type: string) =>
      `event: content_block_start\ndata: {"type":"content_block_start","content_block":{"type":"${type}"}}\n\n`;
    const stop = 'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n';
    const thinking = { type: "enabled", budget_tokens: 1_024 };
    const text = 'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello"}}\n\n';
    const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    const long = { stream: true, max_tokens: 128_000, messages: [{ role: "user", content: "x".repeat(150_000) }] };

    it("the input that was told, and the output that was streamed, where the provider ends it with an error", async () => {
      await open("anthropic");
      const pieces = [start, block("text"), text, error];
      answer = { type: events, pieces };
      const { used, estimated } = await call(transport, "anthropic", long);
      expect(used).toBeGreaterThan(22_005);
      expect(used).toBeLessThanOrEqual(22_003 + pieces.join("").length + 256);
      expect(estimated).toBe(used - 22_005);
    });

    it("the same where the connection breaks off", async () => {
      await open("anthropic");
      answer = { type: events, pieces: [start, block("text"), text, text], breaks: true };
      const { used } = await call(transport, "anthropic", long);
      expect(used).toBeGreaterThan(22_005);
      expect(used).toBeLessThan(23_000);
    });

    it("its whole output bound where the model thinks out of sight", async () => {
      await open("anthropic");
      for (const type of ["thinking", "redacted_thinking"]) {
        const before = await stand!.quota("maxTokensPerMonth", limit);
        answer = { type: events, pieces: [start, block(type)], breaks: true };
        expect((await call(transport, "anthropic", long)).used - before.used, type).toBe(22_003 + 128_000);
      }
      // Nothing has begun, or has ended, and it may be thinking.
      for (const pieces of [[start], [start, block("text"), text, stop]]) {
        const before = await stand!.quota("maxTokensPerMonth", limit);
        answer = { type: events, pieces, breaks: true };
        const asked = await call(transport, "anthropic", { ...long, thinking });
        expect(asked.used - before.used, pieces.at(-1)).toBe(22_003 + 128_000);
      }
    });

    it("its whole output bound within a tool's call, of which Claude holds back each value, and what it streamed where it holds back none", async () => {
      await open("anthropic");
      const tool = { name: "write", input_schema: { type: "object" } };
      const input = 'data: {"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{"}}\n\n';
      const spent = async (tools: object[], pieces: string[], more: object = {}) => {
        const before = await stand!.quota("maxTokensPerMonth", limit);
        answer = { type: events, pieces: [start, ...pieces], breaks: true };
        return (await call(transport, "anthropic", { ...long, tools, ...more })).used - before.used;
      };
      expect(await spent([tool], [block("tool_use"), input])).toBe(22_003 + 128_000);
      expect(await spent([{ ...tool, eager_input_streaming: true }, tool], [block("tool_use")])).toBe(22_003 + 128_000);
      const eager = [{ ...tool, eager_input_streaming: true }];
      expect(await spent(eager, [block("tool_use"), input])).toBeLessThan(23_000);
      const adding = [
        { role: "user", content: [{ type: "tool_addition", tool: { type: "tool_definition", definition: tool } }] },
        { role: "assistant", content: [{ type: "compaction", content: "what was said" }] },
      ];
      for (const message of adding) {
        const more = { messages: [...long.messages, message] };
        expect(await spent(eager, [block("tool_use"), input], more)).toBe(22_003 + 128_000);
      }
      // The call is over, and all of it was shown.
      expect(await spent([tool], [block("tool_use"), input, stop])).toBeLessThan(23_200);
      expect(await spent([tool], [block("tool_use"), input, stop, block("text"), text])).toBeLessThan(23_200);
    });

    it("what it streamed where it may think, and writes for the client to see", async () => {
      await open("anthropic");
      answer = { type: events, pieces: [start, block("text"), text], breaks: true };
      expect((await call(transport, "anthropic", { ...long, thinking })).used).toBeLessThan(23_000);
    });

    if (transport === "fetch")
      it("what it may have written in the time that it had, at Anthropic itself", async () => {
        const { port } = upstream.address() as AddressInfo;
        stand = await proxyStand({
          ...{ kind: "anthropic", upstream: "https://api.anthropic.com", quotas: { maxTokensPerMonth: limit } },
          fetch: (input, init) =>
            fetch(String(input).replace("https://api.anthropic.com", `http://127.0.0.1:${port}`), init),
        });
        answer = { type: events, pieces: [start, block("thinking")], breaks: true };
        const { used, estimated } = await call(transport, "anthropic", { ...long, thinking });
        // Two seconds and what the test took, at 1,024 tokens each.
        expect(used).toBeGreaterThanOrEqual(22_003 + 2_048);
        expect(used).toBeLessThan(22_003 + 20_000);
        expect(estimated).toBe(used - 22_005);
      });

    it("what was reserved where the provider runs a tool, whose results it reads", async () => {
      await open("anthropic");
      answer = { type: events, pieces: [start, block("server_tool_use"), text], breaks: true };
      expect((await call(transport, "anthropic", long)).used).toBeGreaterThan(150_000 + 128_000);
    });

    it("of Gemini and of OpenAI", async () => {
      await open("gemini");
      const [path] = calls.gemini!;
      const streaming = path.replace("generateContent", "streamGenerateContent?alt=sse");
      calls.gemini = [streaming, { contents: [{ parts: [{ text: "x".repeat(50_000) }] }] }];
      answer = {
        type: events,
        pieces: [
          'data: {"candidates":[{"content":{}}],"usageMetadata":{"promptTokenCount":9000,"totalTokenCount":9003}}\n\n',
        ],
        breaks: true,
      };
      // Google goes on without a connection, and bills the whole answer.
      const gemini = await call(transport, "gemini", { generationConfig: { maxOutputTokens: 3_000 } });
      expect(gemini.used).toBe(12_000);
      calls.gemini = [path, { contents: [] }];
      await stand!.close();
      await open("openai");
      // The input is told at the end alone; what the model writes is seen.
      answer = { type: events, pieces: ['data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'], breaks: true };
      const seenWriting = await call(transport, "openai", { stream: true });
      expect(seenWriting.used).toBeLessThan(1_000);
      // Each of several answers goes on until the provider notices.
      const several = await call(transport, "openai", { stream: true, n: 4 });
      expect(several.used - 2 * seenWriting.used).toBeGreaterThanOrEqual(3 * 256);
      const reasoning = await call(transport, "openai", { stream: true, model: "gpt-5" });
      expect(reasoning.used - several.used).toBeGreaterThan(5_000);
    });
  });
});
