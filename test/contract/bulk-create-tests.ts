import { beforeAll, describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

interface Result {
  index: number;
  agentId?: string;
  code?: string;
  aiKey?: { keyId: string; key?: string };
  createdAt?: string;
}

/** Many agents by one call, each of which is made or refused by itself. */
export function bulkCreateTests(target: () => Target): void {
  let linked: Awaited<ReturnType<typeof makeLinkedKey>>;

  const bulk = (agents: object[], { key = linked.key, headers = {}, ...more }: Record<string, unknown> = {}) =>
    ask(target(), "POST", "/agents/bulk", {
      key: key as string,
      headers: headers as Record<string, string>,
      body: { action: "create", agents, ...more },
    });
  const entry = (more: object = {}) => {
    const name = newName("fleet");
    return { name, ...(target().hasWorkspaces && { workspace: target().workspace(name) }), ...more };
  };
  const status = async (agentId: string) => (await ask(target(), "GET", `/agents/${agentId}`)).status;
  const codes = (results: Result[]) => results.map(({ code }) => code ?? "made");

  beforeAll(async () => {
    linked = await makeLinkedKey(target());
  });

  it("makes those that it can, and says why not the others", async () => {
    const autoProvisionAiKey = { provider: "anthropic", quotas: { maxRequestsPerDay: 9 } };
    const [plain, keyed] = [entry({ labels: { tenant: "acme" } }), entry({ autoProvisionAiKey, revealAiKey: true })];
    const { status: answered, body } = await bulk([
      plain,
      { name: "main" },
      keyed,
      entry({ autoProvisionAiKey: { provider: "openai" } }),
    ]);
    expect(answered).toBe(200);
    expect(body.results).toMatchObject([
      { index: 0, agentId: plain.name, labels: { tenant: "acme" } },
      { index: 1, code: "agent_reserved", detail: expect.any(String) },
      {
        index: 2,
        agentId: keyed.name,
        aiKey: { key: expect.stringMatching(/^ocv_/), quotas: { maxRequestsPerDay: 9 } },
      },
      { index: 3, code: "ai_provider_not_linked" },
    ]);
    const shown = await ask(target(), "GET", `/agents/${keyed.name}`);
    expect(shown.body.health.aiKey).toMatchObject({ keyId: body.results[2].aiKey.keyId, status: "active" });
    const { body: trail } = await ask(target(), "GET", "/provisioning/audit?action=agent.create&limit=20", {
      key: target().adminToken,
    });
    const lines = (trail.events as { target: string; details?: { batchId?: string } }[])
      .filter(({ details }) => details?.batchId === body.batchId)
      .map((line) => line.target);
    expect(lines.sort()).toEqual([plain.name, plain.name, keyed.name, keyed.name].sort());
  });

  it("answers a repetition with the first answer less the secrets, and makes nothing twice", async () => {
    const headers = { "idempotency-key": newName("fleet-key") };
    const agents = [entry({ autoProvisionAiKey: { provider: "anthropic" }, revealAiKey: true }), entry()];
    const first = await bulk(agents, { headers });
    const again = await bulk(agents, { headers });
    const { key, ...aiKey } = first.body.results[0].aiKey;
    expect(key).toMatch(/^ocv_/);
    expect(again.body).toEqual({
      ...first.body,
      results: [{ ...first.body.results[0], aiKey }, first.body.results[1]],
    });
    const other = await bulk([agents[0]!], { headers });
    expect([other.status, other.body.code]).toEqual([422, "idempotency_mismatch"]);
  });

  it("goes on where the first call ended: what was refused is tried again, what was made stays", async () => {
    const headers = { "idempotency-key": newName("fleet-key") };
    const [free, taken] = [entry({ labels: { b: "1", a: "2" } }), entry()];
    expect((await ask(target(), "POST", "/agents/create", { key: linked.key, body: taken })).status).toBe(201);
    const first = await bulk([free, taken], { headers });
    expect(codes(first.body.results)).toEqual(["made", "agent_exists"]);
    const other = await bulk([free], { headers });
    expect([other.status, other.body.code]).toEqual([422, "idempotency_mismatch"]);
    const deleted = await ask(target(), "DELETE", `/agents/${taken.name}`, {
      key: linked.key,
      body: { deleteWorkspace: true },
    });
    expect(deleted.status).toBe(200);
    const second = await bulk([{ ...free, labels: { a: "2", b: "1" } }, taken], { headers });
    expect(codes(second.body.results)).toEqual(["made", "made"]);
    expect(second.body.results[0].createdAt).toBe(first.body.results[0].createdAt);
    expect((await bulk([free, taken], { headers })).body).toEqual(second.body);
  });

  it("holds a key to its maxAgents exactly", async () => {
    const { key } = await makeKey(target(), { scopes: ["agents:create"], maxAgents: 3 });
    const agents = Array.from({ length: 6 }, () => entry());
    const dry = await bulk(agents, { key, dryRun: true });
    expect(codes(dry.body.results)).toEqual([...Array(3).fill("made"), ...Array(3).fill("agent_limit_reached")]);
    const { body } = await bulk(agents, { key });
    expect(codes(body.results).sort()).toEqual([...Array(3).fill("agent_limit_reached"), ...Array(3).fill("made")]);
  });

  it("holds a key to its rate exactly, and a repetition pays only for what is not made yet", async () => {
    const { key } = await makeKey(target(), { scopes: ["agents:create"], rateLimitPerMinute: 4 });
    const headers = { "idempotency-key": newName("fleet-key") };
    const agents = Array.from({ length: 3 }, () => entry());
    const first = await bulk([...agents, { name: "main" }, entry()], { key, headers });
    expect(codes(first.body.results).filter((code) => code === "rate_limited")).toHaveLength(1);
    const { status: limited } = await bulk([entry()], { key });
    expect(limited).toBe(429);
    const next = await makeKey(target(), { scopes: ["agents:create"], rateLimitPerMinute: 5 });
    const all = [...agents.map(() => entry())];
    const whole = [...all, { name: "main" }];
    const once = await bulk(whole, { key: next.key, headers });
    expect(codes(once.body.results)).toEqual(["made", "made", "made", "agent_reserved"]);
    const twice = await bulk(whole, { key: next.key, headers });
    expect(codes(twice.body.results)).toEqual(["made", "made", "made", "agent_reserved"]);
  });

  it("makes nothing in a dry run, and refuses the same", async () => {
    const [fresh, there] = [entry(), entry()];
    expect((await ask(target(), "POST", "/agents/create", { key: linked.key, body: there })).status).toBe(201);
    const dry = await bulk([fresh, there, fresh, { name: "!!!" }], { dryRun: true });
    expect(dry.body).toMatchObject({
      dryRun: true,
      results: [
        { index: 0, agentId: fresh.name },
        { index: 1, code: "agent_exists" },
        { index: 2, code: "agent_exists" },
        { index: 3, code: "invalid_name" },
      ],
    });
    expect(await status(fresh.name)).toBe(404);
  });

  it("streams a line for each where that is asked for, and the kept answer too", async () => {
    const headers = { accept: "application/x-ndjson", "idempotency-key": newName("fleet-key") };
    const agents = [entry(), entry(), entry()];
    const lines = (text: string): Result[] =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
    const first = await bulk(agents, { headers });
    expect([first.status, first.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    const byIndex = lines(first.body).sort((a, b) => a.index - b.index);
    expect(byIndex.map(({ agentId }) => agentId)).toEqual(agents.map(({ name }) => name));
    const again = await bulk(agents, { headers });
    expect(lines(again.body)).toEqual(byIndex);
    const bad = await bulk([agents[0]!], { headers });
    expect([bad.status, bad.body.code]).toEqual([422, "idempotency_mismatch"]);
  });

  it("asks for agents:create alone, which changes no agent", async () => {
    const creator = await makeKey(target(), { scopes: ["agents:create"] });
    const made = entry();
    expect(codes((await bulk([made], { key: creator.key })).body.results)).toEqual(["made"]);
    const updater = await makeKey(target(), { scopes: ["agents:update"] });
    const refused = await bulk([entry()], { key: updater.key });
    expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
    for (const action of ["suspend", "update", "delete"]) {
      const labels = action === "update" ? { labels: { a: "b" } } : {};
      const denied = await ask(target(), "POST", "/agents/bulk", {
        key: creator.key,
        body: { action, agentIds: [made.name], ...labels },
      });
      expect([denied.status, denied.body.code]).toEqual([403, "scope_missing"]);
    }
    expect(await status(made.name)).toBe(200);
  });

  describe.each([
    [{ action: "create" }, "agents"],
    [{ action: "create", agents: [] }, "agents"],
    [{ action: "create", agents: [{ name: "a" }, { name: "b", nope: 1 }] }, "agents.1.nope"],
    [{ action: "create", agents: [{ name: "a" }], agentIds: ["a"] }, "agentIds"],
    [{ action: "create", agents: [{ name: "a" }], labels: { a: "b" } }, "labels"],
    [{ action: "suspend", agentIds: ["a"], agents: [{ name: "a" }] }, "agents"],
    [{ action: "suspend" }, "agentIds"],
  ])("%j", (body, path) => {
    it("is a 400 that names the field", async () => {
      const refused = await ask(target(), "POST", "/agents/bulk", { key: linked.key, body });
      expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
      expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    });
  });

  it("takes no more than 500, and says so in a field", async () => {
    const agents = Array.from({ length: 501 }, (_, at) => ({ name: `over-${at}` }));
    const refused = await bulk(agents);
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    expect(refused.body.errors).toEqual([{ path: "agents", message: "at most 500 agents", most: 500 }]);
  });
}
