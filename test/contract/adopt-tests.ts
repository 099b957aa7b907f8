import { expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

export function adoptTests(target: () => Target): void {
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } };
  const adopt = (id: string, key: string, body?: unknown, headers?: Record<string, string>) =>
    ask(target(), "POST", `/agents/${id}/adopt`, { key, body, ...(headers && { headers }) });
  const release = (id: string, key: string) => ask(target(), "POST", `/agents/${id}/release`, { key });
  const get = (id: string) => ask(target(), "GET", `/agents/${id}`);
  /** An agent of others; `undefined` where the target's host can have none. */
  async function byHand(): Promise<string | undefined> {
    const id = newName("by-hand");
    await target().makeByHand?.(id);
    return target().makeByHand && id;
  }

  it("adopts an agent of others, with a key, quotas and labels, and gives it back as it was", async () => {
    const { id: keyId, key } = await makeLinkedKey(target());
    const id = await byHand();
    if (id === undefined) {
      expect(await adopt(newName("absent"), key, { autoProvisionAiKey })).toMatchObject({
        status: 404,
        body: { code: "agent_not_found" },
      });
      return;
    }
    const before = await get(id);
    expect(before.body).toMatchObject({ managed: false, health: { credentials: "ok" } });
    const body = { autoProvisionAiKey, model: "claude-sonnet-3.5", labels: { tenant: "acme" }, revealAiKey: true };
    const dry = await adopt(id, key, { ...body, dryRun: true });
    expect(dry).toMatchObject({ status: 200, body: { agentId: id, dryRun: true } });
    expect(dry.body.changes).toContainEqual(expect.objectContaining({ setting: expect.stringContaining("model") }));
    expect(dry.body.aiKey).toBeUndefined();
    expect((await get(id)).body).toEqual(before.body);

    const adopted = await adopt(id, key, body);
    expect(adopted).toMatchObject({
      status: 200,
      body: {
        agentId: id,
        labels: { tenant: "acme" },
        changes: dry.body.changes,
        aiKey: { provider: "anthropic", mode: "virtual", quotas: { maxUsdPerMonth: 20 } },
      },
    });
    expect(adopted.body.model).toContain("claude-sonnet-3.5");
    expect(adopted.body.aiKey.key).toMatch(/^ocv_/);
    const shown = await get(id);
    expect(shown.body).toMatchObject({
      status: "ready",
      managed: true,
      adopted: true,
      createdBy: keyId,
      labels: { tenant: "acme" },
      health: { aiKey: { status: "active", quotas: { maxUsdPerMonth: { limit: 20 } } } },
    });
    for (const field of ["name", "workspace", "agentDir", "identity", "bindings", "gateway"])
      expect(shown.body[field], field).toEqual(before.body[field]);

    expect(await ask(target(), "DELETE", `/agents/${id}`, { key })).toMatchObject({
      status: 409,
      body: { code: "agent_adopted", detail: expect.stringContaining(`agents release ${id}`) },
    });
    expect(await release(id, key)).toMatchObject({ status: 200, body: { agentId: id, preserved: [] } });
    expect((await get(id)).body).toEqual(before.body);
    const holder = await ask(target(), "GET", "/key", { token: adopted.body.aiKey.key });
    expect(holder.status).toBe(401);
    // Its place, its id and its name are free again, for the next adoption too.
    expect((await adopt(id, key, { autoProvisionAiKey })).status).toBe(200);
    expect((await release(id, key)).status).toBe(200);
  });

  it("adopts once, also where the request is repeated, and refuses what is managed", async () => {
    const { key } = await makeLinkedKey(target());
    const id = await byHand();
    const made = newName("made-here");
    expect((await ask(target(), "POST", "/agents/create", { key, body: { name: made } })).status).toBe(201);
    expect(await adopt(made, key, {})).toMatchObject({ status: 409, body: { code: "agent_managed" } });
    expect(await release(made, key)).toMatchObject({ status: 409, body: { code: "agent_not_adopted" } });
    if (id === undefined) return;
    const headers = { "idempotency-key": newName("adopt") };
    const body = { autoProvisionAiKey, revealAiKey: true };
    const first = await adopt(id, key, body, headers);
    const again = await adopt(id, key, body, headers);
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({ agentId: id, aiKey: { keyId: first.body.aiKey.keyId } });
    expect(again.body.aiKey.key).toBeUndefined();
    expect(await adopt(id, key, body)).toMatchObject({ status: 409, body: { code: "agent_managed" } });
    expect((await release(id, key)).status).toBe(200);
    expect(await release(id, key)).toMatchObject({ status: 409, body: { code: "agent_not_adopted" } });
  });

  it("adopts without a key, counts it among its key's agents, and refuses an end without a key", async () => {
    const { key } = await makeKey(target(), { maxAgents: 1 });
    const [one, two] = [await byHand(), await byHand()];
    expect((await adopt(one ?? "any", key, { expiresAt: "2100-01-01T00:00:00Z" })).status).toBe(400);
    if (one === undefined || two === undefined) return;
    expect(await adopt(one, key)).toMatchObject({ status: 200, body: { agentId: one } });
    expect(await adopt(two, key)).toMatchObject({ status: 403, body: { code: "agent_limit_reached" } });
    expect((await get(two)).body).toMatchObject({ managed: false });
    expect((await release(one, key)).status).toBe(200);
    expect((await adopt(two, key)).status).toBe(200);
    expect((await release(two, key)).status).toBe(200);
  });

  it("needs both scopes", async () => {
    for (const scope of ["agents:create", "agents:update"]) {
      const { key } = await makeKey(target(), { scopes: [scope] });
      expect(await adopt("any", key, {})).toMatchObject({ status: 403, body: { code: "scope_missing" } });
      expect(await release("any", key)).toMatchObject({ status: 403, body: { code: "scope_missing" } });
    }
  });
}
