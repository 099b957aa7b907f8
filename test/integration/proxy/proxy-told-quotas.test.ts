import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readHolder } from "../../../src/service/ai-keys/ai-key-holder.ts";
import { settleLost } from "../../../src/service/maintenance/settle-lost-reservations.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stand: ProxyStand;
let now = Date.UTC(2026, 10, 22, 18);
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(async () => {
  upstream.behave("reset");
  now = Date.UTC(2026, 10, 22, 18);
  stand = await proxyStand({
    upstream: upstream.origin,
    now: () => now,
    quotas: { maxTokensPerMonth: 1_000_000 },
  });
});
afterEach(() => stand.close());

const ask = (stream = false) =>
  stand.fetchBy("node")("/proxy/openai/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: JSON.stringify({ model: "m", stream, max_completion_tokens: 5_000, messages: [] }),
  });
const usage = async () => {
  await stand.idle();
  return await stand.context.ledger.usage(aiKeyLedger(stand.keyId).usage, "2026-11-01", "2026-11-30");
};

describe("what a process that is gone held", () => {
  it("is shown as estimated, and given back with the other estimates", async () => {
    let go!: () => void;
    upstream.behave({ until: new Promise<void>((resolve) => (go = resolve)) });
    const asked = ask();
    await expect.poll(() => upstream.seen.length).toBe(1);
    const after = { ...stand.context, instance: { id: "next", isGone: () => true } };
    expect(await settleLost(after)).toBe(1);
    go();
    await (await asked).text();
    const { used } = await stand.quota("maxTokensPerMonth", 1_000_000);
    expect(used).toBeGreaterThan(5_000);
    expect(await usage()).toMatchObject([{ tokens: used, estimatedTokens: used }]);
    const given = await stand.context.ledger.creditEstimates(aiKeyLedger(stand.keyId).usage, 0);
    expect(given.tokens).toBe(used);
  });
});

it("a credit leaves input and output that add up to the tokens", async () => {
  upstream.behave({ cut: "in the middle" });
  await (await ask(true)).text().catch(() => "");
  const [before] = await usage();
  expect(before!.inputTokens + before!.outputTokens).toBe(before!.tokens);
  await stand.context.ledger.creditEstimates(aiKeyLedger(stand.keyId).usage, 0);
  const [after] = await usage();
  expect(after!.inputTokens + after!.outputTokens).toBe(after!.tokens);
});

it("a key whose agent has ended is shown as suspended to its holder too", async () => {
  await stand.changeState({ suspendsAt: new Date(now - 1_000).toISOString() });
  const refused = await ask();
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("This key is suspended")]);
  expect((await readHolder(stand.context, stand.keyId)).status).toBe("suspended");
});

it.each([
  ["lowered", { maxTokensPerMonth: 1_000_000 }],
  ["set for the first time", {}],
])("a quota that is %s below what is used is told of as used up", async (_, quotas) => {
  await stand.changeState({ quotas });
  await (await ask()).text();
  await stand.idle();
  await stand.changeState({ quotas: { maxTokensPerMonth: 5 } });
  const refused = await ask();
  expect([refused.status, await refused.text()]).toEqual([
    429,
    expect.stringContaining("Monthly token quota exceeded ("),
  ]);
  const periods = ["2026-11", "2026-11-22"];
  const { near } = await stand.context.ledger.nearLimit({ minShare: 0.8, limit: 10, periods });
  expect(near).toMatchObject([{ counter: aiKeyLedger(stand.keyId).tokens, period: "2026-11", limit: 5 }]);
});
