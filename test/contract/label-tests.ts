import { describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

const autoProvisionAiKey = { provider: "anthropic" };
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An operator's own words for agents, and the moment at which they end. */
export function labelTests(target: () => Target): void {
  const create = (key: string, more: object = {}) => {
    const name = newName("labels");
    const place = target().hasWorkspaces ? { workspace: target().workspace(name) } : {};
    return ask(target(), "POST", "/agents/create", { key, body: { name, ...place, ...more } });
  };
  const update = (key: string, agentId: string, body: object) =>
    ask(target(), "PATCH", `/agents/${agentId}`, { key, body });
  const get = async (agentId: string) => (await ask(target(), "GET", `/agents/${agentId}`)).body;

  it("keeps labels, merges changes of them, and removes one by null", async () => {
    const { key } = await makeKey(target());
    const made = await create(key, { labels: { tenant: "acme", plan: "pro" } });
    expect(made).toMatchObject({ status: 201, body: { labels: { tenant: "acme", plan: "pro" } } });
    const { agentId } = made.body;
    const changed = await update(key, agentId, { labels: { plan: null, "cost-center/eu": "a.b_c" } });
    expect(changed.body.labels).toEqual({ tenant: "acme", "cost-center/eu": "a.b_c" });
    expect((await get(agentId)).labels).toEqual({ tenant: "acme", "cost-center/eu": "a.b_c" });
    await update(key, agentId, { labels: { tenant: null, "cost-center/eu": null } });
    expect((await get(agentId)).labels).toBeUndefined();
  });

  describe.each([
    [{ Tenant: "acme" }],
    [{ tenant: "Acme" }],
    [{ tenant: "" }],
    [{ tenant: "a b" }],
    [{ ["x".repeat(64)]: "a" }],
    [{ tenant: "x".repeat(64) }],
    [{ tenant: 7 }],
    [{ constructor: "x" }],
    [Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`l${at}`, "x"]))],
  ])("%j", (labels) => {
    it("is a 400, at a create as at an update", async () => {
      const { key } = await makeKey(target());
      expect((await create(key, { labels })).status).toBe(400);
      const { agentId } = (await create(key)).body;
      expect((await update(key, agentId, { labels })).status).toBe(400);
      expect((await get(agentId)).labels).toBeUndefined();
    });
  });

  it("says what a label's name must be", async () => {
    const { key } = await makeKey(target());
    const { status, body } = await create(key, { labels: { "Not A Name": "x" } });
    expect({ status, errors: body.errors }).toEqual({
      status: 400,
      errors: [{ path: "labels.Not A Name", message: "the name must be 1 to 63 of a-z, 0-9 and . _ / -" }],
    });
  });

  it("takes sixteen labels in all, however many changes they come in", async () => {
    const { key } = await makeKey(target());
    const labels = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`l${at}`, "x"]));
    const { agentId } = (await create(key, { labels })).body;
    expect(await update(key, agentId, { labels: { more: "x" } })).toMatchObject({
      status: 400,
      body: { code: "invalid_body", errors: [{ path: "labels" }] },
    });
    expect((await update(key, agentId, { labels: { more: "x", l0: null } })).status).toBe(200);
  });

  it("suspends an agent at its end, by itself, and takes a later one", async () => {
    const { key } = await makeLinkedKey(target());
    const expiresAt = inSeconds(2);
    const { body } = await create(key, { autoProvisionAiKey, revealAiKey: true, expiresAt });
    expect(body).toMatchObject({ expiresAt, aiKey: { key: expect.any(String) } });
    const call = async () => {
      const response = await target().fetch(`${target().origin}/proxy/anthropic/v1/nothing`, {
        method: "POST",
        headers: { "x-api-key": body.aiKey.key, "content-type": "application/json" },
        body: "{}",
      });
      return { status: response.status, text: await response.text() };
    };
    // An endpoint that is not on the list: asked of keys that work only.
    expect(await call()).toMatchObject({ status: 403 });
    await wait(Date.parse(expiresAt) - Date.now() + 50);
    expect(await call()).toMatchObject({ status: 400, text: expect.stringContaining("suspended") });
    expect(await get(body.agentId)).toMatchObject({ status: "suspended", health: { aiKey: { status: "suspended" } } });
    const resume = await ask(target(), "POST", `/agents/${body.agentId}/resume`, { key });
    expect(resume).toMatchObject({ status: 409, body: { code: "agent_expired" } });
    expect(resume.body.detail).toContain(`agents update ${body.agentId} --expires`);
    const many = { action: "resume", agentIds: [body.agentId], dryRun: true };
    const dry = await ask(target(), "POST", "/agents/bulk", { key, body: many });
    expect(dry.body).toMatchObject({ succeeded: [], failed: [{ code: "agent_expired" }] });

    const later = await update(key, body.agentId, { expiresAt: inSeconds(3600) });
    expect(later).toMatchObject({ status: 200, body: { status: expect.not.stringMatching("suspended") } });
    expect(await call()).toMatchObject({ status: 403 });
    const never = await update(key, body.agentId, { expiresAt: null });
    expect(never.body.expiresAt).toBeUndefined();
    expect(await call()).toMatchObject({ status: 403 });
  });

  it("stays suspended by its operator, whatever its end", async () => {
    const { key } = await makeLinkedKey(target());
    const { agentId } = (await create(key, { autoProvisionAiKey })).body;
    await ask(target(), "POST", `/agents/${agentId}/suspend`, { key });
    expect((await update(key, agentId, { expiresAt: inSeconds(3600) })).body.status).toBe("suspended");
    expect((await update(key, agentId, { expiresAt: null })).body.status).toBe("suspended");
  });

  it("refuses an end that has come, that nothing would hold, or that no key is linked to change", async () => {
    const { key } = await makeLinkedKey(target());
    for (const body of [{ expiresAt: inSeconds(-1) }, { expiresAt: "tomorrow" }]) {
      expect((await create(key, { autoProvisionAiKey, ...body })).status).toBe(400);
    }
    expect(await create(key, { expiresAt: inSeconds(60) })).toMatchObject({
      status: 400,
      body: { errors: [{ path: "expiresAt" }] },
    });
    const plain = (await create(key)).body;
    expect((await update(key, plain.agentId, { expiresAt: inSeconds(60) })).body.code).toBe("ai_key_not_found");
    const mine = (await create(key, { autoProvisionAiKey })).body;
    expect((await update(key, mine.agentId, { expiresAt: inSeconds(-60) })).status).toBe(400);
    const other = await makeKey(target());
    expect(await update(other.key, mine.agentId, { expiresAt: null })).toMatchObject({
      status: 403,
      body: { code: "ai_provider_not_linked" },
    });
    expect((await update(other.key, mine.agentId, { labels: { tenant: "acme" } })).status).toBe(200);
  });
}
