import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeKey, makeLinkedKey } from "../../contract/target.ts";

let target: NodeTarget;
beforeAll(async () => {
  target = await nodeTarget();
});
afterAll(() => target?.close());

it("the trail names each key that lacked a scope", async () => {
  const keys = [
    await makeKey(target, { scopes: ["agents:create"] }),
    await makeKey(target, { scopes: ["agents:update"] }),
  ];
  for (const { key } of keys) {
    expect((await ask(target, "GET", "/provisioning/agent-keys", { key })).body.code).toBe("scope_missing");
  }
  const admin = { key: target.adminToken };
  const denied = async () =>
    (await ask(target, "GET", "/provisioning/audit?action=request.denied", admin)).body.events.map(
      ({ actor, details }: { actor: string; details: object }) => ({ actor, ...details }),
    );
  const of = ({ id }: { id: string }) => ({ actor: id, code: "scope_missing", call: "listAgentKeys" });
  await expect.poll(denied).toEqual(keys.map(of).reverse());
});

it("the trail has what one call for many agents was denied, by code and with their number", async () => {
  const { id, key } = await makeKey(target, { scopes: ["agents:create", "agents:update"] });
  const { key: linked } = await makeLinkedKey(target);
  const names = ["denied-a", "denied-b", "denied-c"];
  for (const name of names) {
    const body = { name, autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1 } } };
    expect((await ask(target, "POST", "/agents/create", { key: linked, body })).status).toBe(201);
  }
  const bulk = async (body: object) => (await ask(target, "POST", "/agents/bulk", { key, body })).body;
  const changed = await bulk({ action: "update", agentIds: [...names, "absent"], quotas: { maxTokensPerMonth: 9 } });
  expect(changed.failed).toHaveLength(4);
  const auth = { provider: "openai", credentials: { apiKey: "not-a-real-key" } };
  const made = await bulk({ action: "create", agents: [{ name: "denied-d", auth }] });
  expect(made.results[0].code).toBe("scope_missing");
  const path = `/provisioning/audit?action=request.denied&actor=${id}`;
  const denied = async () =>
    (await ask(target, "GET", path, { key: target.adminToken })).body.events.map(
      ({ actor, outcome, details }: { actor: string; outcome: string; details: object }) => ({
        ...{ actor, outcome },
        ...details,
      }),
    );
  const common = { actor: id, outcome: "denied", call: "changeAgents" };
  await expect.poll(denied).toEqual([
    { ...common, code: "scope_missing", batchId: made.batchId, agents: 1 },
    { ...common, code: "ai_provider_not_linked", batchId: changed.batchId, agents: 3 },
  ]);
});
