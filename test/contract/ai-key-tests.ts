import { expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

export function aiKeyTests(target: () => Target): void {
  const create = (key: string, body: Record<string, unknown>) => ask(target(), "POST", "/agents/create", { key, body });
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000 } };

  it("gives an agent its own key, told only where nothing else holds it", async () => {
    const { key } = await makeLinkedKey(target());
    const name = newName("auto-agent");
    const made = await create(key, { name, model: "claude-sonnet-3.5", autoProvisionAiKey });
    expect(made).toMatchObject({
      status: 201,
      body: { aiKey: { provider: "anthropic", mode: "virtual", quotas: { maxTokensPerMonth: 1_000_000 } } },
    });
    expect(made.body.aiKey.baseUrl).toMatch(/\/proxy\/anthropic$/);
    if (target().storesCredentials) {
      expect(made.body.aiKey.profileId).toMatch(/:dedicated$/);
      expect(made.body.aiKey.key).toBeUndefined();
    } else expect(made.body.aiKey.key).toMatch(/^ocv_/);
    const shown = await ask(target(), "GET", `/agents/${name}`);
    expect(shown.body).toMatchObject({
      status: "ready",
      health: {
        aiKey: {
          keyId: made.body.aiKey.keyId,
          status: "active",
          quotas: { maxTokensPerMonth: { limit: 1_000_000, used: 0, reserved: 0, left: 1_000_000 } },
        },
      },
    });
  });

  it("reveals the key where asked, and never in a replay", async () => {
    const { key } = await makeLinkedKey(target());
    const body = { name: newName("revealed"), autoProvisionAiKey, revealAiKey: true };
    const headers = { "idempotency-key": newName("reveal") };
    const first = await ask(target(), "POST", "/agents/create", { key, body, headers });
    expect(first.body.aiKey.key).toMatch(new RegExp(`^ocv_${first.body.aiKey.keyId}_[A-Za-z0-9]{36}$`));
    const replay = await ask(target(), "POST", "/agents/create", { key, body, headers });
    expect(replay.status).toBe(200);
    expect(replay.body.aiKey.key).toBeUndefined();
    expect(replay.body.aiKey.keyId).toBe(first.body.aiKey.keyId);
  });

  it("is 403 without a linked provider of that name", async () => {
    const unlinked = await makeKey(target());
    const linked = await makeLinkedKey(target());
    expect(await create(unlinked.key, { name: newName("x"), autoProvisionAiKey })).toMatchObject({
      status: 403,
      body: { code: "ai_provider_not_linked" },
    });
    const other = { ...autoProvisionAiKey, provider: "openai" };
    expect(await create(linked.key, { name: newName("x"), autoProvisionAiKey: other })).toMatchObject({ status: 403 });
  });

  it("is 422 for a revoked provider, and for a mode that cannot hold the quota", async () => {
    const { key, provider } = await makeLinkedKey(target());
    const minted = { ...autoProvisionAiKey, mode: "minted" };
    const refused = await create(key, { name: newName("x"), autoProvisionAiKey: minted });
    expect(refused).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
    expect(refused.body.detail).toContain("virtual");
    await ask(target(), "POST", `/provisioning/ai-providers/${provider.id}/revoke`, { key: target().adminToken });
    expect(await create(key, { name: newName("x"), autoProvisionAiKey })).toMatchObject({
      status: 422,
      body: { code: "provider_revoked" },
    });
  });

  it("is 422 for a budget in USD that nobody would hold the key to, and says who can", async () => {
    const { key } = await makeLinkedKey(target());
    for (const mode of [undefined, "virtual", "minted"]) {
      const wanted = { provider: "anthropic", mode, budgetUsdPerMonth: 10 };
      const refused = await create(key, { name: newName("budget"), autoProvisionAiKey: wanted });
      expect(refused).toMatchObject({ status: 422, body: { code: "mode_not_supported" } });
      expect(refused.body.detail).toMatch(/"minted".*OpenRouter or LiteLLM/);
    }
  });

  it("shows an agent whose AI provider was revoked as one that needs another key", async () => {
    const { key, provider } = await makeLinkedKey(target());
    const name = newName("cut-off");
    await create(key, { name, autoProvisionAiKey });
    await ask(target(), "POST", `/provisioning/ai-providers/${provider.id}/revoke`, { key: target().adminToken });
    expect((await ask(target(), "GET", `/agents/${name}`)).body).toMatchObject({
      status: "needs_auth",
      health: { aiKey: { status: "provider_revoked" } },
    });
    const suspended = await ask(target(), "POST", `/agents/${name}/suspend`, { key });
    expect(suspended.body).toMatchObject({ status: "suspended", health: { aiKey: { status: "suspended" } } });
  });

  it("suspends, resumes, changes quotas, rotates; and shows use", async () => {
    const { key } = await makeLinkedKey(target());
    const name = newName("lived");
    const made = await create(key, { name, autoProvisionAiKey });
    const agent = (method: string, path: string, body?: unknown) =>
      ask(target(), method, `/agents/${name}${path}`, { key, body });
    expect((await agent("POST", "/suspend")).body).toMatchObject({
      status: "suspended",
      health: { aiKey: { status: "suspended" } },
    });
    expect((await agent("POST", "/resume")).body).toMatchObject({
      status: "ready",
      health: { aiKey: { status: "active" } },
    });
    const patched = await agent("PATCH", "", { quotas: { maxRequestsPerDay: 5, maxTokensPerMonth: null } });
    expect(patched.body.health.aiKey.quotas).toMatchObject({ maxRequestsPerDay: { limit: 5, left: 5 } });
    expect(patched.body.health.aiKey.quotas.maxTokensPerMonth).toBeUndefined();
    const rotated = await agent("POST", "/ai-key/rotate", { revealAiKey: true });
    expect(rotated).toMatchObject({ status: 200, body: { agentId: name, aiKey: { keyId: made.body.aiKey.keyId } } });
    expect(rotated.body.aiKey.key).toMatch(/^ocv_/);
    const usage = await agent("GET", "/usage");
    expect(usage).toMatchObject({
      status: 200,
      body: {
        agentId: name,
        total: { requests: 0, tokens: 0, estimated: 0 },
        days: [],
        quotas: { maxRequestsPerDay: { limit: 5, used: 0 } },
      },
    });
    const credited = await agent("POST", "/credit", { estimates: true, since: "2026-11-22T18:00:00Z" });
    expect(credited).toMatchObject({ status: 200, body: { agentId: name, credited: { tokens: 0 } } });
    expect((await agent("POST", "/credit", {})).status).toBe(400);
    expect((await agent("GET", "/usage?from=2026-02-30")).status).toBe(400);
    expect((await agent("GET", "/usage?from=2026-03-02&to=2026-03-01")).status).toBe(400);
  });

  it("is 404 for the AI key of an agent that has none", async () => {
    const { key } = await makeKey(target());
    const name = newName("keyless");
    await create(key, { name });
    expect(await ask(target(), "POST", `/agents/${name}/suspend`, { key })).toMatchObject({
      status: 404,
      body: { code: "ai_key_not_found" },
    });
  });

  it("starts anew under an old name", async () => {
    const { key } = await makeLinkedKey(target());
    const name = newName("reborn");
    const first = await create(key, { name, autoProvisionAiKey });
    expect((await ask(target(), "DELETE", `/agents/${name}`, { key, body: { deleteWorkspace: true } })).status).toBe(
      200,
    );
    const second = await create(key, { name, autoProvisionAiKey });
    expect(second.status).toBe(201);
    expect(second.body.aiKey.keyId).not.toBe(first.body.aiKey.keyId);
  });
}
