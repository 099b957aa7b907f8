import { describe, expect, it } from "vitest";
import { requestExamples } from "../../src/openapi/examples.ts";
import { routes } from "../../src/routes.ts";
import { allScopes, ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

/** Every route to one agent, in the table's order: one that is new is held to the same. */
const agentRoutes = routes.filter(({ path }) => path.startsWith("/agents/:id"));

/** Whether a call changes what an agent may spend or spends with. One that is not listed here fails its test. */
const needsLink: Record<string, boolean> = {
  getAgent: false,
  getUsage: false,
  updateAgent: true,
  onboardAgent: true,
  suspendAgent: false,
  resumeAgent: false,
  rotateAiKey: true,
  creditAgent: true,
  deleteAgent: false,
  // Adding, moving: the caller is linked to the one that pays from then on. Removing: spends nothing more.
  addAiKey: false,
  moveAiKey: false,
  removeAiKey: false,
  adoptAgent: false,
  releaseAgent: false,
};
/** The answer about an agent that was made here and has a key, where it is a refusal. */
const refusals: Record<string, string> = {
  addAiKey: "ai_key_exists",
  adoptAgent: "agent_managed",
  releaseAgent: "agent_not_adopted",
};

const bodyOf = (operationId: string): object | undefined => Object.values(requestExamples[operationId] ?? {})[0]?.value;
let count = 0;
const newName = () => `reach-${++count}`;

/** A key reaches all agents, or those that it made. */
export function reachTests(target: () => Target): void {
  const make = async (key: string, more: object = {}) =>
    await ask(target(), "POST", "/agents/create", { key, body: { name: newName(), ...more } });
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000 } };
  /** An agent with an AI key, made by a key of its own. */
  const made = async (options: Record<string, unknown> = {}) => {
    const linked = await makeLinkedKey(target(), options);
    const place = target().hasWorkspaces ? { workspace: target().workspace(newName()) } : {};
    const agent = await make(linked.key, { autoProvisionAiKey, ...place, bind: [`telegram:${newName()}`] });
    expect(agent.status).toBe(201);
    return { ...linked, agentId: agent.body.agentId as string, agent: agent.body };
  };
  const call = async (route: (typeof routes)[number], agentId: string, key: string, headers = {}) =>
    await ask(target(), route.method, route.path.replace(":id", agentId), {
      key,
      headers,
      body: route.body && bodyOf(route.operationId),
    });

  describe.each(agentRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
    it("is 404 for another's agent, as for none, with a key of reach own", async () => {
      const theirs = await made();
      const { key } = await makeKey(target(), { reach: "own" });
      // Once without effect: 404 comes before everything else that could be told.
      for (const headers of [{}, { "idempotency-key": newName() }]) {
        const [refused, absent] = [await call(route, theirs.agentId, key, headers), await call(route, "absent", key)];
        expect(refused).toMatchObject({ status: 404, body: { code: "agent_not_found" } });
        const told = ({ body }: typeof refused, id: string) =>
          JSON.stringify({ ...body, requestId: "" }).replaceAll(id, "<id>");
        expect(told(refused, theirs.agentId)).toBe(told(absent, "absent"));
      }
      const seen = await ask(target(), "GET", `/agents/${theirs.agentId}`);
      expect(seen.body).toMatchObject({ createdBy: theirs.id, health: { aiKey: { status: "active" } } });
    });

    it("is another answer for its own", async () => {
      const own = await made({ reach: "own" });
      const { status, body } = await call(route, own.agentId, own.key);
      const refusal = refusals[route.operationId];
      expect([status, body.code]).toEqual(refusal ? [409, refusal] : [200, undefined]);
    });

    it("is 403 where it changes what an agent spends, with a key not linked to the agent's AI provider", async () => {
      expect(Object.keys(needsLink)).toContain(route.operationId);
      const { agentId } = await made();
      const other = await makeLinkedKey(target(), { name: "another provider" });
      for (const key of [(await makeKey(target())).key, other.key]) {
        const { status, body } = await call(route, agentId, key);
        if (needsLink[route.operationId]) expect([status, body.code]).toEqual([403, "ai_provider_not_linked"]);
        else expect([200, 403, refusals[route.operationId] && 409]).toContain(status);
        if (["deleteAgent", "removeAiKey"].includes(route.operationId)) break;
      }
    });

    if (needsLink[route.operationId]) {
      it("is free for an agent without an AI key, and for a key of the administration", async () => {
        const { key } = await makeKey(target());
        const plain = await make(key);
        const { status, body } = await call(route, plain.body.agentId, key);
        expect(body.code).not.toBe("ai_provider_not_linked");
        expect(status).not.toBe(403);
        const { agentId } = await made();
        const admin = await makeKey(target(), { scopes: ["provisioning:admin", ...allScopes] });
        expect((await call(route, agentId, admin.key)).status).toBe(200);
      });
    }
  });

  it("changes an agent's name and model without a link, and no quota", async () => {
    const { agentId } = await made();
    const { key } = await makeKey(target());
    const patch = (body: object) => ask(target(), "PATCH", `/agents/${agentId}`, { key, body });
    expect((await patch({ name: "Another" })).status).toBe(200);
    expect(await patch({ name: "A third", quotas: { maxTokensPerMonth: null } })).toMatchObject({ status: 403 });
    expect((await ask(target(), "GET", `/agents/${agentId}`)).body).toMatchObject({
      name: "Another",
      health: { aiKey: { quotas: { maxTokensPerMonth: { limit: 1_000_000 } } } },
    });
  });

  it("refuses every step of an onboarding without a link, before any is done", async () => {
    const { agentId } = await made();
    const { key } = await makeKey(target());
    const auth = { provider: "openai", credentials: { apiKey: "not-a-real-key" } };
    for (const body of [
      { steps: ["auth"], auth },
      { steps: ["identity", "auth"], identity: { emoji: "🦞" }, auth },
    ]) {
      const refused = await ask(target(), "POST", `/agents/${agentId}/onboard`, { key, body });
      expect(refused).toMatchObject({ status: 403, body: { code: "ai_provider_not_linked" } });
    }
    expect((await ask(target(), "GET", `/agents/${agentId}`)).body.identity).toBeUndefined();
  });

  it("lists its own, page by page, and no cursor that names another's", async () => {
    const { key, id } = await makeKey(target(), { reach: "own" });
    const other = await makeKey(target());
    const own: string[] = [];
    for (let at = 0; at < 3; at++) {
      own.push((await make(key)).body.agentId);
      await make(other.key);
    }
    const list = async (cursor?: string, limit = 1) =>
      (await ask(target(), "GET", `/agents?limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`, { key })).body;
    const seen: { agentId: string; createdBy: string }[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(cursor);
      seen.push(...page.agents);
      cursor = page.nextCursor;
      if (cursor !== undefined) expect(own).toContain(cursor);
    } while (cursor !== undefined);
    expect(seen.map(({ agentId }) => agentId)).toEqual([...own].sort());
    expect(seen.every(({ createdBy }) => createdBy === id)).toBe(true);
    expect((await list(undefined, 1000)).agents).toHaveLength(3);
    const nothing = await makeKey(target(), { reach: "own" });
    expect((await ask(target(), "GET", "/agents", { key: nothing.key })).body).toEqual({ agents: [] });
  });

  it("lists all with the gateway token alone, or with a key of reach all", async () => {
    const { agentId } = await made({ reach: "own" });
    const { key } = await makeKey(target());
    for (const credentials of [{}, { key }, { key: target().adminToken }]) {
      const ids: string[] = [];
      let cursor = "";
      do {
        const { body } = await ask(target(), "GET", `/agents?limit=1000${cursor && `&cursor=${cursor}`}`, credentials);
        ids.push(...body.agents.map((one: { agentId: string }) => one.agentId));
        cursor = body.nextCursor ?? "";
      } while (cursor !== "");
      expect(ids).toContain(agentId);
    }
  });

  it("does not read with a key that is presented and not valid, which may have been one of reach own", async () => {
    const { key, id } = await makeKey(target(), { reach: "own" });
    await ask(target(), "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target().adminToken });
    for (const path of ["/agents", "/agents/absent", "/agents/absent/usage"]) {
      const { status, body } = await ask(target(), "GET", path, { key });
      expect([path, status, body.code]).toEqual([path, 401, "provisioning_key_invalid"]);
    }
  });

  it("tells nothing of another's agent where it meets one: a name is taken, a binding and a workspace are", async () => {
    const theirs = await made();
    const { key } = await makeKey(target(), { reach: "own" });
    const taken = await make(key, { name: theirs.agentId, ...target().sameGateway });
    expect(taken).toMatchObject({ status: 409, body: { code: "agent_exists" } });
    const { bindings, workspace, gateway } = theirs.agent;
    const place = gateway === undefined ? {} : { gateway };
    const bound = await make(key, { bind: bindings.added, ...place });
    expect(bound).toMatchObject({ status: 409, body: { code: "binding_taken" } });
    const told = [JSON.stringify(bound.body).replaceAll(bindings.added[0], "")];
    if (target().hasWorkspaces && workspace !== undefined) {
      const placed = await make(key, { workspace, ...place });
      expect(placed).toMatchObject({ status: 409, body: { code: "workspace_taken" } });
      told.push(JSON.stringify(placed.body).replaceAll(workspace, ""));
    }
    for (const text of told) expect(text).not.toContain(theirs.agentId);
  });

  it("does not hand a replay to a key that does not reach its agent", async () => {
    const owner = await makeLinkedKey(target(), { reach: "own" });
    const other = await makeLinkedKey(target(), { reach: "own" });
    const headers = { "idempotency-key": newName() };
    const body = { name: newName(), autoProvisionAiKey };
    const first = await ask(target(), "POST", "/agents/create", { key: owner.key, body, headers });
    expect(first.status).toBe(201);
    const stolen = await ask(target(), "POST", "/agents/create", { key: other.key, body, headers });
    expect(stolen).toMatchObject({ status: 409, body: { code: "agent_exists" } });
    expect(JSON.stringify(stolen.body)).not.toContain(first.body.aiKey.keyId);
    const rotate = { key: other.key, headers, body: {} };
    expect((await ask(target(), "POST", `/agents/${first.body.agentId}/ai-key/rotate`, rotate)).status).toBe(404);
  });

  it("shows a key's reach, keeps it on rotation, and has none that is own and administers", async () => {
    const admin = { key: target().adminToken };
    const { id } = await makeKey(target(), { reach: "own" });
    const plain = await makeKey(target());
    const rotated = await ask(target(), "POST", `/provisioning/agent-keys/${id}/rotate`, admin);
    expect(rotated.body.reach).toBe("own");
    const { body } = await ask(target(), "GET", "/provisioning/agent-keys", admin);
    const reachOf = (of: string) => body.keys.find((one: { id: string }) => one.id === of).reach;
    expect([reachOf(id), reachOf(plain.id)]).toEqual(["own", "all"]);
    const both = { name: "x", scopes: ["agents:create", "provisioning:admin"], reach: "own" };
    expect(await ask(target(), "POST", "/provisioning/agent-keys", { ...admin, body: both })).toMatchObject({
      status: 400,
      body: { code: "invalid_body", errors: [{ path: "reach" }] },
    });
  });
}
