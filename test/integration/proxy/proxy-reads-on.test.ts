import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

/** Answers that the provider goes on with, and bills, when nobody reads: they are read to their end. */

const limit = 1_000_000;
let upstream: Server;
let stand: ProxyStand;
let begun: PromiseWithResolvers<void>;
let ends: PromiseWithResolvers<void>;
let aborted: boolean;
let answer: { type: string; first: string[]; last: string[] };

beforeEach(async () => {
  begun = Promise.withResolvers();
  ends = Promise.withResolvers();
  aborted = false;
  upstream = createServer((request, response) => {
    response.on("close", () => {
      aborted = !response.writableFinished;
    });
    request.resume().on("end", async () => {
      if (answer.first.length > 0) response.writeHead(200, { "content-type": answer.type });
      for (const piece of answer.first) response.write(piece);
      begun.resolve();
      await ends.promise;
      if (response.destroyed) return;
      if (!response.headersSent) response.writeHead(200, { "content-type": answer.type });
      for (const piece of answer.last) response.write(piece);
      response.end();
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  ends.resolve();
  await stand.close();
  upstream.closeAllConnections();
  upstream.close();
});

const gemini = (output: number, finish = false) =>
  `data: ${JSON.stringify({
    candidates: [{ content: { parts: [{ text: "Hello" }] }, ...(finish && { finishReason: "STOP" }) }],
    usageMetadata: { promptTokenCount: 9, candidatesTokenCount: output, totalTokenCount: 9 + output },
  })}\n\n`;
const chat = JSON.stringify({
  choices: [{ message: { content: "Hello" } }],
  usage: { prompt_tokens: 9, completion_tokens: 41, total_tokens: 50 },
});
const message = JSON.stringify({ type: "message", content: [], usage: { input_tokens: 9, output_tokens: 41 } });
const calls: Partial<Record<ProviderKind, [path: string, body: Record<string, unknown>]>> = {
  gemini: ["/proxy/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", { contents: [] }],
  openai: ["/proxy/openai/v1/chat/completions", { model: "gpt-5", messages: [] }],
  anthropic: ["/proxy/anthropic/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 5_000, messages: [] }],
  custom: ["/proxy/custom/v1/chat/completions", { model: "m", max_tokens: 900, messages: [] }],
};

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  async function leaveAnswer(kind: ProviderKind, change: Record<string, unknown> = {}) {
    const { port } = upstream.address() as AddressInfo;
    stand = await proxyStand({ kind, upstream: `http://127.0.0.1:${port}`, quotas: { maxTokensPerMonth: limit } });
    const [path, body] = calls[kind]!;
    const client = new AbortController();
    // The handler behind a server of its own: whoever leaves closes a connection.
    const url = new URL(path, transport === "node" ? stand.origin : stand.fetchOrigin);
    const asked = fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "x-api-key": stand.key, "x-goog-api-key": stand.key },
      body: JSON.stringify({ ...body, ...change }),
      signal: client.signal,
    });
    await begun.promise;
    if (answer.first.length > 0) await (await asked).body!.getReader().read();
    client.abort();
    await asked.catch(() => undefined);
    await sleep(100);
  }
  const quota = async () => {
    const { used, reserved } = await stand.quota("maxTokensPerMonth", limit);
    return { used, reserved };
  };
  /** Without waiting for what is under way. */
  const reserved = async () => {
    const month = periodOf("month", stand.context.clock.now());
    return (await stand.context.ledger.used(aiKeyLedger(stand.keyId).tokens, month)).reserved;
  };

  it("a stream of Gemini's is charged what Google says at its end", async () => {
    answer = { type: "text/event-stream", first: [gemini(1)], last: [gemini(20), gemini(41, true)] };
    await leaveAnswer("gemini");
    expect([aborted, (await reserved()) > 0]).toEqual([false, true]);
    ends.resolve();
    await expect.poll(quota).toEqual({ used: 50, reserved: 0 });
  });

  it.each([
    ["openai", chat],
    ["anthropic", message],
  ] as const)("an answer of %s that is no stream is charged what it says", async (kind, text) => {
    answer = { type: "application/json", first: [], last: [text] };
    await leaveAnswer(kind);
    expect([aborted, (await reserved()) > 0]).toEqual([false, true]);
    ends.resolve();
    await expect.poll(quota).toEqual({ used: 50, reserved: 0 });
  });

  it("the same where it broke off in the middle, or fails", async () => {
    answer = { type: "application/json", first: [chat.slice(0, 20)], last: [chat.slice(20)] };
    await leaveAnswer("openai");
    ends.resolve();
    await expect.poll(quota).toEqual({ used: 50, reserved: 0 });
  });

  it("what breaks off when nobody reads is charged as reserved", async () => {
    answer = { type: "text/event-stream", first: [gemini(1)], last: [] };
    await leaveAnswer("gemini", { generationConfig: { maxOutputTokens: 3_000 } });
    upstream.closeAllConnections();
    await expect.poll(quota).toEqual({ used: 3_009, reserved: 0 });
  });

  it("goes no further when the key is suspended", async () => {
    answer = { type: "text/event-stream", first: [gemini(1)], last: [] };
    await leaveAnswer("gemini", { generationConfig: { maxOutputTokens: 3_000 } });
    await stand.changeState({ status: "suspended" });
    await expect.poll(() => aborted, { timeout: 5_000 }).toBe(true);
    await expect.poll(quota).toEqual({ used: 3_009, reserved: 0 });
  });

  it("other streams, and machines of the operator's own, are told to stop", async () => {
    answer = { type: "application/json", first: [], last: [chat] };
    await leaveAnswer("custom");
    await expect.poll(() => aborted).toBe(true);
    await stand.close();
    begun = Promise.withResolvers();
    aborted = false;
    answer = { type: "text/event-stream", first: ['data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'], last: [] };
    await leaveAnswer("openai", { stream: true });
    await expect.poll(() => aborted).toBe(true);
  });
});
