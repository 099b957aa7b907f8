import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());

describe.each<Transport>(["node", "fetch"])("the usage table of a key that invents models, over %s", (transport) => {
  let stand: ProxyStand;
  let now: number;
  beforeEach(async () => {
    now = Date.parse("2026-11-28T12:00:00.000Z");
    stand = await proxyStand({ upstream: upstream.origin, now: () => now });
  });
  afterEach(() => stand.close());

  async function ask(model: string): Promise<void> {
    const response = await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model, messages: [], max_tokens: 10 }),
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  }
  async function rows(day = "2026-11-28") {
    await stand.idle();
    const all = await stand.context.ledger.usage(aiKeyLedger(stand.keyId).usage, day, day);
    return new Map(all.map(({ model, requests }) => [model, requests]));
  }

  it("has 64 rows a day, and one for all the rest", async () => {
    for (let count = 0; count < 70; count++) await ask(`invented-${count}`);
    await ask("invented-3");
    const first = await rows();
    expect(first.size).toBe(65);
    expect(first.get("(other)")).toBe(6);
    expect(first.get("invented-3")).toBe(2);
    now += 86_400_000;
    await ask("invented-69");
    expect(await rows("2026-11-29")).toEqual(new Map([["invented-69", 1]]));
  });

  it("names the model that is asked, wherever the request names others", async () => {
    const response = await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ moderation: { model: "cheap" }, models: ["cheaper"], model: "dear", messages: [] }),
    });
    await response.arrayBuffer();
    expect(await rows()).toEqual(new Map([["dear", 1]]));
  });

  it("counts what other processes have written", async () => {
    const name = aiKeyLedger(stand.keyId).usage;
    const entry = { name, day: "2026-11-28", requests: 1, inputTokens: 0, outputTokens: 0, tokens: 0 };
    const rest = { cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, microUsd: 0, unpricedRequests: 0 };
    for (let count = 0; count < 64; count++) {
      const id = aiKeyLedger(stand.keyId).reservation(`elsewhere-${count}`);
      await stand.context.ledger.reserve(id, []);
      await stand.context.ledger.settle(id, {}, { ...entry, ...rest, model: `elsewhere-${count}` });
    }
    await ask("here");
    await ask("elsewhere-7");
    const all = await rows();
    expect([all.size, all.get("(other)"), all.get("elsewhere-7")]).toEqual([65, 1, 2]);
  });
});
