import { describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

const apiKey = "sk-ant-given-not-a-real-key";
const auth = { provider: "anthropic", credentials: { apiKey } };
const model = "claude-sonnet-3.5";

/** Creates that hand over a key for the agent. */
export function createWithAuthTests(target: () => Target): void {
  const create = (key: string, body: object, headers: Record<string, string> = {}) =>
    ask(target(), "POST", "/agents/create", { key, body, headers });
  const shown = (agentId: string) => ask(target(), "GET", `/agents/${agentId}`);

  it("makes the agent with it at once, and tells it to nobody; a host that keeps none refuses, with nothing done", async () => {
    const { key } = await makeKey(target());
    const name = newName("given");
    const made = await create(key, { name, model, auth });
    if (!target().storesCredentials) {
      expect(made).toMatchObject({ status: 422, body: { code: "credential_not_stored" } });
      expect((await shown(name)).status).toBe(404);
      return;
    }
    expect(made).toMatchObject({ status: 201, body: { agentId: name, model } });
    const { body } = await shown(name);
    expect(body).toMatchObject({ status: "ready", model, health: { credentials: "ok" } });
    const { body: trail } = await ask(target(), "GET", "/provisioning/audit?action=agent.create&limit=20", {
      key: target().adminToken,
    });
    const intent = (trail.events as { target: string; phase: string }[]).find(
      (event) => event.target === name && event.phase === "intent",
    );
    expect(intent).toMatchObject({ details: { provider: "anthropic" } });
    expect(JSON.stringify([made.body, body, trail])).not.toContain(apiKey);
  });

  it("asks for agents:onboard beside agents:create", async () => {
    const { key } = await makeKey(target(), { scopes: ["agents:create"] });
    const name = newName("given");
    const refused = await create(key, { name, model, auth });
    expect(refused).toMatchObject({ status: 403, body: { code: "scope_missing" } });
    expect(refused.body.detail).toContain("agents:onboard");
    const bulk = await ask(target(), "POST", "/agents/bulk", {
      key,
      body: { action: "create", agents: [{ name, model, auth }] },
    });
    expect(bulk.body.results).toMatchObject([{ code: "scope_missing" }]);
    expect((await shown(name)).status).toBe(404);
  });

  it.each([
    [{ auth, autoProvisionAiKey: { provider: "anthropic" } }, "auth"],
    [{ auth: { provider: "anthropic" } }, "auth.credentials"],
    [{ auth: { ...auth, remove: true } }, "auth.remove"],
    [{ auth: { ...auth, model } }, "auth.model"],
    [{ auth: { ...auth, credentials: { apiKey: "two words" } } }, "auth.credentials.apiKey"],
    [{ auth: { ...auth, baseUrl: "ftp://example.com" } }, "auth.baseUrl"],
  ])("is 400 for %j, and names the field", async (more, path) => {
    const { key } = await makeLinkedKey(target());
    const { status, body } = await create(key, { name: newName("given"), model, ...more });
    expect([status, body.code]).toEqual([400, "invalid_body"]);
    expect(body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
  });

  describe("under an Idempotency-Key", () => {
    it("is the same create without its key too: a repetition makes nothing", async () => {
      if (!target().storesCredentials) return expect(target().storesCredentials).toBe(false);
      const { key } = await makeKey(target());
      const name = newName("given");
      const headers = { "idempotency-key": newName("key") };
      const first = await create(key, { name, model, auth }, headers);
      expect(first.status).toBe(201);
      for (const body of [
        { name, model, auth },
        { name, model },
      ]) {
        expect(await create(key, body, headers)).toMatchObject({ status: 200, body: first.body });
      }
      expect((await create(key, { name, model: "claude-haiku", auth }, headers)).status).toBe(422);
      expect((await shown(name)).body.health.credentials).toBe("ok");
    });

    it("so are many at once", async () => {
      if (!target().storesCredentials) return expect(target().storesCredentials).toBe(false);
      const { key } = await makeKey(target());
      const name = newName("given");
      const headers = { "idempotency-key": newName("key") };
      const bulk = (agents: object[]) =>
        ask(target(), "POST", "/agents/bulk", { key, headers, body: { action: "create", agents } });
      // The second one is refused: the call goes on where it ended.
      const first = await bulk([{ name, model, auth }, { name: "main" }]);
      expect(first.body.results).toMatchObject([{ agentId: name }, { code: "agent_reserved" }]);
      const again = await bulk([{ name, model }, { name: "main" }]);
      expect(again.body.results[0]).toEqual(first.body.results[0]);
      expect((await shown(name)).body.health.credentials).toBe("ok");
    });
  });
}
