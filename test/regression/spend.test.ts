import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ProviderKind } from "../../src/domain/provider-facts.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type StandOptions } from "../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

/** The mistakes of other products' budgets, each by the number of its public issue. */
let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});
afterEach(() => stand.close());

const sonnet37 = { model: "claude-3-7-sonnet-20250219", input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 };
const opus45 = { model: "claude-opus-4-5-20251101", input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 };
const gpt4o = { model: "gpt-4o", input: 2.5, output: 10, cacheRead: 1.25 };
const atHome = { model: "llama-at-home", input: 0, output: 0 };

async function open(kind: ProviderKind, row: object, options: Partial<StandOptions> = {}): Promise<void> {
  stand = await proxyStand({
    kind,
    upstream: upstream.origin,
    now: () => Date.UTC(2026, 10, 22, 18),
    quotas: { maxUsdPerMonth: 100 },
    ...options,
    settings: { prices: { rows: [{ provider: kind, ...row }] } },
  });
}

async function ask(kind: ProviderKind, model: string, fields: object = {}): Promise<number> {
  const path = kind === "anthropic" ? "/v1/messages" : "/chat/completions";
  const response = await fetch(stand.baseUrl + path, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: JSON.stringify({ model, max_tokens: 1_000, messages: [{ role: "user", content: "hello" }], ...fields }),
  });
  await response.text();
  return response.status;
}

async function charged(): Promise<number> {
  const { used, reserved } = await stand.quota("maxUsdPerMonth", 100);
  expect(reserved).toBe(0);
  return Math.round(used * 1e6);
}

describe("a model that nobody knows the price of", () => {
  it.each([
    ...["litellm#36561", "litellm#24770, PR#24949", "litellm#25874", "litellm#35914", "litellm#30715"],
    ...["open-bank-oss#3298", "open-bank-oss#6045"],
  ])("%s: is refused, and does not cost nothing", async () => {
    await open("anthropic", sonnet37);
    expect(await ask("anthropic", "claude-of-tomorrow")).toBe(403);
    expect(upstream.seen).toEqual([]);
    expect(await charged()).toBe(0);
  });
});

describe("what was read from a cache, or written to one", () => {
  it.each([
    ["litellm#9812", false],
    ["litellm#11789", true],
  ])("%s: is charged once, as on Anthropic's invoice, to the micro-dollar (in a stream: %s)", async (_, stream) => {
    await open("anthropic", sonnet37);
    upstream.behave({ usage: { input: 3, cacheCreation: 12_304, cacheRead: 0, output: 550 } });
    expect(await ask("anthropic", sonnet37.model, { stream })).toBe(200);
    // Anthropic charged 0.04614 for the cache, 0.00825 for the output, and nine micro-dollars of plain input.
    expect(await charged()).toBe(46_140 + 8_250 + 9);
  });

  it("litellm#11364: has its own price, beside the rest of the input", async () => {
    await open("anthropic", opus45);
    upstream.behave({ usage: { input: 10, cacheCreation: 32_435, cacheRead: 66_360, output: 5_120 } });
    expect(await ask("anthropic", opus45.model, { max_tokens: 8_000 })).toBe(200);
    expect(await charged()).toBe(Math.ceil(50 + 32_435 * 6.25 + 66_360 * 0.5 + 128_000));
  });

  it.each(["litellm#40006", "LibreChat#13795", "openlit#1378", "cloudflare/ai#550"])(
    "%s: costs less than the same input without a cache",
    async () => {
      await open("openai", gpt4o);
      const usage = { input: 2_000, output: 100 };
      upstream.behave({ usage });
      expect(await ask("openai", "gpt-4o")).toBe(200);
      const plain = await charged();
      expect(plain).toBe(5_000 + 1_000);
      upstream.behave({ usage: { ...usage, extra: { prompt_tokens_details: { cached_tokens: 1_920 } } } });
      expect(await ask("openai", "gpt-4o")).toBe(200);
      expect((await charged()) - plain).toBe(80 * 2.5 + 1_920 * 1.25 + 1_000);
    },
  );
});

describe("a model that costs nothing", () => {
  it.each(["litellm#14004", "litellm#10973", "litellm#29912"])("%s: goes on when the budget is spent", async () => {
    await open("custom", atHome, { quotas: { maxUsdPerMonth: 0 } });
    expect(await ask("custom", atHome.model)).toBe(200);
    const { usage } = aiKeyLedger(stand.keyId);
    await stand.idle();
    expect(await stand.context.ledger.usage(usage, "2026-11-22", "2026-11-22")).toMatchObject([
      { microUsd: 0, unpricedRequests: 0 },
    ]);
  });
});

it("litellm#34732: many requests at once do not pass the budget that each alone would keep", async () => {
  await open("anthropic", sonnet37, { quotas: { maxUsdPerMonth: 0.04 } });
  upstream.behave({ usage: { input: 12, output: 1_000 } });
  const statuses = await Promise.all(Array.from({ length: 20 }, () => ask("anthropic", sonnet37.model)));
  // Each costs 12 tokens of input and a thousand of output: a third would pass it.
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  expect(await charged()).toBe(2 * (12 * 3 + 1_000 * 15));
});
