import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

/** Answers that are legal, or at least happen, and that no sample of a provider's has. */

interface Answer {
  /** Default: 200. */
  status?: number;
  /** Names and values by turns, so that one can stand twice. */
  head: string[];
  pieces: (string | Buffer)[];
  /** The answer breaks off in place of an end; at once: together with the last piece. */
  breaks?: boolean | "at once";
}

let server: Server | undefined;
let stand: ProxyStand | undefined;
afterEach(async () => {
  await stand?.close();
  server?.closeAllConnections();
  server?.close();
});

const asked: Partial<Record<ProviderKind, [path: string, body: Record<string, unknown>]>> = {
  anthropic: ["/proxy/anthropic/v1/messages", { model: "m", max_tokens: 50, messages: [], stream: true }],
  gemini: ["/proxy/gemini/v1beta/models/g:streamGenerateContent?alt=sse", { contents: [] }],
  openai: ["/proxy/openai/v1/chat/completions", { model: "m", messages: [], max_completion_tokens: 50, stream: true }],
};

/**
 * @param change of the request
 * @param leavesAfter a text of the answer's after which the client is gone; empty: it leaves after the last piece
 */
async function answered(
  kind: ProviderKind,
  { status = 200, head, pieces, breaks }: Answer,
  transport: Transport,
  { change = {}, leavesAfter }: { change?: Record<string, unknown>; leavesAfter?: string } = {},
) {
  const leaving = new AbortController();
  server = createServer((request, response) => {
    request.resume().on("end", async () => {
      response.writeHead(status, head);
      for (const piece of pieces) {
        response.write(piece);
        if (breaks !== "at once") await new Promise((resolve) => setTimeout(resolve, 15));
      }
      if (leavesAfter === "") leaving.abort();
      else if (breaks === "at once") response.socket!.end();
      else if (breaks) response.destroy();
      else response.end();
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stand = await proxyStand({ kind, upstream, quotas: { maxTokensPerMonth: 1_000_000 } });
  const [path, body] = asked[kind]!;
  const response = await stand
    .fetchBy(transport)(path, {
      method: "POST",
      signal: leaving.signal,
      headers: { authorization: `Bearer ${stand.key}`, "x-api-key": stand.key, "x-goog-api-key": stand.key },
      body: JSON.stringify({ ...body, ...change }),
    })
    .catch(() => Response.error());
  let text = "";
  const reader = (response.body ?? new Blob([]).stream()).pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    text += value ?? "";
    if (done) break;
    if (leavesAfter === undefined || !text.includes(leavesAfter)) continue;
    await reader.cancel();
    leaving.abort();
    break;
  }
  const isSettled = async () => (await stand!.quota("maxTokensPerMonth")).reserved === 0;
  await expect.poll(isSettled).toBe(true);
  return { text, status: response.status, ...(await stand.quota("maxTokensPerMonth", 1_000_000)) };
}

const geminiEvent = (tokens: number) =>
  `data: ${JSON.stringify({ usageMetadata: { promptTokenCount: 10, totalTokenCount: tokens }, candidates: [{ finishReason: "STOP" }] })}\n\n`;
const geminiStream = [geminiEvent(1_010), geminiEvent(3_010)];
const anthropicStream = [
  'data: {"type":"message_start","message":{"usage":{"input_tokens":15,"output_tokens":5}}}\n\n',
  'data: {"type":"message_delta","usage":{"output_tokens":5005}}\n\ndata: {"type":"message_stop"}\n\n',
];
const openAiUsage = 'data: {"choices":[],"usage":{"prompt_tokens":14,"completion_tokens":1,"total_tokens":15}}\n\n';

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  const heads: [string, string[]][] = [
    ["whose other header reads content-type", ["vary", "content-type", "content-type", "text/event-stream"]],
    ["of no content type", []],
    ["of another content type", ["content-type", "text/plain"]],
    ["with parameters", ["content-type", "text/event-stream; charset=utf-8"]],
    ["of two content types", ["content-type", "application/json", "content-type", "text/event-stream"]],
  ];
  it.each(heads)("a stream %s is metered to its end", async (_, head) => {
    const gemini = await answered("gemini", { head, pieces: geminiStream }, transport);
    expect(gemini).toMatchObject({ text: geminiStream.join(""), used: 3_010, reserved: 0 });
    const anthropic = await answered("anthropic", { head, pieces: anthropicStream }, transport);
    expect(anthropic).toMatchObject({ text: anthropicStream.join(""), used: 5_020, reserved: 0 });
  });

  describe("of Gemini with several candidates", () => {
    const head = ["content-type", "text/event-stream"];
    const finished = (index: number, tokens: number) =>
      `data: ${JSON.stringify({ candidates: [{ index, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 1, totalTokenCount: tokens } })}\n\n`;
    const pieces = [finished(0, 20), ...Array<string>(5).fill(": still at it\n\n"), finished(1, 4_000)];
    const change = { generationConfig: { candidateCount: 2, maxOutputTokens: 3_000 } };

    it("is complete once it has ended", async () => {
      expect(await answered("gemini", { head, pieces }, transport, { change })).toMatchObject({ used: 4_000 });
      await stand!.close();
      const sniffed = await answered("gemini", { head: [], pieces }, transport, { change });
      expect(sniffed.used).toBe(4_000);
    });

    it("is not when the first of them has finished, but a single one is", async () => {
      const breaking = { head, pieces: [finished(0, 20)], breaks: true };
      expect((await answered("gemini", breaking, transport, { change })).used).toBeGreaterThan(2 * 3_000);
      await stand!.close();
      const single = { generationConfig: { candidateCount: 1, maxOutputTokens: 3_000 } };
      expect((await answered("gemini", breaking, transport, { change: single })).used).toBe(20);
    });

    it("is charged whole when the client leaves after the first", async () => {
      const left = await answered("gemini", { head, pieces }, transport, { change, leavesAfter: "STOP" });
      expect(left.text).not.toContain("4000");
      expect(left.used).toBe(4_000);
    });
  });

  it("JSON of no content type is metered as JSON", async () => {
    const json = '\n {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8}}';
    const { used, text } = await answered("openai", { head: [], pieces: ["\n", " ", json.slice(2)] }, transport);
    expect([used, text]).toEqual([8, json]);
  });

  it("a [DONE] without the blank line after it ends the stream all the same", async () => {
    const head = ["content-type", "text/event-stream"];
    const { used } = await answered("openai", { head, pieces: [openAiUsage, "data: [DONE]"] }, transport);
    expect(used).toBe(15);
  });

  it("zeros that a later report puts right cost nothing more", async () => {
    const head = ["content-type", "text/event-stream"];
    const zeros = `data: ${JSON.stringify({ choices: [{ delta: {} }], usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } })}\n\n`;
    const openai = await answered("openai", { head, pieces: [zeros, openAiUsage, "data: [DONE]\n\n"] }, transport);
    expect(openai.used).toBe(15);
    await stand!.close();
    const start = 'data: {"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}\n\n';
    const delta = 'data: {"type":"message_delta","usage":{"input_tokens":9,"output_tokens":5}}\n\n';
    const stop = 'data: {"type":"message_stop"}\n\n';
    const anthropic = await answered("anthropic", { head, pieces: [start, delta, stop] }, transport);
    expect(anthropic.used).toBe(14);
  });

  it("a count beyond all measure is not believed, and breaks nothing", async () => {
    for (const absurd of [9e18, 1e300]) {
      const usage = { prompt_tokens: absurd, completion_tokens: 1, total_tokens: absurd };
      const pieces = [JSON.stringify({ choices: [], usage })];
      const { used, reserved } = await answered(
        "openai",
        { head: ["content-type", "application/json"], pieces },
        transport,
      );
      expect(used).toBeLessThan(1_000);
      expect(reserved).toBe(0);
    }
  });

  it("an empty answer that says gzip is an empty answer", async () => {
    const head = ["content-type", "application/json", "content-encoding", "gzip", "content-length", "0"];
    const { status, text, used } = await answered("openai", { head, pieces: [] }, transport);
    expect([status, text]).toEqual([200, ""]);
    expect(used).toBeGreaterThan(50);
  });

  const failed = JSON.stringify({ error: { message: "x", failed_generation: "written ".repeat(20) } });
  const packed = gzipSync(failed);
  const endsInHead: [string, string[], Buffer] = [
    "packed, and ends in its head",
    ["content-encoding", "gzip"],
    packed.subarray(0, 5),
  ];
  it.each<[string, string[], Buffer | string, breaks?: boolean]>([
    ["packed twice", ["content-encoding", "gzip, gzip"], gzipSync(packed)],
    ["packed twice, on two lines", ["content-encoding", "gzip", "content-encoding", "gzip"], gzipSync(packed)],
    ["packed, and says nothing of it", [], packed],
    ["packed as nobody knows", ["content-encoding", "compress"], packed],
    ["packed without what begins it", ["content-encoding", "deflate"], deflateRawSync(failed)],
    ["not packed as it says", ["content-encoding", "gzip"], failed],
    ["packed, and ends too soon", ["content-encoding", "gzip"], packed.subarray(0, -20)],
    ["packed, and breaks off", ["content-encoding", "gzip"], packed.subarray(0, -20), true],
    // The runtime's own fetch takes it for an empty one.
    ...(transport === "node" ? [endsInHead] : []),
    ["packed, and breaks off in its head", ["content-encoding", "gzip"], packed.subarray(0, 5), true],
    ["packed by Brotli, and breaks off", ["content-encoding", "br"], brotliCompressSync(failed).subarray(0, 3), true],
    ["JSON, and ends too soon", [], failed.slice(0, 24)],
    ["JSON, and breaks off after its first line", [], "{\n  ", true],
    ["JSON, and breaks off", [], failed.slice(0, 24), true],
  ])("a refusal may hold what a model wrote where it is %s", async (_, encoding, body, breaks = false) => {
    const head = ["content-type", "application/json", ...encoding];
    const { status, used } = await answered("openai", { status: 400, head, pieces: [body], breaks }, transport);
    expect(status).toBe(400);
    expect(used).toBeGreaterThan(50);
  });

  it("a refusal that a client leaves may hold what a model wrote where it is packed, and has not come to its end", async () => {
    const head = ["content-type", "application/json", "content-encoding", "gzip"];
    const answer = { status: 400, head, pieces: [packed.subarray(0, 5)] };
    const { used } = await answered("openai", answer, transport, { leavesAfter: "" });
    expect(used).toBeGreaterThan(50);
  });

  it.each<[string, string[], string, breaks?: boolean]>([
    ["has no body that came", [], "", true],
    ["is a page that breaks off", ["content-encoding", "identity"], "<html>Request Entity", true],
    ["is a page in another alphabet", [], "<html>Requ\xeate refus\xe9e</html>"],
  ])("a refusal costs nothing where it %s", async (_, encoding, body, breaks = false) => {
    const answer = { status: 413, head: encoding, pieces: [Buffer.from(body, "latin1")], breaks };
    expect(await answered("openai", answer, transport)).toMatchObject({ status: 413, used: 0 });
  });

  it.each(["gzip", "identity"])("a stream that breaks off is charged for all that came of it: %s", async (coding) => {
    const head = ["content-type", "text/event-stream", "content-encoding", coding];
    const block = 'data: {"type":"content_block_start","content_block":{"type":"text","text":""}}\n\n';
    const text = 'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"word"}}\n\n';
    const whole = anthropicStream[0]! + block + text.repeat(5_000);
    const answer: Answer = { head, pieces: [coding === "gzip" ? gzipSync(whole) : whole], breaks: "at once" };
    const change = { model: "claude-3-5-haiku-20241022", max_tokens: 500_000 };
    const { used } = await answered("anthropic", answer, transport, { change });
    expect(used).toBeGreaterThan(whole.length);
  });

  it("a compressed stream is metered and passed on in the clear", async () => {
    const head = ["content-type", "text/event-stream", "content-encoding", "gzip"];
    const { text, used } = await answered("gemini", { head, pieces: [gzipSync(geminiStream.join(""))] }, transport);
    expect([text, used]).toEqual([geminiStream.join(""), 3_010]);
  });
});
