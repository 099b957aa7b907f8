import { expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { type Asked, ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

/** A create that nobody waits for (RFC 7240), and where its end is told. */
export function asyncCreateTests(target: () => Target): void {
  const create = (key: string, body: object, prefer = "respond-async", headers: Record<string, string> = {}) =>
    ask(target(), "POST", "/agents/create", { key, body, headers: { prefer, ...headers } });
  const place = (name: string) => (target().hasWorkspaces ? { workspace: target().workspace(name) } : {});
  const operation = (id: string) => ask(target(), "GET", `/operations/${id}`);
  async function ended(id: string): Promise<Asked["body"]> {
    await expect.poll(async () => (await operation(id)).body.status, { timeout: 30_000 }).not.toBe("running");
    return (await operation(id)).body;
  }

  it("is answered 202 with the operation, which tells how it ended", async () => {
    const { key } = await makeKey(target());
    const name = newName("async");
    const accepted = await create(key, { name, ...place(name), labels: { tenant: "acme" } });
    expect(accepted).toMatchObject({
      status: 202,
      body: { agentId: name, name, status: "starting", labels: { tenant: "acme" } },
    });
    const { operationId } = accepted.body;
    expect(accepted.headers.get("location")).toMatch(new RegExp(`/operations/${operationId}$`));
    const { agent, ...state } = await ended(operationId);
    expect(state).toEqual({
      operationId,
      action: "agent.create",
      agentId: name,
      status: "succeeded",
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    });
    expect(agent).toMatchObject({ agentId: name, name });
    expect((await ask(target(), "GET", `/agents/${name}`)).status).toBe(200);
  });

  it("tells of a refusal at once, and of a failure in the operation, after which nothing is left", async () => {
    const { key } = await makeKey(target(), { maxAgents: 1 });
    expect((await create(key, { name: "main" })).body.code).toBe("agent_reserved");
    const name = newName("async");
    await ended((await create(key, { name, ...place(name) })).body.operationId);
    const other = newName("async");
    const full = await create(key, { name: other, ...place(other) });
    expect(full).toMatchObject({ status: 403, body: { code: "agent_limit_reached" } });
    expect((await ask(target(), "GET", `/agents/${other}`)).status).toBe(404);
  });

  it("makes one agent of repetitions with one Idempotency-Key", async () => {
    const { key } = await makeKey(target());
    const name = newName("async");
    const same = { "idempotency-key": newName("async-key") };
    const first = await create(key, { name, ...place(name) }, "respond-async", same);
    expect(first.status).toBe(202);
    await ended(first.body.operationId);
    await expect
      .poll(async () => (await create(key, { name, ...place(name) }, "respond-async", same)).status, {
        timeout: 30_000,
      })
      .toBe(200);
    const again = await create(key, { name, ...place(name) }, "respond-async", same);
    expect(again).toMatchObject({ status: 200, body: { agentId: name } });
  });

  it("with a wait, is answered with the agent once it is durable", async () => {
    const { key } = await makeKey(target());
    const name = newName("async");
    const made = await create(key, { name, ...place(name) }, "respond-async, wait=30");
    expect([201, 202]).toContain(made.status);
    expect(made.body.operationId).toBeUndefined();
    expect((await ask(target(), "GET", `/agents/${name}`)).status).toBe(200);
  });

  it("never keeps a key that is shown once from its caller", async () => {
    const { key } = await makeLinkedKey(target());
    const name = newName("async");
    const made = await create(key, {
      name,
      ...place(name),
      revealAiKey: true,
      autoProvisionAiKey: { provider: "anthropic" },
    });
    expect(made.body.aiKey.key).toMatch(/^ocv_/);
    const kept = newName("async");
    if (!target().storesCredentials) return;
    const accepted = await create(key, { name: kept, ...place(kept), autoProvisionAiKey: { provider: "anthropic" } });
    const { agent } = await ended(accepted.body.operationId);
    expect(agent.aiKey).toMatchObject({ provider: "anthropic", keyId: expect.any(String) });
    expect(agent.aiKey.key).toBeUndefined();
  });

  it("is another's business where the caller reaches its own", async () => {
    const [mine, theirs] = [await makeKey(target(), { reach: "own" }), await makeKey(target(), { reach: "own" })];
    const name = newName("async");
    const { operationId } = (await create(mine.key, { name, ...place(name) })).body;
    const look = (key: string) => ask(target(), "GET", `/operations/${operationId}`, { key });
    expect((await look(mine.key)).status).toBe(200);
    expect(await look(theirs.key)).toMatchObject({ status: 404, body: { code: "operation_not_found" } });
    expect((await operation("nobody.0123456789abcdef")).body.code).toBe("operation_not_found");
    await ended(operationId);
  });
}
