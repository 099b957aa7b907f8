import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { issueToken } from "../../../src/domain/token.ts";
import { chargeCounter } from "../../charge-counter.ts";
import { masterKey, type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

const messages = [{ role: "user", content: "hello" }];
const calls: Record<
  "anthropic" | "openai" | "gemini",
  { path: string; body: Record<string, unknown>; header: string }
> = {
  anthropic: {
    path: "/v1/messages",
    body: { model: "claude-sonnet-4-5", max_tokens: 64, messages },
    header: "x-api-key",
  },
  openai: { path: "/v1/chat/completions", body: { model: "gpt-5", messages, max_tokens: 64 }, header: "authorization" },
  gemini: {
    path: "/v1beta/models/gemini-2.5-pro:generateContent",
    body: { contents: [{ parts: [{ text: "hello" }] }] },
    header: "x-goog-api-key",
  },
};
type Kind = keyof typeof calls;
const kinds = Object.keys(calls) as Kind[];

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

/** The error's message where every SDK of that provider expects it. */
function messageOf(kind: ProviderKind, body: unknown, status: number): string {
  const { error, ...rest } = body as { error: Record<string, unknown>; type?: string; request_id?: string };
  if (kind === "anthropic") {
    expect(rest.type).toBe("error");
    expect(rest.request_id).toBeTypeOf("string");
    expect(error.type).toBeTypeOf("string");
  } else if (kind === "gemini") {
    expect(error.code).toBe(status);
    expect(error.status).toMatch(/^[A-Z_]+$/);
  } else expect(error).toHaveProperty("param");
  return String(error.message);
}

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  describe.each(kinds)("%s", (kind) => {
    const { path, body, header } = calls[kind];
    let stand: ProxyStand;
    beforeEach(async () => {
      stand = await proxyStand({ kind, upstream: upstream.origin, quotas: { maxTokensPerMonth: 100_000 } });
      return () => stand.close();
    });

    const credential = (key: string) => ({ [header]: header === "authorization" ? `Bearer ${key}` : key });
    async function ask(
      options: {
        key?: string | undefined;
        to?: string;
        method?: string;
        headers?: Record<string, string>;
        body?: unknown;
      } = {},
    ) {
      const { method = "POST" } = options;
      const response = await stand.fetchBy(transport)(options.to ?? `/proxy/${kind}${path}`, {
        method,
        headers: {
          ...("key" in options ? options.key && credential(options.key) : credential(stand.key)),
          ...options.headers,
        },
        ...(method === "POST" && { body: JSON.stringify(options.body ?? body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text ? (JSON.parse(text) as unknown) : undefined,
      };
    }
    const refused = async (status: number, options: Parameters<typeof ask>[0] = {}) => {
      const answer = await ask(options);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("x-request-id")).toBeTruthy();
      expect(upstream.seen).toHaveLength(0);
      expect(await stand.quota("maxTokensPerMonth")).toMatchObject({ used: 0, reserved: 0 });
      return { ...answer, message: messageOf(kind, answer.body, status) };
    };

    it("answers 401 to a key that is missing, malformed, mistyped, unknown, foreign or of another kind", async () => {
      const { randomBytes } = stand.context.crypto;
      const wrong = [
        undefined,
        "",
        "custom-local",
        masterKey,
        `${stand.key}x`,
        stand.key.slice(0, -1) + (stand.key.endsWith("a") ? "b" : "a"),
        issueToken("ocv", "A".repeat(16), randomBytes),
        issueToken("ocv", stand.keyId, randomBytes),
        issueToken("ocp", stand.keyId, randomBytes),
      ];
      for (const key of wrong) {
        const { headers } = await refused(401, { key });
        expect(headers.get("www-authenticate")).toMatch(/^Bearer/);
      }
      const other = await stand.addProvider({ kind: "custom", provider: "other", id: "prov_other" });
      await refused(401, { key: (await stand.addKey(other)).key });
    });

    it("answers 401 at every path without a valid key, so that nothing can be enumerated", async () => {
      for (const to of ["/proxy/nobody/v1/messages", `/proxy/${kind}/v1/files`, "/proxy/", `/proxy/${kind}`]) {
        expect((await ask({ to, key: "nothing" })).status).toBe(401);
        expect((await ask({ to, key: "nothing", method: "GET" })).status).toBe(401);
      }
      expect((await ask({ to: "/proxy/nobody/v1/messages" })).status).toBe(401);
    });

    it("refuses a deleted, a revoked and an expired key with 401 at once, also where records lag", async () => {
      await stand.changeState({ status: "revoked" }, { recordLags: true });
      await refused(401);
      await stand.changeState({ status: "active", expiresAt: "2020-01-01T00:00:00.000Z" }, { recordLags: true });
      await refused(401);
      stand.stored["ai-keys"].delete(stand.keyId);
      await refused(401);
    });

    it("refuses a suspended key with 400, and takes it again once it is resumed, also where records lag", async () => {
      expect((await ask()).status).toBe(200);
      upstream.seen.length = 0;
      await stand.changeState({ status: "suspended" }, { recordLags: true });
      const answer = await ask();
      expect(answer.status).toBe(400);
      expect(messageOf(kind, answer.body, 400)).toContain("suspended");
      if (kind !== "gemini") expect(answer.body).toMatchObject({ error: { type: "invalid_request_error" } });
      await stand.changeState({ status: "active" }, { recordLags: true });
      expect((await ask()).status).toBe(200);
    });

    it("refuses the key of a revoked AI provider", async () => {
      stand.stored["ai-providers"].set(stand.provider.id, { ...stand.provider, revokedAt: "2026-11-01T00:00:00.000Z" });
      await refused(401);
    });

    it("refuses with 403 whatever is not on the list of metered endpoints", async () => {
      const elsewhere = [
        "/v1/messages/batches",
        "/v1/files",
        "/v1/completions",
        "/v1/images/generations",
        "/v1/organization/api_keys",
        "/v1/responses/resp_1",
        "/v1beta/models/gemini-2.5-pro:batchGenerateContent",
        "/v1beta/cachedContents",
        "/v1beta/tunedModels/x:generateContent",
        `${path}/`,
        `/${path}`,
        `${path};x`,
        path.replace("/v1", "/V1"),
        path.replace("/v1", "/v1/%2e%2e%2fv1"),
        path.replace(/\/(?=[^/]*$)/, "%2f"),
      ];
      for (const rest of elsewhere) await refused(403, { to: `/proxy/${kind}${rest}` });
      await refused(403, { method: "DELETE" });
      await refused(403, { headers: { "x-http-method-override": "GET" }, method: "PUT" });
    });

    it("refuses a model that is not on the key's list with 403, however the body says it", async () => {
      await stand.changeState({ models: [`${kind}/allowed-model`] });
      const { message } = await refused(403);
      expect(message).toContain(String(body.model ?? "gemini-2.5-pro"));
      if (kind === "gemini") {
        const to = `/proxy/gemini/v1/models/allowed-model:generateContent`;
        expect((await ask({ to })).status).toBe(200);
        return;
      }
      expect((await ask({ body: { ...body, model: "allowed-model" } })).status).toBe(200);
      upstream.seen.length = 0;
      const twice = await stand.fetchBy(transport)(`/proxy/${kind}${path}`, {
        method: "POST",
        headers: credential(stand.key),
        body: JSON.stringify({ ...body, model: "allowed-model" }).replace("{", '{"mod\\u0065l":"other",'),
      });
      expect(twice.status).toBe(400);
      const otherCase = await ask({ body: { ...body, model: "allowed-model", Model: "other" } });
      expect(otherCase.status).toBe(400);
      expect(upstream.seen).toHaveLength(0);
    });

    it("answers 413 to a body over the limit, said beforehand or not", async () => {
      await stand.close();
      stand = await proxyStand({ kind, upstream: upstream.origin, settings: { proxy: { maxBodyBytes: 2_048 } } });
      const large = { ...body, padding: "x".repeat(4_000) };
      await refused(413, { body: large });
      const chunked = await stand.fetchBy(transport)(`/proxy/${kind}${path}`, {
        method: "POST",
        headers: credential(stand.key),
        body: new Blob([JSON.stringify(large)]).stream(),
        duplex: "half",
      } as RequestInit);
      expect(chunked.status).toBe(413);
      await chunked.text();
      expect((await ask()).status).toBe(200);
    });

    it("answers 400 to a body that is no JSON object, or compressed", async () => {
      for (const text of ["", "{", "[]", "null", '"x"', "\ufeff{}", new Uint8Array([0x7b, 0xff, 0x7d])]) {
        const response = await stand.fetchBy(transport)(`/proxy/${kind}${path}`, {
          method: "POST",
          headers: credential(stand.key),
          body: text,
        });
        expect(response.status).toBe(400);
        await response.text();
      }
      await refused(400, { headers: { "content-encoding": "gzip" } });
    });

    it("takes count_tokens, models and moderations for free, also when all is spent, and no more a minute", async () => {
      const now = Date.UTC(2026, 10, 22, 18, 0, 30);
      await stand.close();
      const quotas = { maxTokensPerMonth: 0, maxRequestsPerDay: 0, maxRequestsPerMinute: 4 };
      stand = await proxyStand({ kind, upstream: upstream.origin, quotas, now: () => now });
      const free: Record<Kind, [string, string][]> = {
        anthropic: [
          ["POST", "/v1/messages/count_tokens"],
          ["GET", "/v1/models?limit=5"],
          ["GET", "/v1/models/claude-x"],
        ],
        openai: [
          ["GET", "/v1/models"],
          ["GET", "/v1/models/gpt-5"],
          ["POST", "/v1/responses/input_tokens"],
        ],
        gemini: [
          ["POST", "/v1/models/gemini-2.5-pro:countTokens"],
          ["GET", "/v1beta/models"],
        ],
      };
      for (const [method, rest] of free[kind]) {
        expect((await ask({ method, to: `/proxy/${kind}${rest}` })).status, rest).toBe(200);
      }
      await stand.idle();
      expect((await stand.quota("maxRequestsPerDay")).used).toBe(0);
      expect((await stand.quota("maxTokensPerMonth")).used).toBe(0);
      const { usage } = (await import("../../../src/storage/ledger-names.ts")).aiKeyLedger(stand.keyId);
      const rows = await stand.context.ledger.usage(usage, "2026-11-22", "2026-11-22");
      expect(rows).toMatchObject([{ model: "(free)", requests: free[kind].length, tokens: 0 }]);
      const models = { method: "GET", to: `/proxy/${kind}${kind === "gemini" ? "/v1beta" : "/v1"}/models` };
      for (let turn = free[kind].length; turn < 4; turn++) expect((await ask(models)).status).toBe(200);
      expect((await ask(models)).status).toBe(429);
    });

    it("answers 429 with the reset when a quota is spent, worded so that OpenClaw does not sleep through it", async () => {
      const now = Date.UTC(2026, 10, 22, 18, 0, 30);
      await stand.close();
      stand = await proxyStand({
        kind,
        upstream: upstream.origin,
        quotas: { maxTokensPerMonth: 1_000_000 },
        now: () => now,
      });
      const { tokens } = (await import("../../../src/storage/ledger-names.ts")).aiKeyLedger(stand.keyId);
      await chargeCounter(stand.context.ledger, tokens, "2026-11", 1_000_000);
      const answer = await ask();
      expect(answer.status).toBe(429);
      const untilReset = String((Date.UTC(2026, 11, 1) - now) / 1000);
      expect(answer.headers.get("retry-after")).toBe(kind === "openai" ? null : untilReset);
      expect(answer.headers.get("x-should-retry")).toBe("false");
      expect(messageOf(kind, answer.body, 429)).toBe(
        "Monthly token quota exceeded (usage limit 1,000,000; resets 2026-12-01T00:00:00Z)",
      );
      await stand.changeState({ quotas: { maxRequestsPerDay: 0 } });
      const daily = await ask();
      expect(messageOf(kind, daily.body, 429)).toBe(
        "Daily request quota exceeded (usage limit 0; resets 2026-11-23T00:00:00Z)",
      );
      await stand.changeState({ quotas: { maxRequestsPerMinute: 0 } });
      const minute = await ask();
      expect(minute.headers.get("retry-after")).toBe("30");
      const wording = messageOf(kind, minute.body, 429);
      expect(wording).toContain("per minute");
      expect(wording).not.toMatch(/daily|weekly|monthly|per day|per month|usage limit|quota exceeded|current quota/i);
    });

    it("says what is left and what was asked where a request alone cannot fit", async () => {
      await stand.changeState({ quotas: { maxTokensPerDay: 300 } });
      const large = JSON.parse(JSON.stringify(body).replace("hello", "hello ".repeat(200))) as unknown;
      const { message, headers } = await refused(429, { body: large });
      // Gemini's has no bound of its own, and would be content with what is of use.
      const asked = kind === "gemini" ? "needs at least" : "asks for up to";
      const wording = `^Daily token quota exceeded: this request ${asked} [15],[\\d]+ tokens, 300 are left`;
      expect(message).toMatch(new RegExp(wording));
      if (kind !== "openai") expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    });

    it("says to wait for seconds, not for the reset, where requests in flight hold what is left", async () => {
      const unbound = { body: { ...body, max_tokens: undefined } };
      await stand.changeState({ quotas: { maxTokensPerMonth: 8_200 } });
      upstream.behave({ delayMs: 500 });
      const first = ask(unbound);
      await expect.poll(() => upstream.seen).toHaveLength(1);
      const second = await ask(unbound);
      expect(messageOf(kind, second.body, second.status)).toContain("Requests in flight hold the rest");
      expect(second.status).toBe(429);
      expect(second.headers.get("retry-after")).toBe("2");
      expect(second.headers.get("x-should-retry")).toBeNull();
      expect((await first).status).toBe(200);
      upstream.behave({ delayMs: 0 });
      expect((await ask(unbound)).status).toBe(200);
    });

    it("refuses while the ledger cannot be written: nothing is sent unaccounted", async () => {
      stand.context.ledger.reserve = async () => {
        throw new (await import("../../../src/errors.ts")).Problem("store_unwritable");
      };
      const answer = await ask();
      expect(answer.status).toBe(503);
      expect(upstream.seen).toHaveLength(0);
    });

    it("answers as the provider did where the settlement fails, and says so in log and metrics", async () => {
      const { ledger } = stand.context;
      const settle = ledger.settle;
      ledger.settle = () => Promise.reject(new Error("disk full"));
      expect((await ask()).status).toBe(200);
      await stand.idle();
      ledger.settle = settle;
      expect(stand.logs.some(({ message }) => message.includes("could not be settled"))).toBe(true);
      expect(stand.context.metrics.render()).toContain(`openclaw_proxy_settle_failures_total{provider="${kind}"} 1`);
      // It stays charged.
      expect((await stand.quota("maxTokensPerMonth")).reserved).toBeGreaterThan(0);
    });

    it("counts refusals by provider where a key vouched for it, and only there", async () => {
      await ask({ to: `/proxy/${kind}/v1/nothing-of-the-kind` });
      await ask({ key: "ocv_nobody" });
      const counted = stand.context.metrics.render();
      expect(counted).toContain(`openclaw_proxy_requests_total{provider="${kind}",outcome="refused_403"} 1`);
      expect(counted).toContain('openclaw_proxy_requests_total{provider="-",outcome="refused_401"} 1');
    });

    it("throttles failed keys by address, after the fact, and lets the owner of a right one pass", async () => {
      await stand.close();
      stand = await proxyStand({ kind, upstream: upstream.origin, settings: { authFailuresPerMinute: 3 } });
      const guess = issueToken("ocv", stand.keyId, stand.context.crypto.randomBytes);
      const statuses = [];
      for (let turn = 0; turn < 5; turn++) statuses.push((await ask({ key: guess })).status);
      expect(statuses).toEqual([401, 401, 401, 429, 429]);
      expect((await ask({ key: guess })).headers.get("retry-after")).toMatch(/^\d+$/);
      expect((await ask()).status).toBe(200);
    });

    it("never shows a key in an error of its own, nor the master key in an upstream's", async () => {
      const { body: unauthorized } = await refused(401, {
        key: issueToken("ocv", stand.keyId, stand.context.crypto.randomBytes),
      });
      expect(JSON.stringify(unauthorized)).not.toContain(stand.keyId);
      upstream.behave({
        status: 400,
        errorBody: `{"error":{"message":"bad key ${masterKey}"}}`,
        headers: { "x-echo": masterKey },
      });
      const answer = await ask();
      expect(answer.status).toBe(400);
      expect(answer.headers.get("x-echo")).toBeNull();
      expect(JSON.stringify(answer.body)).toBe('{"error":{"message":"bad key [redacted]"}}');
      expect(JSON.stringify(stand.logs)).not.toContain(masterKey);
    });

    // A fetch handler gets no upgrade requests.
    if (transport === "node")
      it("refuses to become a WebSocket", async () => {
        const { port } = new URL(stand.origin);
        const socket = connect(Number(port), "127.0.0.1");
        const credentialLine = Object.entries(credential(stand.key)).map(([name, value]) => `${name}: ${value}`)[0];
        socket.write(
          `GET /proxy/${kind}/v1/models HTTP/1.1\r\nHost: x\r\n${credentialLine}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        );
        const [first] = (await new Promise<Buffer>((resolve) => socket.once("data", resolve))).toString().split("\r\n");
        socket.destroy();
        expect(first).toContain("426");
        expect(upstream.seen).toHaveLength(0);
      });
  });
});

it("refuses OpenRouter's panels of models to a key with a list of models that does not have them", async () => {
  const stand = await proxyStand({ kind: "openrouter", upstream: upstream.origin, models: ["x/y"] });
  const ask = async (change: Record<string, unknown>) => {
    const response = await fetch(`${stand.origin}/proxy/openrouter/api/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model: "x/y", messages, ...change }),
    });
    await response.text();
    return response.status;
  };
  expect(await ask({ tools: [{ type: "function", function: { name: "fusion" } }], plugins: [{ id: "web" }] })).toBe(
    200,
  );
  upstream.seen.length = 0;
  expect(await ask({ plugins: [{ id: "fusion" }] })).toBe(403);
  expect(await ask({ plugins: [{ id: "other", analysis_models: ["x/y", "a/b"] }] })).toBe(403);
  expect(await ask({ tools: [{ type: "openrouter:fusion" }] })).toBe(403);
  expect(await ask({ tools: [{ type: "openrouter:other", parameters: { model: "a/b" } }] })).toBe(403);
  expect(upstream.seen).toHaveLength(0);
  await stand.close();
});

it("takes Gemini's key from the query, and does not send it on", async () => {
  const stand = await proxyStand({ kind: "gemini", upstream: upstream.origin });
  const { path, body } = calls.gemini;
  const query = `?key=${stand.key}&alt=sse&fields=candidates&%24fields=candidates&access_token=x`;
  const response = await fetch(`${stand.origin}/proxy/gemini${path}${query}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  await response.text();
  expect(upstream.seen[0]?.url).toBe(`${path}?alt=sse`);
  const twice = await fetch(`${stand.origin}/proxy/gemini${path}?key=${stand.key}&key=x`, {
    method: "POST",
    body: "{}",
  });
  expect(twice.status).toBe(401);
  await stand.close();
});

it("a refusal that cuts a name short stays JSON that every parser takes", async () => {
  const stand = await proxyStand({ upstream: upstream.origin, models: ["gpt-5"] });
  try {
    const response = await fetch(`${stand.baseUrl}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model: `${"m".repeat(199)}\u{1f600}`, messages }),
    });
    const { error } = (await response.json()) as { error: { message: string } };
    expect([response.status, error.message.isWellFormed()]).toEqual([403, true]);
  } finally {
    await stand.close();
  }
});
