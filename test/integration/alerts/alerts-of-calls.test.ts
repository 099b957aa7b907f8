import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeThreshold } from "../../../src/service/alerts/describe-threshold.ts";
import { failureRule } from "../../../src/service/alerts/provider-health.ts";
import { aiProviderFailures, aiProviderLastFailure } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

const path = "/proxy/openai/v1/chat/completions";
const body = { model: "gpt-5", messages: [{ role: "user", content: "Grüß dich" }] };

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

  async function call(mostTokens = 1_000): Promise<number> {
    const response = await stand.fetchBy(transport)(path, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...body, max_completion_tokens: mostTokens }),
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
    await stand.idle();
    const { ledger } = stand.context;
    const { remaining } = await ledger.take(aiProviderFailures(stand.provider.id), failureRule, 0);
    expect(failureRule.limit - remaining).toBe(6);
    const last = JSON.parse((await ledger.get(aiProviderLastFailure(stand.provider.id)))!);
    expect(last).toMatchObject({ code: "503" });
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

  it("the request that passes 80 % of a quota is an alert, with what was used", async () => {
    upstream.behave({ usage: { input: 3_990, output: 8 } });
    expect(await call()).toBe(200);
    expect(await told()).toEqual([]);
    upstream.behave({ usage: { input: 1, output: 1 } });
    expect(await call(100)).toBe(200);
    await stand.idle();
    const [due] = await stand.context.outbox.take({ limit: 100, leaseMs: 60_000 });
    const described = await describeThreshold(stand.context, due!.message);
    expect(JSON.parse(described!)).toMatchObject({
      agentId: "agent-a",
      keyId: stand.keyId,
      quota: "maxTokensPerMonth",
      percent: 80,
      limit: 5_000,
      used: 4_000,
      left: 1_000,
      resetAt: expect.stringMatching(/-01T00:00:00\.000Z$/),
    });
    expect(await call(100)).toBe(200);
    expect(await told()).toEqual([]);
  });

  it("quotas of money are told of in USD, and a model without a price is told of once", async () => {
    await stand.close();
    const rows = [{ provider: "openai", model: "gpt-5", input: 10, output: 100 }];
    stand = await proxyStand({
      kind: "openai",
      upstream: upstream.origin,
      quotas: { maxUsdPerMonth: 0.2 },
      settings: { prices: { rows } },
    });
    upstream.behave({ usage: { input: 1_000, output: 1_600 } });
    expect(await call()).toBe(200);
    await stand.idle();
    const [due] = await stand.context.outbox.take({ limit: 100, leaseMs: 60_000 });
    expect(JSON.parse((await describeThreshold(stand.context, due!.message))!)).toMatchObject({
      quota: "maxUsdPerMonth",
      percent: 80,
      limit: 0.2,
      used: 0.17,
      left: 0.03,
    });
    expect(await call()).toBe(429);
    expect(await told()).toMatchObject([
      { type: "quota.exhausted", data: { quota: "maxUsdPerMonth", limit: 0.2, used: 0.17, left: 0.03 } },
    ]);
    for (const model of ["nobody-knows-1", "nobody-knows-2"]) {
      const response = await stand.fetchBy(transport)(path, {
        method: "POST",
        headers: { authorization: `Bearer ${stand.key}`, "content-type": "application/json" },
        body: JSON.stringify({ ...body, model, max_completion_tokens: 10 }),
      });
      expect(response.status).toBe(403);
    }
    expect(await told()).toMatchObject([
      { type: "spend.unpriced_model", data: { provider: "openai", model: "nobody-knows-1", agentId: "agent-a" } },
    ]);
  });
});
