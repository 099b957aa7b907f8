import { afterAll, beforeAll, expect, it } from "vitest";
import { exactUsage, meteredCall, meteredMicroUsd, meteredPrice } from "../metered-agent.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";
import { ask, makeKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

const room = 100;
const asked = 500;
const usd = (calls: number): number => (calls * meteredMicroUsd) / 1_000_000;

let upstream: SampleUpstream;
let target: WorkerTarget;
let aiKey: string;

beforeAll(async () => {
  upstream = await startSampleUpstream();
  const provisioning = {
    ...{ enabled: true, rateLimitPerMinute: 1_000, prices: { rows: [meteredPrice] } },
    proxy: { maxConcurrentPerKey: asked },
  };
  target = await workerTarget({ config: { gateway: { provisioning }, logging: { level: "error" } } });
  const sample = await ask(target, "POST", "/provisioning/ai-providers", {
    key: target.adminToken,
    body: {
      ...{ provider: "anthropic", name: "Sample", key: "sk-ant-not-a-real-key-0000" },
      ...{ baseUrl: upstream.origin, verify: false },
    },
  });
  const { key } = await makeKey(target, { aiProviderKeyId: sample.body.id });
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxUsdPerMonth: usd(room) } };
  const made = await ask(target, "POST", "/agents/create", { key, body: { name: "spender", autoProvisionAiKey } });
  expect(made.status).toBe(201);
  aiKey = made.body.aiKey.key;
}, 120_000);
afterAll(async () => {
  await target?.close();
  await upstream?.close();
});

async function quota(): Promise<{ limit: number; used: number; reserved: number; left: number }> {
  const { body } = await ask(target, "GET", "/agents/spender", { key: target.adminToken });
  return body.health.aiKey.quotas.maxUsdPerMonth;
}

it("lets in exactly 100 of 500 calls at once, of which a quota of money pays for 100", async () => {
  let answer = () => {};
  upstream.behave({ usage: exactUsage, until: new Promise<void>((resolve) => (answer = resolve)) });
  let ended = 0;
  const calls = Array.from({ length: asked }, async () => {
    const status = await meteredCall(target.origin, aiKey);
    ended++;
    return status;
  });
  while (ended + upstream.seen.length < asked) {
    const { used, reserved } = await quota();
    expect(used + reserved).toBeLessThanOrEqual(usd(room));
  }
  expect(await quota()).toMatchObject({ used: 0, reserved: usd(room), left: 0 });
  answer();
  const statuses = await Promise.all(calls);
  expect(statuses.filter((status) => status === 200)).toHaveLength(room);
  expect(statuses.filter((status) => status === 429)).toHaveLength(asked - room);
  expect(upstream.seen).toHaveLength(room);
  await expect.poll(async () => (await quota()).reserved).toBe(0);
  expect(await quota()).toMatchObject({ limit: usd(room), used: usd(room), left: 0 });
  expect(await meteredCall(target.origin, aiKey)).toBe(429);
}, 60_000);
