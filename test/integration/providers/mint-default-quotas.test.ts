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

const paths = { openai: "/openai/v1", openrouter: "/openrouter/api/v1", litellm: "/litellm" };
const keys = { openai: masterKeys.openaiAdmin, openrouter: masterKeys.openrouter, litellm: masterKeys.litellm };

async function withDefaults(provider: keyof typeof paths, defaultQuotas: Record<string, number>) {
  const as = { key: target.adminToken };
  const settings = {
    provider,
    name: `Management ${crypto.randomUUID()}`,
    verify: false,
    key: keys[provider],
    project: "proj_sample",
  };
  const body = { ...settings, baseUrl: apis.origin + paths[provider], defaultQuotas };
  const added = (await ask(target, "POST", "/provisioning/ai-providers", { ...as, body })).body;
  const wanted = { name: "k", scopes: ["agents:create", "agents:update"], aiProviderKeyId: added.id };
  const { key } = (await ask(target, "POST", "/provisioning/agent-keys", { ...as, body: wanted })).body;
  const create = async (name: string, aiKey: object) => {
    const autoProvisionAiKey = { provider, ...aiKey };
    return await ask(target, "POST", "/agents/create", { key, body: { name, autoProvisionAiKey } });
  };
  return { added, key, create };
}

it.each(["openai", "openrouter", "litellm"] as const)(
  "%s: a default that the provider cannot enforce is refused where it would not hold",
  async (provider) => {
    const { added, create } = await withDefaults(provider, { maxTokensPerMonth: 1000 });
    expect(added.canMint).toBe(false);
    const before = apis.seen.length;
    const refused = await create(`no-${provider}`, { mode: "minted" });
    expect(refused).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
    expect(refused.body.detail).toMatch(
      /cannot hold a key to maxTokensPerMonth \(a default of this AI provider\); use the mode "virtual"/,
    );
    expect(apis.seen.length).toBe(before);
    expect(await create(`yes-${provider}`, {})).toMatchObject({
      status: 201,
      body: { aiKey: { mode: "virtual", quotas: { maxTokensPerMonth: 1000 } } },
    });
  },
);

it.each([
  ["alone", undefined, 30],
  ["where it is the stricter", { maxRequestsPerMinute: 60 }, 30],
  ["beside a stricter one", { maxRequestsPerMinute: 10 }, 10],
])("LiteLLM holds a minted key to the default %s, and the agent shows it", async (what, quotas, limit) => {
  const { added, create } = await withDefaults("litellm", { maxRequestsPerMinute: 30 });
  expect(added.canMint).toBe(true);
  const name = what.replaceAll(" ", "-");
  const created = await create(name, { mode: "minted", ...(quotas && { quotas }) });
  expect(created).toMatchObject({ status: 201, body: { aiKey: { quotas: { maxRequestsPerMinute: limit } } } });
  expect(apis.state.litellmKeys.at(-1)!.body).toMatchObject({ rpm_limit: limit });
  const { body } = await ask(target, "GET", `/agents/${name}`);
  expect(body.health.aiKey.quotas).toMatchObject({ maxRequestsPerMinute: { limit } });
});
