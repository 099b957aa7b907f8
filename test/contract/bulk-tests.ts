import { beforeAll, describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { allScopes, ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

interface AuditLine {
  phase: string;
  action: string;
  target: string;
  operationId: string;
  details?: { batchId?: string };
}

/** One change to many agents, each of which is refused by itself. */
export function bulkTests(target: () => Target): void {
  let linked: Awaited<ReturnType<typeof makeLinkedKey>>;
  let keyed: string[];
  let plain: string;

  const bulk = (body: object, key = linked.key, headers = {}) =>
    ask(target(), "POST", "/agents/bulk", { key, body, headers });
  const create = async (more: object = {}): Promise<string> => {
    const name = newName("bulk");
    const place = target().hasWorkspaces ? { workspace: target().workspace(name) } : {};
    const made = await ask(target(), "POST", "/agents/create", { key: linked.key, body: { name, ...place, ...more } });
    expect(made.status).toBe(201);
    return made.body.agentId;
  };
  const status = async (agentId: string) => (await ask(target(), "GET", `/agents/${agentId}`)).body.status;
  const trail = async (action: string): Promise<AuditLine[]> =>
    (await ask(target(), "GET", `/provisioning/audit?action=${action}&limit=20`, { key: target().adminToken })).body
      .events;

  beforeAll(async () => {
    linked = await makeLinkedKey(target());
    const autoProvisionAiKey = { provider: "anthropic" };
    keyed = [await create({ autoProvisionAiKey }), await create({ autoProvisionAiKey })];
    plain = await create();
  }, 60_000);

  it("suspends and resumes those that it can, and says why not the others", async () => {
    const done = await bulk({ action: "suspend", agentIds: [...keyed, plain, "absent"] });
    expect(done).toMatchObject({
      status: 200,
      body: {
        succeeded: keyed,
        failed: [
          { agentId: plain, code: "ai_key_not_found", detail: expect.stringContaining(plain) },
          { agentId: "absent", code: "agent_not_found" },
        ],
      },
    });
    expect(await Promise.all(keyed.map(status))).toEqual(["suspended", "suspended"]);
    expect((await bulk({ action: "resume", agentIds: keyed })).body).toMatchObject({ succeeded: keyed, failed: [] });
    expect(await Promise.all(keyed.map(status))).not.toContain("suspended");
  });

  it("leaves an intent and an outcome of each in the trail, joined by the batch", async () => {
    const { body } = await bulk({ action: "update", agentIds: [...keyed, plain], labels: { batch: "one" } });
    expect(body.failed).toEqual([]);
    const lines = (await trail("agent.update")).filter(({ details }) => details?.batchId === body.batchId);
    expect(lines.map(({ target: of, phase }) => `${of} ${phase}`).sort()).toEqual(
      [...keyed, plain].flatMap((agentId) => [`${agentId} intent`, `${agentId} outcome`]).sort(),
    );
    expect(new Set(lines.map(({ operationId }) => operationId)).size).toBe(3);
  });

  it("changes nothing in a dry run, and refuses the same", async () => {
    const before = (await trail("agent.suspend")).length;
    const dry = await bulk({ action: "suspend", agentIds: [...keyed, plain, "absent"], dryRun: true });
    expect(dry.body).toMatchObject({
      dryRun: true,
      succeeded: keyed,
      failed: [{ code: "ai_key_not_found" }, { code: "agent_not_found" }],
    });
    expect(await Promise.all(keyed.map(status))).not.toContain("suspended");
    expect((await trail("agent.suspend")).length).toBe(before);
    const past = new Date(Date.now() - 1000).toISOString();
    const late = await bulk({ action: "update", agentIds: keyed, expiresAt: past, dryRun: true });
    expect(late.body.failed).toMatchObject([{ code: "invalid_body" }, { code: "invalid_body" }]);
  });

  it("answers a repetition with the first answer, and does it once", async () => {
    const headers = { "idempotency-key": newName("bulk-key") };
    const body = { action: "update", agentIds: keyed, labels: { batch: "two" } };
    const first = await bulk(body, linked.key, headers);
    const again = await bulk(body, linked.key, headers);
    expect(again.body).toEqual(first.body);
    const lines = (await trail("agent.update")).filter(({ details }) => details?.batchId === first.body.batchId);
    expect(lines).toHaveLength(4);
    const other = await bulk({ ...body, labels: { batch: "three" } }, linked.key, headers);
    expect([other.status, other.body.code]).toEqual([422, "idempotency_mismatch"]);
  });

  it("rotates keys where something holds them, and cuts no agent off where nothing does", async () => {
    const { body } = await bulk({ action: "rotate", agentIds: keyed, graceSeconds: 60 });
    expect(JSON.stringify(body)).not.toContain("ocv_");
    if (target().storesCredentials) expect(body).toMatchObject({ succeeded: keyed, failed: [] });
    else expect(body.failed).toMatchObject([{ code: "credential_not_stored" }, { code: "credential_not_stored" }]);
  });

  it("asks for the action's own scope, and a link to what the agents spend", async () => {
    const updater = await makeKey(target(), { scopes: ["agents:update"] });
    for (const action of ["delete", "rotate"]) {
      const refused = await bulk({ action, agentIds: keyed }, updater.key);
      expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
    }
    const unlinked = await makeKey(target(), { scopes: allScopes });
    const quotas = { maxRequestsPerDay: 7 };
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    for (const change of [{ quotas }, { expiresAt }, { quotas, dryRun: true }, { expiresAt, dryRun: true }]) {
      const refused = await bulk({ action: "update", agentIds: keyed, ...change }, unlinked.key);
      expect(refused.body).toMatchObject({
        succeeded: [],
        failed: [{ code: "ai_provider_not_linked" }, { code: "ai_provider_not_linked" }],
      });
    }
    const own = await makeKey(target(), { reach: "own" });
    expect((await bulk({ action: "delete", agentIds: keyed }, own.key)).body).toMatchObject({
      failed: [{ code: "agent_not_found" }, { code: "agent_not_found" }],
    });
  });

  it("asks for no other scope than the action's own", async () => {
    const agentIds = [await create()];
    const holding = async (scope: string) => (await makeKey(target(), { scopes: [scope] })).key;
    const keeper = await holding("agents:keys");
    expect((await bulk({ action: "rotate", agentIds }, keeper)).status).toBe(200);
    for (const action of ["suspend", "delete"]) expect((await bulk({ action, agentIds }, keeper)).status).toBe(403);
    const remover = await holding("agents:delete");
    expect((await bulk({ action: "delete", agentIds }, remover)).body).toMatchObject({ succeeded: agentIds });
  });

  it("deletes agents with their workspaces", async () => {
    const agentIds = [await create(), await create()];
    const done = await bulk({ action: "delete", agentIds, deleteWorkspace: true });
    expect(done.body).toMatchObject({ succeeded: agentIds, failed: [] });
    for (const agentId of agentIds) {
      expect((await ask(target(), "GET", `/agents/${agentId}`)).status).toBe(404);
    }
  });

  describe.each([
    [{ action: "suspend", agentIds: [] }, "agentIds"],
    [{ action: "suspend", agentIds: ["one", "one"] }, "agentIds"],
    [{ action: "suspend", agentIds: Array.from({ length: 101 }, (_, at) => `a-${at}`) }, "agentIds"],
    [{ action: "explode", agentIds: ["one"] }, "action"],
    [{ action: "suspend", agentIds: ["one"], graceSeconds: 1 }, "graceSeconds"],
    [{ action: "update", agentIds: ["one"] }, ""],
    [{ action: "update", agentIds: ["one"], labels: { A: "b" } }, "labels.A"],
    [{ action: "delete", agentIds: ["../etc"] }, "agentIds.0"],
  ])("%j", (body, path) => {
    it("is a 400 that names the field", async () => {
      const refused = await bulk(body);
      expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
      expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    });
  });
}
