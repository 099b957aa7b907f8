import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeLinkedKey } from "../../contract/target.ts";

let target: NodeTarget;
beforeAll(async () => {
  target = await nodeTarget();
});
afterAll(() => target?.close());

it("a key's link is to the AI provider that pays once the change is made, not when it was asked for", async () => {
  const [before, after] = [await makeLinkedKey(target), await makeLinkedKey(target)];
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000 } };
  const made = await ask(target, "POST", "/agents/create", {
    key: before.key,
    body: { name: "moved", autoProvisionAiKey },
  });
  expect(made.status).toBe(201);
  const { records } = target.context;
  const { get } = records;
  records.get = async (collection, id) => {
    const found = await get(collection, id);
    if (collection === "ai-keys" && id === made.body.aiKey.keyId) {
      // The agent goes to another account between the look at its link and the change.
      records.get = get;
      const moved = await ask(target, "PUT", "/agents/moved/ai-key", {
        key: after.key,
        body: { provider: "anthropic" },
      });
      expect(moved.status).toBe(200);
    }
    return found;
  };
  const body = { quotas: { maxTokensPerMonth: 1_000_000_000 } };
  const changed = await ask(target, "PATCH", "/agents/moved", { key: before.key, body });
  records.get = get;
  expect(changed).toMatchObject({ status: 403, body: { code: "ai_provider_not_linked" } });
  const { health } = (await ask(target, "GET", "/agents/moved")).body;
  expect(health.aiKey.quotas.maxTokensPerMonth.limit).toBe(1_000);
});
