import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

const path = "/proxy/openai/v1/chat/completions";
const body = { model: "gpt-5", max_completion_tokens: 1_000, messages: [{ role: "user", content: "Grüß dich" }] };

describe.each(["node", "fetch"] as const)("over %s", (transport: Transport) => {
  let upstream: SampleUpstream;
  let stand: ProxyStand;

  beforeEach(async () => {
    upstream = await startSampleUpstream();
    stand = await proxyStand({ kind: "openai", upstream: upstream.origin, quotas: { maxTokensPerMonth: 5_000 } });
  });
  afterEach(async () => {
    await stand.close();
    await upstream.close();
  });

  async function call(): Promise<number> {
    const response = await stand.fetchBy(transport)(path, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.text();
    return response.status;
  }
  async function told() {
    await stand.idle();
    const due = await stand.context.outbox.take({ limit: 100, leaseMs: 60_000 });
    return due.map(({ message }) => ({ type: message.type, data: JSON.parse(message.data) }));
  }

  it("a master key that is refused is an alert within one request, and its replacement the end of it", async () => {
    upstream.behave({ status: 401 });
    expect(await call()).toBe(502);
    expect(await told()).toMatchObject([
      {
        type: "provider.failing",
        data: { aiProviderId: stand.provider.id, name: "Test", detail: expect.stringContaining("HTTP 401") },
      },
    ]);
    expect(await call()).toBe(502);
    upstream.behave("reset");
    expect(await call()).toBe(200);
    expect((await told()).map(({ type }) => type)).toEqual(["provider.recovered"]);
  });

  it("a provider that answers 503 five times over is failing, and one that refuses a request is not", async () => {
    upstream.behave({ status: 400 });
    for (let turn = 0; turn < 6; turn++) expect(await call()).toBe(400);
    expect(await told()).toEqual([]);
    upstream.behave({ status: 503 });
    for (let turn = 0; turn < 6; turn++) expect(await call()).toBe(503);
    expect((await told()).map(({ type }) => type)).toEqual(["provider.failing"]);
  });

  it("the first refusal of a period is an alert, and those that follow are none", async () => {
    upstream.behave({ usage: { input: 4_000, output: 990 } });
    expect(await call()).toBe(200);
    await stand.idle();
    for (let turn = 0; turn < 3; turn++) expect(await call()).toBe(429);
    const found = (await told()).filter(({ type }) => type === "quota.exhausted");
    expect(found).toMatchObject([
      {
        data: {
          agentId: "agent-a",
          keyId: stand.keyId,
          quota: "maxTokensPerMonth",
          limit: 5_000,
          used: 4_990,
          left: 10,
          resetAt: expect.stringMatching(/-01T00:00:00\.000Z$/),
        },
      },
    ]);
  });
});
