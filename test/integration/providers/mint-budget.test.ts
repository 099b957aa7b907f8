import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask } from "../../contract/target.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

let apis: SampleAdminApis;
let target: NodeTarget;
beforeAll(async () => {
  apis = await sampleAdminApis();
  target = await nodeTarget();
});
afterAll(async () => {
  await target.close();
  await apis.close();
});

async function create(provider: Record<string, unknown>, name: string, aiKey: Record<string, unknown>) {
  const as = { key: target.adminToken };
  const body = { name: `Management ${crypto.randomUUID()}`, verify: false, ...provider };
  const { id } = (await ask(target, "POST", "/provisioning/ai-providers", { ...as, body })).body;
  const wanted = { name: "k", scopes: ["agents:create"], aiProviderKeyId: id };
  const { key } = (await ask(target, "POST", "/provisioning/agent-keys", { ...as, body: wanted })).body;
  const autoProvisionAiKey = { provider: provider.provider, mode: "minted", ...aiKey };
  return await ask(target, "POST", "/agents/create", { key, body: { name, autoProvisionAiKey } });
}

it.each([
  ["openrouter", "/openrouter/api/v1", () => apis.state.openrouterKeys[0], { limit: 20, limit_reset: "monthly" }],
  ["litellm", "/litellm", () => apis.state.litellmKeys[0]?.body, { max_budget: 20, budget_duration: "1mo" }],
] as const)("%s holds the key to its budget, and the agent shows it", async (provider, path, made, limits) => {
  const settings = { provider, key: masterKeys[provider], baseUrl: apis.origin + path };
  const created = await create(settings, `on-${provider}`, { budgetUsdPerMonth: 20 });
  expect(created).toMatchObject({ status: 201, body: { aiKey: { mode: "minted", budgetUsdPerMonth: 20 } } });
  expect(made()).toMatchObject(limits);
  const { body } = await ask(target, "GET", `/agents/on-${provider}`);
  expect(body.health.aiKey).toMatchObject({ mode: "minted", status: "active", budgetUsdPerMonth: 20 });
});

it("a provider that cannot is not asked to mint", async () => {
  const settings = {
    provider: "openai",
    key: masterKeys.openaiAdmin,
    project: "p",
    baseUrl: `${apis.origin}/openai/v1`,
  };
  const before = apis.seen.length;
  const refused = await create(settings, "on-openai", { budgetUsdPerMonth: 20 });
  expect(refused).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
  expect(refused.body.detail).toMatch(/OpenAI.*OpenRouter or LiteLLM/);
  expect(apis.seen.length).toBe(before);
  expect((await ask(target, "GET", "/agents/on-openai")).status).toBe(404);
});
