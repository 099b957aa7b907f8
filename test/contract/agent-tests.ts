import { expect, it } from "vitest";
import { allScopes, ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

let counter = 0;
/** No two tests share an agent, also where a target outlives a run. */
export const newName = (what: string): string => `${what}-${Date.now().toString(36)}${(counter++).toString(36)}`;

export function agentTests(target: () => Target): void {
  const create = (key: string, body: unknown, headers?: Record<string, string>) =>
    ask(target(), "POST", "/agents/create", { key, body, ...(headers && { headers }) });

  it("creates, shows, lists and deletes an agent", async () => {
    const { id: keyId, key } = await makeKey(target());
    const name = newName("my-agent");
    const workspace = target().workspace(name);
    const made = await create(key, { name, workspace, model: "claude-sonnet-3.5", bind: [`telegram:${name}`] });
    expect(made).toMatchObject({
      status: 201,
      body: {
        agentId: name,
        name,
        model: "claude-sonnet-3.5",
        bindings: { added: [`telegram:${name}`], updated: [], skipped: [], conflicts: [] },
      },
    });
    expect(made.headers.get("location")).toMatch(new RegExp(`/agents/${name}$`));
    const shown = await ask(target(), "GET", `/agents/${name}`);
    expect(shown).toMatchObject({
      status: 200,
      body: { agentId: name, status: "needs_auth", managed: true, createdBy: keyId },
    });
    expect(shown.body.health).toMatchObject({ host: "ok" });
    const listed = await everyAgent();
    expect(listed.map((agent) => agent.agentId)).toContain(name);

    const gone = await ask(target(), "DELETE", `/agents/${name}`, {
      key,
      body: { deleteWorkspace: true, deleteSessions: true },
    });
    expect(gone).toMatchObject({ status: 200, body: { agentId: name } });
    expect((await ask(target(), "GET", `/agents/${name}`)).status).toBe(404);
    expect((await ask(target(), "DELETE", `/agents/${name}`, { key })).status).toBe(404);
  });

  async function everyAgent(limit = 100): Promise<{ agentId: string }[]> {
    const agents: { agentId: string }[] = [];
    let cursor: string | undefined;
    do {
      const { status, body } = await ask(target(), "GET", `/agents?limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`);
      expect(status).toBe(200);
      agents.push(...body.agents);
      cursor = body.nextCursor;
    } while (cursor !== undefined);
    return agents;
  }

  it("pages through agents without losing or repeating one", async () => {
    const { key } = await makeKey(target());
    const names = [];
    for (let at = 0; at < 5; at++) names.push(newName("paged"));
    for (const name of names) expect((await create(key, { name })).status).toBe(201);
    const ids = (await everyAgent(2)).map((agent) => agent.agentId);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(ids).toEqual(expect.arrayContaining(names));
  });

  it("makes one agent of 16 requests for it at once", async () => {
    const { key } = await makeKey(target());
    const name = newName("once");
    const answers = await Promise.all(Array.from({ length: 16 }, () => create(key, { name })));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array(15).fill(409)]);
  });

  it("holds a key to its number of agents, and frees the place of a deleted one", async () => {
    const { key } = await makeKey(target(), { maxAgents: 3 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(key, { name: newName("counted") })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.find(({ status }) => status !== 201)).toMatchObject({
      status: 403,
      body: { code: "agent_limit_reached" },
    });
    const one = answers.find(({ status }) => status === 201)!.body.agentId;
    expect((await ask(target(), "DELETE", `/agents/${one}`, { key })).status).toBe(200);
    expect((await create(key, { name: newName("counted") })).status).toBe(201);
  });

  it("refuses a binding that another agent has, and changes nothing", async () => {
    const { key } = await makeKey(target());
    const [first, second] = [newName("bound"), newName("bound")];
    const bind = [`telegram:${first}`];
    const { sameGateway } = target();
    expect((await create(key, { name: first, bind, ...sameGateway })).status).toBe(201);
    expect(await create(key, { name: second, bind: [`discord:${second}`, ...bind], ...sameGateway })).toMatchObject({
      status: 409,
      body: { code: "binding_taken" },
    });
    expect((await ask(target(), "GET", `/agents/${second}`)).status).toBe(404);
    expect((await create(key, { name: second, bind: [`discord:${second}`] })).status).toBe(201);
  });

  it("frees the bindings of a deleted agent, those too that it was being given at that moment", async () => {
    const { key } = await makeKey(target());
    const { sameGateway } = target();
    for (let round = 0; round < 8; round++) {
      const [first, second] = [newName("freed"), newName("freed")];
      const bindings = [`telegram:${first}`];
      expect((await create(key, { name: first, ...sameGateway })).status).toBe(201);
      const [given, deleted] = await Promise.all([
        ask(target(), "POST", `/agents/${first}/onboard`, { key, body: { steps: ["bindings"], bindings } }),
        // Sooner or later in the course of it.
        new Promise((resolve) => setTimeout(resolve, round)).then(() =>
          ask(target(), "DELETE", `/agents/${first}`, { key }),
        ),
      ]);
      expect(target().deletesSlowly ? [200, 404, 409] : [200, 404]).toContain(given.status);
      if (given.status === 409) expect(given.body.code).toBe("agent_busy");
      expect(deleted.status).toBe(200);
      expect(await create(key, { name: second, bind: bindings, ...sameGateway })).toMatchObject({ status: 201 });
    }
  });

  it.each([
    [{}, "name"],
    [{ name: 7 }, "name"],
    [{ name: "" }, "name"],
    [{ name: "x".repeat(129) }, "name"],
    [{ name: "a", bind: "telegram:*" }, "bind"],
    [{ name: "a", bind: ["Telegram:"] }, "bind.0"],
    [
      { name: "a", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: -1 } } },
      "autoProvisionAiKey.quotas.maxTokensPerMonth",
    ],
    [
      { name: "a", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1.5 } } },
      "autoProvisionAiKey.quotas.maxTokensPerMonth",
    ],
    ...[0, -1, 1_000_001, "10", null].map((budgetUsdPerMonth): [object, string] => [
      { name: "a", autoProvisionAiKey: { provider: "openrouter", mode: "minted", budgetUsdPerMonth } },
      "autoProvisionAiKey.budgetUsdPerMonth",
    ]),
    [{ name: "a", model: "../../etc" }, "model"],
  ])("is 400 for %j, and names the field", async (body, path) => {
    const { key } = await makeKey(target());
    const answer = await create(key, body);
    expect([answer.status, answer.body.code]).toEqual([400, "invalid_body"]);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it("is 400 for a name that leaves no id, 409 for main", async () => {
    const { key } = await makeKey(target());
    expect(await create(key, { name: "!!!" })).toMatchObject({ status: 400, body: { code: "invalid_name" } });
    expect(await create(key, { name: "Main" })).toMatchObject({ status: 409, body: { code: "agent_reserved" } });
  });

  it("makes the id as OpenClaw does", async () => {
    const { key } = await makeKey(target());
    const name = newName("Made");
    const { status, body } = await create(key, { name: `${name} Cool_Agent.v2 é!` });
    expect([status, body.agentId]).toEqual([201, `${name.toLowerCase()}-cool_agent-v2`]);
  });

  it("refuses workspaces outside the roots, and what climbs or hides", async () => {
    if (!target().hasWorkspaces) return expect(target().hasWorkspaces).toBe(false);
    const { key } = await makeKey(target());
    for (const workspace of [
      "/etc",
      "relative",
      `${target().workspace("a")}/../../../etc`,
      `${target().workspace("a")}\u0000b`,
    ]) {
      const { status, body } = await create(key, { name: newName("outside"), workspace });
      expect([workspace, status, body.code]).toEqual([workspace, 422, "workspace_not_allowed"]);
    }
  });

  it("deletes what was meant, and not what was made anew under its name meanwhile", async () => {
    const { key } = await makeLinkedKey(target());
    for (let round = 0; round < 2; round++) {
      const name = newName("anew");
      const body = {
        name,
        workspace: target().workspace(name),
        autoProvisionAiKey: { provider: "anthropic" },
        ...target().sameGateway,
      };
      expect((await create(key, body)).status).toBe(201);
      const deletes = [1, 2].map(() => ask(target(), "DELETE", `/agents/${name}`, { key }));
      let made = await create(key, body);
      // OpenClaw takes ten seconds to let go of an agent.
      for (const began = Date.now(); made.status !== 201 && Date.now() < began + 45_000; ) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(50, 2 + (Date.now() - began) / 20)));
        made = await create(key, body);
      }
      expect(made.status).toBe(201);
      const deleted = (await Promise.all(deletes)).map(({ status }) => status).sort();
      const shown = await ask(target(), "GET", `/agents/${name}`);
      if (deleted.join() === "200,200") {
        // The one came later than the creation, and meant the new agent: of that, nothing is left.
        expect(shown.status).toBe(404);
        expect((await create(key, { ...body, name: newName("heir") })).status).toBe(201);
        continue;
      }
      // The later one found no agent, or for as long as it waits one that is being deleted or made.
      expect(["200,404", "200,409"]).toContain(deleted.join());
      expect(shown).toMatchObject({ status: 200, body: { managed: true, aiKeyId: made.body.aiKey.keyId } });
      expect(shown.body.health.aiKey).toMatchObject({ keyId: made.body.aiKey.keyId, status: "active" });
      const thief = await create(key, { ...body, name: newName("thief") });
      expect([thief.status, thief.body.code]).toEqual([409, "workspace_taken"]);
    }
  });

  it("refuses text that is not well-formed, wherever it is given, and keeps nothing of it", async () => {
    const { key } = await makeKey(target(), { maxAgents: 1 });
    const admin = target().adminToken;
    const name = newName("lone");
    const lone = "\ud800";
    const workspace = `${target().workspace(name)}/${lone}1`;
    const unplaced = await create(key, { name, workspace });
    expect(unplaced).toMatchObject({ status: 422, body: { code: "workspace_not_allowed" } });
    // A refusal that names what was given must be JSON that every parser takes.
    expect(unplaced.body.detail.isWellFormed()).toBe(true);
    const refused: [string, string, string, object][] = [
      ["POST", "/agents/create", key, { name: name + lone }],
      ["POST", "/agents/create", key, { name, bind: [`telegram:${lone}`] }],
      ["POST", "/agents/create", key, { name, model: `m${lone}` }],
      ["POST", "/agents/create", key, { name, gateway: `gw${lone}` }],
      ["POST", "/agents/create", key, { name, identity: { name: lone } }],
      ["POST", "/agents/create", key, { name, identity: { emoji: lone } }],
      ["POST", "/agents/create", key, { name, identity: { avatar: lone } }],
      ["POST", "/agents/create", key, { name, autoProvisionAiKey: { provider: lone } }],
      ["POST", "/agents/create", key, { name, autoProvisionAiKey: { provider: "openai", models: [lone] } }],
      ["PATCH", `/agents/${name}`, key, { name: lone }],
      ["POST", `/agents/${name}/onboard`, key, { steps: ["identity"], identity: { avatar: lone } }],
      ["POST", "/provisioning/agent-keys", admin, { name: lone, scopes: ["agents:create"] }],
      ["POST", "/provisioning/agent-keys", admin, { name, scopes: ["agents:create"], aiProviderKeyId: lone }],
      [
        "POST",
        "/provisioning/ai-providers",
        admin,
        { provider: "openai", name: lone, key: "sk-not-real", verify: false },
      ],
      ["POST", "/provisioning/ai-providers", admin, { provider: "openai", name, key: `sk-${lone}`, verify: false }],
      [
        "POST",
        "/provisioning/ai-providers",
        admin,
        { provider: "openai", name, key: "sk-not-real", baseUrl: `https://example.com/${lone}`, verify: false },
      ],
    ];
    for (const [method, path, as, body] of refused) {
      const { status, body: problem } = await ask(target(), method, path, { key: as, body });
      expect(problem.detail.isWellFormed()).toBe(true);
      expect([path, JSON.stringify(body), Math.floor(status / 100)]).toEqual([path, JSON.stringify(body), 4]);
    }
    expect((await ask(target(), "GET", `${target().origin}/readyz`)).status).toBe(200);
    expect((await create(key, { name })).status).toBe(201);
  });

  it("refuses a workspace that another agent has", async () => {
    if (!target().hasWorkspaces) return expect(target().hasWorkspaces).toBe(false);
    const { key } = await makeKey(target());
    const common = { workspace: target().workspace(newName("shared")), ...target().sameGateway };
    expect((await create(key, { name: newName("ws"), ...common })).status).toBe(201);
    expect(await create(key, { name: newName("ws"), ...common })).toMatchObject({
      status: 409,
      body: { code: "workspace_taken" },
    });
  });

  it("onboards: auth, identity, model, bindings; a step without its field is refused before the first runs", async () => {
    const { key } = await makeKey(target());
    const name = newName("onboarded");
    await create(key, { name });
    const onboard = (body: unknown) => ask(target(), "POST", `/agents/${name}/onboard`, { key, body });
    expect(await onboard({ steps: ["auth", "model"], model: "gpt-5" })).toMatchObject({ status: 400 });
    const auth = {
      provider: "anthropic",
      credentials: { apiKey: "sk-ant-not-a-real-key" },
      model: "claude-sonnet-3.5",
    };
    const done = await onboard({ steps: ["auth"], auth });
    if (!target().storesCredentials) {
      expect(done).toMatchObject({
        status: 200,
        body: { failed: ["auth"], errors: [{ code: "credential_not_stored" }] },
      });
    } else {
      expect(done).toMatchObject({ status: 200, body: { agentId: name, completed: ["auth"], failed: [], errors: [] } });
      expect((await ask(target(), "GET", `/agents/${name}`)).body).toMatchObject({
        status: "ready",
        model: "claude-sonnet-3.5",
      });
    }
    const more = await onboard({
      steps: ["identity", "bindings"],
      identity: { name: "Ada" },
      bindings: [`telegram:${name}`],
    });
    expect(more.body).toMatchObject({ completed: ["identity", "bindings"], failed: [] });
    expect((await ask(target(), "GET", `/agents/${name}`)).body).toMatchObject({
      identity: { name: "Ada" },
      bindings: [`telegram:${name}`],
    });
  });

  it("changes name and model", async () => {
    const { key } = await makeKey(target());
    const name = newName("patched");
    await create(key, { name });
    const patched = await ask(target(), "PATCH", `/agents/${name}`, {
      key,
      body: { name: "Another name", model: "gpt-5" },
    });
    expect(patched).toMatchObject({ status: 200, body: { agentId: name, name: "Another name", model: "gpt-5" } });
    expect(await ask(target(), "PATCH", `/agents/${name}`, { key, body: {} })).toMatchObject({ status: 400 });
  });

  it("answers a repeated Idempotency-Key with the first body, another body with 422", async () => {
    const { key } = await makeKey(target());
    const name = newName("again");
    const headers = { "idempotency-key": newName("key") };
    const first = await create(key, { name }, headers);
    const second = await create(key, { name }, headers);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    expect(await create(key, { name: newName("other") }, headers)).toMatchObject({
      status: 422,
      body: { code: "idempotency_mismatch" },
    });
    const other = await makeKey(target(), { scopes: allScopes });
    expect((await create(other.key, { name }, headers)).status).toBe(409);
  });

  it("takes a repetition for the same whose fields and labels come in another order", async () => {
    const { key } = await makeKey(target());
    const name = newName("order");
    const headers = { "idempotency-key": newName("key") };
    const first = await create(key, { name, labels: { b: "1", a: "2" } }, headers);
    const second = await create(key, { labels: { a: "2", b: "1" }, name }, headers);
    expect([first.status, second.status]).toEqual([201, 200]);
    const other = await create(key, { name, labels: { b: "2", a: "1" } }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
  });

  it("makes one agent of 8 requests with one Idempotency-Key", async () => {
    const { key } = await makeKey(target());
    const name = newName("flight");
    const headers = { "idempotency-key": newName("key") };
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(key, { name }, headers)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body } of answers) if (status === 409) expect(body.code).toBe("idempotency_in_flight");
    expect(answers.every(({ status }) => [200, 201, 409].includes(status))).toBe(true);
  });

  it("is 404 for agents that are not there, however they are spelled", async () => {
    const { key } = await makeKey(target());
    for (const id of ["nobody", "..%2f..%2fetc", "NO-BODY", "a%00b", "%F0%9F%A6%9E"]) {
      expect((await ask(target(), "GET", `/agents/${id}`)).status).toBe(404);
      expect((await ask(target(), "POST", `/agents/${id}/suspend`, { key })).status).toBe(404);
    }
    expect((await ask(target(), "GET", "/agents/%E0%A4%A")).status).toBe(400);
  });
}
