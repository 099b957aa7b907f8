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

/** @returns a provisioning key that is linked to it */
async function account(provider: "openrouter" | "litellm" | "openai"): Promise<string> {
  const as = { key: target.adminToken };
  const path = { openrouter: "/openrouter/api/v1", litellm: "/litellm", openai: "/openai/v1" }[provider];
  const key = provider === "openai" ? masterKeys.openaiAdmin : masterKeys[provider];
  const project = provider === "openai" ? "proj_sample" : undefined;
  const more = { verify: false, provider, key, project, baseUrl: apis.origin + path };
  const body = { name: `Account ${crypto.randomUUID()}`, ...more };
  const { id } = (await ask(target, "POST", "/provisioning/ai-providers", { ...as, body })).body;
  const wanted = { name: "k", scopes: ["agents:create", "agents:keys"], aiProviderKeyId: id };
  return (await ask(target, "POST", "/provisioning/agent-keys", { ...as, body: wanted })).body.key;
}

const create = (key: string, name: string, autoProvisionAiKey: object) =>
  ask(target, "POST", "/agents/create", { key, body: { name, autoProvisionAiKey } });
const move = (key: string, name: string, body: object) => ask(target, "PUT", `/agents/${name}/ai-key`, { key, body });

it("a minted key that moves to another account keeps its budget", async () => {
  const terms = { provider: "openrouter", mode: "minted" };
  await create(await account("openrouter"), "budgeted", { ...terms, budgetUsdPerMonth: 20 });
  const second = await account("openrouter");
  const moved = await move(second, "budgeted", terms);
  expect(moved).toMatchObject({ status: 200, body: { aiKey: { mode: "minted", budgetUsdPerMonth: 20 } } });
  expect(apis.state.openrouterKeys).toMatchObject([{ limit: 20, limit_reset: "monthly" }]);
  const other = await move(second, "budgeted", { ...terms, budgetUsdPerMonth: 5 });
  expect(other.body.aiKey.budgetUsdPerMonth).toBe(5);
});

it("a minted key that moves to another account keeps its quotas", async () => {
  const terms = { provider: "litellm", mode: "minted" };
  const quotas = { maxRequestsPerMinute: 7 };
  await create(await account("litellm"), "paced", { ...terms, quotas, budgetUsdPerMonth: 20 });
  const moved = await move(await account("litellm"), "paced", terms);
  expect(moved).toMatchObject({ status: 200, body: { aiKey: { quotas, budgetUsdPerMonth: 20 } } });
  expect(apis.state.litellmKeys).toMatchObject([{ body: { rpm_limit: 7, max_budget: 20 } }]);
});

it("a key that is held to a budget does not move where none can be held", async () => {
  await create(await account("openrouter"), "held", { provider: "openrouter", mode: "minted", budgetUsdPerMonth: 20 });
  const refused = await move(await account("openai"), "held", { provider: "openai", mode: "minted", model: "gpt-5.1" });
  expect(refused).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
  expect(apis.state.accounts).toEqual([]);
});

it.each([
  [20.5, 20.5],
  [12.34567891, 12.345678],
])("a budget of %s becomes a quota of money where the key that comes next is metered", async (budget, limit) => {
  const name = `metered-${budget}`.replace(".", "-");
  const key = await account("openrouter");
  await create(key, name, { provider: "openrouter", mode: "minted", budgetUsdPerMonth: budget });
  const moved = await move(key, name, { provider: "openrouter" });
  expect(moved).toMatchObject({
    status: 200,
    body: { aiKey: { mode: "virtual", quotas: { maxUsdPerMonth: limit } } },
  });
  expect(moved.body.aiKey.budgetUsdPerMonth).toBeUndefined();
});

it("a metered key does not lose its quotas or its models to a minted one, unless a budget takes their place", async () => {
  const key = await account("openrouter");
  const minted = { provider: "openrouter", mode: "minted" };
  await create(key, "limited", { provider: "openrouter", quotas: { maxUsdPerMonth: 20 } });
  expect(await move(key, "limited", minted)).toMatchObject({
    status: 422,
    body: { code: "mode_not_supported", detail: expect.stringContaining("maxUsdPerMonth") },
  });
  expect(await move(key, "limited", { ...minted, budgetUsdPerMonth: 10 })).toMatchObject({
    status: 200,
    body: { aiKey: { mode: "minted", quotas: {}, budgetUsdPerMonth: 10 } },
  });
  await create(key, "unlimited", { provider: "openrouter", quotas: { maxUsdPerMonth: 20 } });
  expect((await move(key, "unlimited", { ...minted, quotas: {} })).status).toBe(200);
  await create(key, "listed", { provider: "openrouter", models: ["m"] });
  expect(await move(key, "listed", minted)).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
});
