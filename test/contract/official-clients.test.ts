import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../src/domain/provider-facts.ts";
import type { Quotas } from "../../src/schema/quota.ts";
import { type ProxyStand, proxyStand, type Transport } from "../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

/** The providers' own clients, given nothing but the base URL and the key that an agent gets. */

const usage = { input: 30, output: 12, cacheCreation: 4, cacheRead: 2, thoughts: 5 };
const schema = { type: "object" as const, properties: { city: { type: "string" } } };
const city = { city: "Wien", note: 'ü "quoted" \\ 🚀' };

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.behave({ usage, chunkBytes: 7 });
});

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let stand: ProxyStand;
  async function open(kind: ProviderKind, quotas: Quotas = { maxTokensPerMonth: 1_000_000 }): Promise<ProxyStand> {
    stand = await proxyStand({ kind, upstream: upstream.origin, quotas });
    return stand;
  }
  beforeEach(() => () => stand.close());
  const spent = async () => (await stand.quota("maxTokensPerMonth")).used;
  const common = () => ({ baseURL: stand.baseUrl, maxRetries: 0, fetch: stand.fetchBy(transport) });

  describe("@anthropic-ai/sdk", () => {
    const request = {
      model: "claude-sample",
      max_tokens: 200,
      messages: [{ role: "user" as const, content: "hello" }],
    };
    const tools = [{ name: "weather", input_schema: schema }];
    const each = 30 + 12 + 4 + 2;
    const client = () => new Anthropic({ apiKey: stand.key, ...common() });

    it("talks: JSON, stream, tools, token count, models", async () => {
      await open("anthropic");
      const message = await client().messages.create(request);
      expect(message.content[0]).toMatchObject({ type: "text", text: expect.stringContaining("🚀") });
      const stream = client().messages.stream(request);
      let text = "";
      stream.on("text", (piece) => {
        text += piece;
      });
      const final = await stream.finalMessage();
      expect(final.content[0]).toMatchObject({ type: "text", text });
      expect(final.usage.output_tokens).toBe(12);
      const used = await client().messages.create({ ...request, tools });
      expect(used.content[0]).toMatchObject({ type: "tool_use", name: "weather", input: city });
      const streamed = await client()
        .messages.stream({ ...request, tools })
        .finalMessage();
      expect(streamed.content[0]).toMatchObject({ type: "tool_use", name: "weather", input: city });
      expect(await spent()).toBe(4 * each);
      expect((await client().messages.countTokens(request)).input_tokens).toBe(9);
      expect((await client().models.list()).data).toHaveLength(1);
      expect(await spent()).toBe(4 * each);
      // The token count and the list of models are free.
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(4);
    });

    it("takes the key as a bearer token too", async () => {
      await open("anthropic");
      const bearer = new Anthropic({ apiKey: null, authToken: stand.key, ...common() });
      expect((await bearer.messages.create(request)).role).toBe("assistant");
    });

    it("gets its own error classes", async () => {
      await open("anthropic", { maxTokensPerMonth: 10 });
      await expect(client().messages.create(request)).rejects.toThrow(Anthropic.RateLimitError);
      await expect(client().messages.create(request)).rejects.toThrow(/Monthly token quota exceeded/);
      const wrong = new Anthropic({ apiKey: "sk-ant-not-a-real-key", ...common() });
      await expect(wrong.messages.create(request)).rejects.toThrow(Anthropic.AuthenticationError);
      await stand.changeState({ models: ["other"] });
      await expect(client().messages.create(request)).rejects.toThrow(Anthropic.PermissionDeniedError);
      await stand.changeState({ status: "suspended" });
      await expect(client().messages.create(request)).rejects.toThrow(Anthropic.BadRequestError);
    });
  });

  describe("openai", () => {
    const request = { model: "gpt-5", messages: [{ role: "user" as const, content: "hello" }] };
    const tools = [{ type: "function" as const, function: { name: "weather", parameters: schema } }];
    const each = 42;
    const client = () => new OpenAI({ apiKey: stand.key, ...common() });

    it("chats: JSON, stream, tools", async () => {
      await open("openai");
      const completion = await client().chat.completions.create(request);
      expect(completion.choices[0]?.message.content).toContain("🚀");
      expect(completion.usage?.total_tokens).toBe(42);
      let text = "";
      for await (const chunk of await client().chat.completions.create({ ...request, stream: true })) {
        expect(chunk.choices).toHaveLength(1);
        text += chunk.choices[0]?.delta.content ?? "";
      }
      expect(text).toBe(completion.choices[0]?.message.content);
      let total: number | undefined;
      const asked = { ...request, stream: true as const, stream_options: { include_usage: true } };
      for await (const chunk of await client().chat.completions.create(asked)) total = chunk.usage?.total_tokens;
      expect(total).toBe(42);
      const used = await client().chat.completions.create({ ...request, tools });
      const [call] = used.choices[0]!.message.tool_calls!;
      expect(JSON.parse((call as { function: { arguments: string } }).function.arguments)).toEqual(city);
      const streamed = await client()
        .chat.completions.stream({ ...request, tools })
        .finalChatCompletion();
      const [last] = streamed.choices[0]!.message.tool_calls!;
      expect(JSON.parse((last as { function: { arguments: string } }).function.arguments)).toEqual(city);
      expect(await spent()).toBe(5 * each);
    });

    it("responds: JSON, stream, tools", async () => {
      await open("openai");
      const input = { model: "gpt-5", input: "hello" };
      const response = await client().responses.create(input);
      expect(response.output_text).toContain("🚀");
      const stream = client().responses.stream(input);
      let text = "";
      stream.on("response.output_text.delta", (event) => {
        text += event.delta;
      });
      expect((await stream.finalResponse()).output_text).toBe(text);
      const tool = { type: "function" as const, name: "weather", parameters: schema, strict: false };
      const streamed = await client()
        .responses.stream({ ...input, tools: [tool] })
        .finalResponse();
      expect(streamed.output[0]).toMatchObject({ type: "function_call", arguments: JSON.stringify(city) });
      expect(await spent()).toBe(3 * each);
    });

    it("embeds, and lists models", async () => {
      await open("openai");
      const embeddings = await client().embeddings.create({
        model: "text-embedding-3-small",
        input: "hello",
        encoding_format: "float",
      });
      expect(embeddings.data[0]?.embedding).toEqual([0.0123, -0.5, 1e-3]);
      expect(await spent()).toBe(30);
      expect((await client().models.list()).data).toHaveLength(1);
    });

    it("is charged exactly though it hangs up right after the last event", async () => {
      await open("openai");
      upstream.behave({ chunkBytes: 0 });
      for (let turn = 0; turn < 20; turn++) {
        for await (const _ of await client().chat.completions.create({ ...request, stream: true }));
      }
      expect(await spent()).toBe(20 * each);
    });

    it("gets its own error classes", async () => {
      await open("openai", { maxTokensPerMonth: 10 });
      await expect(client().chat.completions.create(request)).rejects.toThrow(OpenAI.RateLimitError);
      await expect(client().responses.create({ model: "gpt-5", input: "x" })).rejects.toThrow(
        /Monthly token quota exceeded/,
      );
      const wrong = new OpenAI({ apiKey: "sk-not-a-real-key", ...common() });
      await expect(wrong.chat.completions.create(request)).rejects.toThrow(OpenAI.AuthenticationError);
      await expect(client().files.list()).rejects.toThrow(OpenAI.PermissionDeniedError);
      await stand.changeState({ status: "suspended" });
      await expect(client().chat.completions.create(request)).rejects.toThrow(OpenAI.BadRequestError);
    });

    it.each(["openrouter", "custom", "litellm"] as const)(
      "speaks to %s under the base URL handed out",
      async (kind) => {
        await open(kind);
        const completion = await client().chat.completions.create(request);
        expect(completion.usage?.total_tokens).toBe(42);
        for await (const _ of await client().chat.completions.create({ ...request, stream: true }));
        expect(await spent()).toBe(2 * each);
        await stand.changeState({ quotas: { maxTokensPerMonth: 1 } });
        await expect(client().chat.completions.create(request)).rejects.toThrow(/Monthly token quota exceeded/);
      },
    );
  });

  describe("@google/genai", () => {
    const request = { model: "gemini-2.5-pro", contents: "hello" };
    const each = 30 + 12 + 5;
    // It has no `fetch` option: the fetch handler is reached over HTTP as well.
    const client = (apiKey = stand.key, apiVersion?: string) => {
      const origin = transport === "node" ? stand.origin : stand.fetchOrigin;
      const httpOptions = { baseUrl: `${origin}/proxy/gemini`, retryOptions: { attempts: 1 } };
      return new GoogleGenAI({ apiKey, ...(apiVersion && { apiVersion }), httpOptions });
    };

    it("generates: JSON, stream, tools, embeddings, token count, both versions", async () => {
      await open("gemini");
      expect((await client().models.generateContent(request)).text).toContain("🚀");
      let text = "";
      for await (const chunk of await client().models.generateContentStream(request)) text += chunk.text ?? "";
      expect(text).toContain("🚀");
      const config = { tools: [{ functionDeclarations: [{ name: "weather" }] }] };
      const used = await client().models.generateContent({ ...request, config });
      expect(used.functionCalls?.[0]).toMatchObject({ name: "weather", args: city });
      expect((await client(stand.key, "v1").models.generateContent(request)).text).toContain("🚀");
      expect(await spent()).toBe(4 * each);
      const embedded = await client().models.embedContent({ model: "gemini-embedding-001", contents: "hello" });
      expect(embedded.embeddings?.[0]?.values).toHaveLength(3);
      expect(await spent()).toBe(4 * each + 30);
      expect((await client().models.countTokens(request)).totalTokens).toBe(9);
    });

    it("gets its own error class", async () => {
      await open("gemini", { maxTokensPerMonth: 10 });
      await expect(client().models.generateContent(request)).rejects.toThrow(/Monthly token quota exceeded/);
      await expect(client().models.generateContent(request)).rejects.toMatchObject({ status: 429 });
      await expect(client("AIza-not-a-real-key").models.generateContent(request)).rejects.toThrow(ApiError);
      await expect(client("AIza-not-a-real-key").models.generateContent(request)).rejects.toMatchObject({
        status: 401,
      });
    });
  });
});
