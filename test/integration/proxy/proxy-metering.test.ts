import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { freePort } from "../../free-port.ts";
import { masterKey, type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

interface Case {
  kind: ProviderKind;
  name: string;
  json: [path: string, body: Record<string, unknown>];
  stream: [path: string, body: Record<string, unknown>];
  credential: (key: string) => Record<string, string>;
  sent: [name: string, value: string];
  /** The total of `usage` below. */
  total: number;
}

const usage = { input: 101, output: 23, cacheCreation: 7, cacheRead: 11, thoughts: 13 };
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const messages = [{ role: "user", content: "Grüß dich" }];
const contents = [{ role: "user", parts: [{ text: "Grüß dich" }] }];

const cases: Case[] = [
  {
    kind: "anthropic",
    name: "anthropic messages",
    json: ["/proxy/anthropic/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 64, messages }],
    stream: ["/proxy/anthropic/v1/messages", { model: "claude-sonnet-4-5", max_tokens: 64, messages, stream: true }],
    credential: (key) => ({ "x-api-key": key }),
    sent: ["x-api-key", masterKey],
    total: 101 + 23 + 7 + 11,
  },
  {
    kind: "openai",
    name: "openai chat",
    json: ["/proxy/openai/v1/chat/completions", { model: "gpt-5", messages }],
    stream: ["/proxy/openai/v1/chat/completions", { model: "gpt-5", messages, stream: true }],
    credential: bearer,
    sent: ["authorization", `Bearer ${masterKey}`],
    total: 124,
  },
  {
    kind: "openai",
    name: "openai responses",
    json: ["/proxy/openai/v1/responses", { model: "gpt-5", input: "Grüß dich" }],
    stream: ["/proxy/openai/v1/responses", { model: "gpt-5", input: "Grüß dich", stream: true }],
    credential: bearer,
    sent: ["authorization", `Bearer ${masterKey}`],
    total: 124,
  },
  {
    kind: "gemini",
    name: "gemini",
    json: ["/proxy/gemini/v1beta/models/gemini-2.5-pro:generateContent", { contents }],
    stream: ["/proxy/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", { contents }],
    credential: (key) => ({ "x-goog-api-key": key }),
    sent: ["x-goog-api-key", masterKey],
    total: 137,
  },
  {
    kind: "openrouter",
    name: "openrouter",
    json: ["/proxy/openrouter/api/v1/chat/completions", { model: "anthropic/claude-sonnet-4-5", messages }],
    stream: ["/proxy/openrouter/api/v1/chat/completions", { model: "x/y", messages, stream: true }],
    credential: bearer,
    sent: ["authorization", `Bearer ${masterKey}`],
    total: 124,
  },
  {
    kind: "custom",
    name: "a custom base URL",
    json: ["/proxy/custom/chat/completions", { model: "llama", messages }],
    stream: ["/proxy/custom/v1/chat/completions", { model: "llama", messages, stream: true }],
    credential: bearer,
    sent: ["authorization", `Bearer ${masterKey}`],
    total: 124,
  },
];

const limit = 1_000_000;
let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  describe.each(cases)("$name", ({ kind, json, stream, credential, sent, total }) => {
    let stand: ProxyStand;
    let post: (call: [string, Record<string, unknown>], headers?: Record<string, string>) => Promise<Response>;
    beforeEach(async () => {
      upstream.behave("reset");
      upstream.behave({ usage });
      upstream.seen.length = 0;
      stand = await proxyStand({ kind, upstream: upstream.origin, quotas: { maxTokensPerMonth: limit } });
      post = ([path, body], headers = {}) =>
        stand.fetchBy(transport)(path, {
          method: "POST",
          headers: { "content-type": "application/json", ...credential(stand.key), ...headers },
          body: JSON.stringify(body),
        });
      return () => stand.close();
    });
    const left = () => stand.quota("maxTokensPerMonth", limit);

    it("charges what the provider reports, for JSON", async () => {
      const response = await post(json);
      expect(response.status).toBe(200);
      expect(await response.json()).toBeTypeOf("object");
      expect(await left()).toMatchObject({ used: total, reserved: 0, left: limit - total });
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
    });

    it("charges what the provider reports, for a stream, and passes it on as it is", async () => {
      const response = await post(stream);
      expect(response.headers.get("content-type")).toContain("text/event-stream");
      const text = await response.text();
      expect(text).toContain("🚀");
      expect(text.includes('"choices":[]')).toBe(kind === "openrouter");
      expect(await left()).toMatchObject({ used: total, reserved: 0 });
    });

    it("sends the master key in the client's place, and nothing of the client's own", async () => {
      await (
        await post(json, {
          cookie: "session=1",
          "x-forwarded-for": "10.0.0.1",
          "proxy-authorization": "Basic x",
          "openai-organization": "org-other",
          "x-litellm-api-key": stand.key,
          "x-stainless-lang": "js",
        })
      ).text();
      const { headers } = upstream.seen[0]!;
      expect(headers[sent[0]]).toBe(sent[1]);
      expect(JSON.stringify(upstream.seen[0])).not.toContain(stand.key);
      for (const name of ["cookie", "x-forwarded-for", "proxy-authorization", "openai-organization"]) {
        expect(headers[name], name).toBeUndefined();
      }
      expect(headers["accept-encoding"]).toBe("identity");
      expect(headers["x-stainless-lang"]).toBe("js");
      expect(headers.host).toBe(new URL(upstream.origin).host);
    });

    it.each(["gzip", "br"] as const)(
      "meters an answer that comes as %s though identity was asked",
      async (encoding) => {
        upstream.behave({ encoding });
        for (const call of [json, stream]) {
          const response = await post(call);
          expect(response.headers.get("content-encoding")).toBeNull();
          expect(await response.text()).toContain("🚀");
        }
        expect((await left()).used).toBe(2 * total);
      },
    );

    it.each(["\n", "\r\n", "\r"] as const)(
      "meters a stream with line ends %j, cut into single bytes",
      async (lineEnd) => {
        upstream.behave({ lineEnd, chunkBytes: 1, pieces: 2 });
        await (await post(stream)).text();
        expect((await left()).used).toBe(total);
      },
    );

    it("charges what was reserved where the usage is missing", async () => {
      upstream.behave({ tellsUsage: false });
      for (const [call, count] of [
        [json, 1],
        [stream, 2],
      ] as const) {
        const before = (await left()).used;
        await (await post(call)).text();
        const state = await left();
        expect(state.reserved, String(count)).toBe(0);
        expect(state.used - before).toBeGreaterThanOrEqual(JSON.stringify(call[1]).length);
      }
    });

    it("takes a report of nothing but zeros for none, and keeps a chunk that was not asked for all the same", async () => {
      upstream.behave({ usage: { input: 0, output: 0, cacheCreation: 0, cacheRead: 0, thoughts: 0 } });
      for (const call of [json, stream]) {
        const before = (await left()).used;
        const text = await (await post(call)).text();
        expect(text.includes('"choices":[]')).toBe(kind === "openrouter" && call === stream);
        const state = await left();
        expect(state.reserved).toBe(0);
        expect(state.used - before).toBeGreaterThanOrEqual(JSON.stringify(call[1]).length);
      }
    });

    it("charges what was reserved where the terminal marker is missing, unless a chat's usage came last", async () => {
      upstream.behave({ terminal: false });
      await (await post(stream)).text();
      const { used } = await left();
      if (stream[0].endsWith("/chat/completions")) expect(used).toBe(total);
      else expect(used).toBeGreaterThan(total);
    });

    it("breaks off where the upstream breaks off, and charges what was reserved", async () => {
      upstream.behave({ cut: "in the middle", pieces: 40, pieceBytes: 500 });
      await expect(post(stream).then((response) => response.text())).rejects.toThrow();
      const state = await left();
      expect(state.used).toBeGreaterThan(total);
      expect(state.reserved).toBe(0);
    });

    it.each([400, 403, 429, 503, 529])(
      "passes an upstream %i on untouched: it is a request, and costs no tokens",
      async (status) => {
        const errorBody = '{"error": {"message" :"as it came", "code":1}}';
        upstream.behave({ status, errorBody, headers: { "retry-after": "7", "x-ratelimit-limit-requests": "9" } });
        for (const call of [json, stream]) {
          const response = await post(call);
          expect(response.status).toBe(status);
          expect(await response.text()).toBe(errorBody);
          expect(response.headers.get("retry-after")).toBe("7");
          expect(response.headers.get("x-ratelimit-limit-requests")).toBe("9");
        }
        expect(await left()).toMatchObject({ used: 0, reserved: 0 });
        expect((await stand.quota("maxRequestsPerDay")).used).toBe(2);
      },
    );

    it.each([408, 499, 500, 502, 504, 520, 524])(
      "passes an upstream %i on, and charges what was reserved: the provider may have worked",
      async (status) => {
        upstream.behave({ status });
        expect((await post(json)).status).toBe(status);
        expect((await left()).used).toBeGreaterThan(JSON.stringify(json[1]).length);
        expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
      },
    );

    it("answers 502 in the provider's shape where the connection breaks off after sending, and charges it", async () => {
      upstream.behave({ cut: "before headers" });
      const response = await post(json);
      expect(response.status).toBe(502);
      expect(((await response.json()) as { error: { message: string } }).error.message).toContain("reached");
      expect((await left()).used).toBeGreaterThan(JSON.stringify(json[1]).length);
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
    });

    it("answers 502 where no connection comes about, and charges nothing at all", async () => {
      stand.stored["ai-providers"].set(stand.provider.id, {
        ...stand.provider,
        baseUrl: stand.provider.baseUrl!.replace(/:\d+/, `:${await freePort()}`),
      });
      const response = await post(json);
      expect(response.status).toBe(502);
      expect(((await response.json()) as { error: { message: string } }).error.message).toContain("not be reached");
      expect(await left()).toMatchObject({ used: 0, reserved: 0 });
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(0);
    });

    it("never follows a redirect with the master key", async () => {
      upstream.behave({ status: 307, headers: { location: `${upstream.origin}/elsewhere` } });
      const response = await post(json);
      expect(response.status).toBe(502);
      expect(response.headers.get("location")).toBeNull();
      expect(upstream.seen).toHaveLength(1);
      expect((await left()).used).toBe(0);
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
    });

    it("keeps upstream cookies and connection headers to itself", async () => {
      upstream.behave({
        headers: {
          "set-cookie": "a=b",
          "alt-svc": 'h3=":443"',
          "openai-version": "kept",
          connection: "x-request-id",
          "x-request-id": "1",
        },
      });
      const response = await post(json);
      await response.text();
      expect(response.headers.get("set-cookie")).toBeNull();
      expect(response.headers.get("alt-svc")).toBeNull();
      expect(response.headers.get("x-request-id")).not.toBe("1");
      expect(response.headers.get("openai-version")).toBe("kept");
    });

    it("gives up on a silent upstream, and charges what was reserved: it was sent, and may be billed", async () => {
      await stand.close();
      stand = await proxyStand({
        kind,
        upstream: upstream.origin,
        quotas: { maxTokensPerMonth: limit },
        settings: { proxy: { silenceTimeoutMs: 100 } },
      });
      upstream.behave({ delayMs: 3_000 });
      const response = await post(json);
      expect(response.status).toBe(504);
      await response.text();
      const { used, reserved } = await left();
      expect(reserved).toBe(0);
      expect(used).toBeGreaterThan(JSON.stringify(json[1]).length);
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(1);
    });

    it("aborts upstream when the client leaves, and charges what it may have cost by then", async () => {
      // Google goes on, and bills it.
      const goesOn = kind === "gemini";
      upstream.behave({ intervalMs: 20, pieces: goesOn ? 20 : 500 });
      const controller = new AbortController();
      const fetchIt = stand.fetchBy(transport);
      const response = await fetchIt(stream[0], {
        method: "POST",
        headers: credential(stand.key),
        body: JSON.stringify(stream[1]),
        signal: controller.signal,
      });
      const reader = response.body!.getReader();
      await reader.read();
      const { reserved } = await left();
      expect(reserved).toBeGreaterThan(0);
      if (transport === "node") controller.abort();
      else await reader.cancel();
      await expect.poll(() => upstream.seen[0]![goesOn ? "finished" : "aborted"], { timeout: 3_000 }).toBe(true);
      await expect.poll(async () => (await left()).reserved).toBe(0);
      const { used } = await left();
      if (goesOn) expect(used).toBe(total);
      expect(used).toBeGreaterThan(total - usage.output);
      expect(used).toBeLessThanOrEqual(reserved);
    });
  });
});
