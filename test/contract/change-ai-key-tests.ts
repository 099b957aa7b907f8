import { expect, it } from "vitest";
import { skipSince } from "../skip-since.ts";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

export function changeAiKeyTests(target: () => Target): void {
  const anthropic = { provider: "anthropic", quotas: { maxUsdPerMonth: 20, maxRequestsPerDay: 7 } };
  const agent = (key: string, id: string) => (method: string, path: string, body?: unknown, headers?: object) =>
    ask(target(), method, `/agents/${id}${path}`, { key, body, ...(headers && { headers: { ...headers } }) });
  async function made(key: string, more: object = {}): Promise<string> {
    const name = newName("keyed");
    const { status, body } = await ask(target(), "POST", "/agents/create", {
      key,
      body: { name, model: "m", ...more },
    });
    expect([status, body.agentId]).toEqual([201, name]);
    return name;
  }
  /** The key's holder, as the key's own page tells it. */
  const holder = (key: string) => ask(target(), "GET", "/key", { token: key });

  it("gives a key to an agent that was made without, once, and takes it away", async () => {
    const { key } = await makeLinkedKey(target());
    const id = await made(key);
    const on = agent(key, id);
    expect((await on("DELETE", "/ai-key")).body.code).toBe("ai_key_not_found");
    expect((await on("PUT", "/ai-key", anthropic)).body.code).toBe("ai_key_not_found");
    const headers = { "idempotency-key": newName("add") };
    const body = { ...anthropic, revealAiKey: true };
    const added = await on("POST", "/ai-key", body, headers);
    expect(added).toMatchObject({
      status: 200,
      body: { agentId: id, aiKey: { provider: "anthropic", mode: "virtual", quotas: anthropic.quotas } },
    });
    expect(added.body.aiKey.key).toMatch(/^ocv_/);
    const again = await on("POST", "/ai-key", body, headers);
    expect([again.status, again.body.aiKey.keyId, again.body.aiKey.key]).toEqual([
      200,
      added.body.aiKey.keyId,
      undefined,
    ]);
    expect((await on("POST", "/ai-key", anthropic)).body.code).toBe("ai_key_exists");
    expect((await on("GET", "")).body).toMatchObject({
      status: "ready",
      aiKeyId: added.body.aiKey.keyId,
      health: { aiKey: { status: "active", quotas: { maxUsdPerMonth: { limit: 20, used: 0 } } } },
    });
    expect((await holder(added.body.aiKey.key)).status).toBe(200);

    expect(await on("DELETE", "/ai-key")).toMatchObject({ status: 200, body: { agentId: id, preserved: [] } });
    expect((await holder(added.body.aiKey.key)).status).toBe(401);
    const shown = (await on("GET", "")).body;
    expect([shown.status, shown.aiKeyId, shown.health.aiKey]).toEqual(["needs_auth", undefined, undefined]);
    expect((await on("POST", "/ai-key", anthropic)).status).toBe(200);
    expect((await on("DELETE", "")).status).toBe(200);
  });

  it("moves a key to another account, with its quotas, and ends the old one", async () => {
    const first = await makeLinkedKey(target());
    const second = await makeLinkedKey(target());
    const id = await made(first.key, { autoProvisionAiKey: anthropic, revealAiKey: true });
    const before = await agent(first.key, id)("POST", "/ai-key/rotate", { revealAiKey: true });
    expect((await agent((await makeKey(target())).key, id)("PUT", "/ai-key", anthropic)).body.code).toBe(
      "ai_provider_not_linked",
    );
    const wrong = { provider: "anthropic", aiProviderId: first.provider.id };
    expect((await agent(second.key, id)("PUT", "/ai-key", wrong)).body.code).toBe("ai_provider_not_linked");
    const moved = await agent(second.key, id)("PUT", "/ai-key", { provider: "anthropic", revealAiKey: true });
    expect(moved).toMatchObject({ status: 200, body: { agentId: id, aiKey: { quotas: anthropic.quotas } } });
    expect(moved.body.aiKey.keyId).not.toBe(before.body.aiKey.keyId);
    expect((await holder(before.body.aiKey.key)).status).toBe(401);
    expect((await holder(moved.body.aiKey.key)).status).toBe(200);
    const back = await agent(first.key, id)("PUT", "/ai-key", {
      provider: "anthropic",
      aiProviderId: first.provider.id,
    });
    expect(back.status).toBe(200);
    expect((await holder(moved.body.aiKey.key)).status).toBe(401);
    expect((await agent(first.key, id)("GET", "")).body).toMatchObject({
      status: "ready",
      aiKeyId: back.body.aiKey.keyId,
    });
  });

  it("moves a key to another provider, and needs its model", async () => {
    const first = await makeLinkedKey(target());
    const second = await makeLinkedKey(target(), {}, { provider: "openai", key: "sk-not-a-real-key-0000" });
    const id = await made(first.key, { autoProvisionAiKey: { ...anthropic, models: ["claude-sonnet-4-5"] } });
    const move = agent(second.key, id);
    const refused = await move("PUT", "/ai-key", { provider: "openai" });
    expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([400, "model"]);
    const unlisted = await move("PUT", "/ai-key", { provider: "openai", model: "gpt-5.1" });
    expect([unlisted.status, unlisted.body.errors?.[0]?.path]).toEqual([400, "models"]);
    const moved = await move("PUT", "/ai-key", { provider: "openai", model: "gpt-5.1", models: ["gpt-5.1"] });
    expect(moved).toMatchObject({
      status: 200,
      body: { model: "gpt-5.1", aiKey: { provider: "openai", models: ["gpt-5.1"] } },
    });
    expect((await move("GET", "")).body).toMatchObject({
      status: "ready",
      model: "gpt-5.1",
      health: { aiKey: { provider: "openai", quotas: { maxUsdPerMonth: { limit: 20 } } } },
    });
    expect((await move("DELETE", "")).status).toBe(200);
  });

  it("keeps a suspended agent suspended", async () => {
    const first = await makeLinkedKey(target());
    const id = await made(first.key, { autoProvisionAiKey: anthropic });
    const on = agent(first.key, id);
    expect((await on("POST", "/suspend")).body.status).toBe("suspended");
    expect((await on("PUT", "/ai-key", { provider: "anthropic" })).status).toBe(200);
    expect((await on("GET", "")).body).toMatchObject({
      status: "suspended",
      health: { aiKey: { status: "suspended" } },
    });
    expect((await on("POST", "/resume")).body).toMatchObject({
      status: "ready",
      health: { aiKey: { status: "active" } },
    });
  });

  it("takes a later end for an agent that ended without a key, and gives it one after that", async () => {
    const { key } = await makeLinkedKey(target());
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const on = agent(key, await made(key, { autoProvisionAiKey: anthropic, expiresAt }));
    expect((await on("DELETE", "/ai-key")).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, Date.parse(expiresAt) - Date.now() + 50));
    const refused = await on("POST", "/ai-key", anthropic);
    expect(refused).toMatchObject({ status: 409, body: { code: "agent_expired" } });
    expect(refused.body.detail).toContain("--expires 30d (or never)");
    expect(await on("PATCH", "", { expiresAt: null })).toMatchObject({ status: 200, body: { status: "needs_auth" } });
    expect((await on("POST", "/ai-key", anthropic)).status).toBe(200);
    expect((await on("GET", "")).body).toMatchObject({ status: "ready", health: { aiKey: { status: "active" } } });
  });

  it("gives none to an agent of others, and says what does", async ({ skip }) => {
    const { makeByHand } = target();
    if (!makeByHand) return skipSince(skip, "nobody else makes agents there");
    const { key } = await makeLinkedKey(target());
    const id = newName("by-hand");
    await makeByHand(id);
    const refused = await agent(key, id)("POST", "/ai-key", anthropic);
    expect(refused).toMatchObject({
      status: 422,
      body: { code: "agent_not_managed", detail: expect.stringContaining("agents adopt") },
    });
  });
}
