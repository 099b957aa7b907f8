import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { chargeCounter } from "../../charge-counter.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** The reaction of agents' clients to a refusal: one that a retry cannot mend must end at once. */

const messages = [{ role: "user", content: "hello" }];
const calls: Record<ProviderKind, { path: string; body: Record<string, unknown> }> = {
  anthropic: { path: "/v1/messages", body: { model: "claude-sonnet-4-5", max_tokens: 64, messages } },
  openai: { path: "/v1/chat/completions", body: { model: "gpt-5", messages, max_tokens: 64 } },
  openrouter: { path: "/api/v1/chat/completions", body: { model: "x/y", messages, max_tokens: 64 } },
  litellm: { path: "/v1/chat/completions", body: { model: "x", messages, max_tokens: 64 } },
  custom: { path: "/chat/completions", body: { model: "x", messages, max_tokens: 64 } },
  gemini: { path: "/v1beta/models/gemini-2.5-pro:generateContent", body: { contents: [{ parts: [{ text: "hi" }] }] } },
};
const kinds = Object.keys(calls) as ProviderKind[];

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let stand: ProxyStand | undefined;
  beforeEach(() => () => stand?.close());

  async function ask(kind: ProviderKind, init: RequestInit & { key?: string; to?: string } = {}) {
    const { key = stand!.key, to = calls[kind].path, ...rest } = init;
    const response = await stand!.fetchBy(transport)(`/proxy/${kind}${to}`, {
      method: "POST",
      ...((rest.method ?? "POST") === "POST" && { body: JSON.stringify(calls[kind].body) }),
      ...rest,
      headers: { authorization: `Bearer ${key}`, "x-goog-api-key": key, ...rest.headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  }

  it.each(kinds)("%s: a spent quota surfaces at once, and what is in flight is waited for", async (kind) => {
    const now = Date.UTC(2026, 10, 30, 23, 58);
    stand = await proxyStand({ kind, upstream: upstream.origin, quotas: { maxTokensPerMonth: 9_000 }, now: () => now });
    const { tokens } = aiKeyLedger(stand.keyId);
    await chargeCounter(stand.context.ledger, tokens, "2026-11", 9_000);
    const spent = await ask(kind);
    expect(spent.status).toBe(429);
    expect(spent.headers.get("x-should-retry")).toBe("false");
    // Codex sleeps through it in silence, and gemini-cli through up to five minutes.
    expect(spent.headers.get("retry-after")).toBe(kind === "anthropic" || kind === "gemini" ? "120" : null);
    // opencode would sleep until the reset, and the AI SDK for seconds.
    expect(spent.headers.get("retry-after-ms")).toBe("500");
    expect(spent.text).not.toContain("insufficient_quota");
    const message = "Monthly token quota exceeded (usage limit 9,000; resets 2026-12-01T00:00:00Z)";
    expect(JSON.parse(spent.text)).toMatchObject({ error: { message } });
    if (kind === "gemini") {
      expect(JSON.parse(spent.text)).toMatchObject({
        error: {
          status: "RESOURCE_EXHAUSTED",
          details: [
            {
              "@type": "type.googleapis.com/google.rpc.QuotaFailure",
              violations: [{ quotaId: "max-tokens-per-month", description: message }],
            },
            { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "301s" },
          ],
        },
      });
    }
    await stand.context.ledger.forget(tokens);
    await stand.changeState({ quotas: { maxTokensPerMonth: 500 } });
    upstream.behave({ delayMs: 300 });
    const bound = { maxOutputTokens: 64 };
    const body = JSON.stringify({ ...calls[kind].body, ...(kind === "gemini" && { generationConfig: bound }) });
    const many = await Promise.all([1, 2, 3, 4].map(() => ask(kind, { body })));
    const waits = many.filter(({ status }) => status === 429);
    expect(waits.length).toBeGreaterThan(0);
    for (const { headers, text } of waits) {
      const steering = ["retry-after", "retry-after-ms", "x-should-retry"].map((name) => headers.get(name));
      expect(steering).toEqual(["2", null, null]);
      if (kind === "gemini") expect(text).toContain('"retryDelay":"2s"');
    }
  });

  it("says of what no retry mends that none does, and of the rest nothing", async () => {
    stand = await proxyStand({ upstream: upstream.origin, quotas: { maxTokensPerMonth: 100_000 } });
    const shouldRetry = async (init: Parameters<typeof ask>[1]) => {
      const { status, headers } = await ask("openai", init);
      return [status, headers.get("x-should-retry")];
    };
    expect(await shouldRetry({ key: "nothing" })).toEqual([401, "false"]);
    expect(await shouldRetry({ body: "{" })).toEqual([400, "false"]);
    expect(await shouldRetry({ to: "/v1/files" })).toEqual([403, "false"]);
    await stand.changeState({ status: "suspended" });
    expect(await shouldRetry({})).toEqual([400, "false"]);
    await stand.changeState({ status: "active", quotas: { maxRequestsPerMinute: 0 } });
    expect(await shouldRetry({})).toEqual([429, null]);
    stand.context.ledger.reserve = async () => {
      throw new (await import("../../../src/errors.ts")).Problem("store_unwritable");
    };
    await stand.changeState({ quotas: {} });
    expect(await shouldRetry({})).toEqual([503, null]);
  });

  it("takes the probe of the base path for no failed authentication, and tells nothing by it", async () => {
    stand = await proxyStand({ kind: "anthropic", upstream: upstream.origin, settings: { authFailuresPerMinute: 2 } });
    for (const to of ["", "/", "/v1", "/v1/", "/v1beta", "/api/v1"]) {
      for (const key of ["nothing", stand.key]) {
        const probe = await ask("anthropic", { method: "HEAD", to, key });
        expect([probe.status, probe.text]).toEqual([204, ""]);
      }
    }
    const nobody = await stand.fetchBy(transport)("/proxy/nobody", { method: "HEAD" });
    expect(nobody.status).toBe(204);
    expect((await ask("anthropic", { key: "nothing" })).status).toBe(401);
    expect((await ask("anthropic", { method: "HEAD", to: "/v1/messages", key: "nothing" })).status).toBe(401);
    expect(upstream.seen).toHaveLength(0);
  });

  it.each(kinds)("%s: names what is metered where an endpoint is not", async (kind) => {
    stand = await proxyStand({ kind, upstream: upstream.origin });
    const { status, text } = await ask(kind, { to: "/v1/files" });
    expect(status).toBe(403);
    expect(text).toContain("metered are POST ");
    const named = calls[kind].path.replace("gemini-2.5-pro", "<model>").replace(/^.*(?=\/chat)/, "");
    expect(text).toContain(named);
  });

  const versionless: [ProviderKind, string, string][] = [
    ["anthropic", "/messages", "/v1/messages"],
    ["anthropic", "/messages/count_tokens", "/v1/messages/count_tokens"],
    ["openai", "/chat/completions", "/v1/chat/completions"],
    ["openrouter", "/chat/completions", "/api/v1/chat/completions"],
    ["litellm", "/chat/completions", "/v1/chat/completions"],
    ["gemini", "/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:generateContent"],
  ];
  it.each(versionless)("%s: takes %s for %s", async (kind, to, path) => {
    stand = await proxyStand({ kind, upstream: upstream.origin });
    expect((await ask(kind, { to })).status).toBe(200);
    expect(upstream.seen.map(({ url }) => url)).toEqual([path]);
  });
});

it("answers a WebSocket's attempt with 426 at once", async () => {
  const stand = await proxyStand({ upstream: upstream.origin });
  const { hostname, port } = new URL(stand.origin);
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET /proxy/openai/v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${stand.key}\r\n` +
      "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n\r\n",
  );
  const answer = await new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
  socket.destroy();
  await stand.close();
  expect(answer).toMatch(/^HTTP\/1\.1 426 /);
  expect(answer).toMatch(/\r\nx-should-retry: false\r\n/i);
});
