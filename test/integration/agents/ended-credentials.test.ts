import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEventStream } from "../../../src/client/event-stream.ts";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeKey } from "../../contract/target.ts";

let target: NodeTarget;
const tokens = { gateway: "", admin: "" };
beforeAll(async () => {
  target = await nodeTarget();
  Object.assign(tokens, { gateway: target.token, admin: target.adminToken });
});
afterAll(() => target?.close());
beforeEach(() => {
  target.context.settings.gatewayTokens = [tokens.gateway];
  target.context.settings.adminTokens = [tokens.admin];
});

let count = 0;
const newName = () => `ended-${++count}`;

describe("a stream of events ends within a second", () => {
  it.each([
    ["its gateway token is replaced", "gatewayTokens", "?types=activity"],
    ["its admin token is replaced", "adminTokens", "?types=audit,activity"],
  ] as const)("once %s", async (_, which, query) => {
    const response = await target.fetch(`${target.api}/events${query}`, {
      headers: {
        authorization: `Bearer ${tokens.gateway}`,
        ...(which === "adminTokens" && { "x-agent-provisioning-key": tokens.admin }),
      },
    });
    expect(response.status).toBe(200);
    const events = readEventStream(response.body!);
    while ((await events.next()).value?.event !== "activity");
    // As a reload of the settings has it.
    target.context.settings[which] = ["another-token-of-the-server"];
    const since = performance.now();
    while (!(await events.next()).done) expect(performance.now() - since).toBeLessThan(1_500);
    expect(performance.now() - since).toBeLessThan(1_500);
  });
});

describe("a call for many agents goes no further than its credentials", () => {
  /** Has the key revoked, or its session ended, once the agent of this name is there. */
  function once(name: string, end: () => Promise<unknown>): () => void {
    const { records } = target.context;
    const { set, replace } = records;
    const watch =
      <A extends unknown[], R>(write: (...of: A) => Promise<R>) =>
      async (...of: A): Promise<R> => {
        const written = await write(...of);
        if (of[0] === "agents" && of[1] === name) {
          Object.assign(records, { set, replace });
          await end();
        }
        return written;
      };
    Object.assign(records, { set: watch(set), replace: watch(replace) });
    return () => void Object.assign(records, { set, replace });
  }

  const revoke = (id: string) => ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: tokens.admin });

  it.each(["key", "session"])("makes none once its %s has ended", async (what) => {
    const { id, key } = await makeKey(target);
    const { body: opened } = await ask(target, "POST", "/console/session", { key });
    const credentials = what === "key" ? { key } : { token: opened.session as string };
    const names = Array.from({ length: 40 }, newName);
    const stop = once(names[0]!, () =>
      what === "key"
        ? revoke(id)
        : ask(target, "POST", `/provisioning/sessions/${opened.id}/revoke`, { key: tokens.admin }),
    );
    const { status, body } = await ask(target, "POST", "/agents/bulk", {
      ...credentials,
      body: { action: "create", agents: names.map((name) => ({ name })) },
    });
    stop();
    expect(status).toBe(200);
    // Those that were under way are made.
    const made = body.results.filter(({ code }: { code?: string }) => code === undefined);
    expect(made.length).toBeLessThan(20);
    expect(body.results.at(-1)).toMatchObject({ index: 39, code: "unauthorized" });
    expect((await ask(target, "GET", `/agents/${names[39]}`)).status).toBe(404);
  });

  it("makes all of them with a secret whose grace is over meanwhile", async () => {
    const { id, key } = await makeKey(target);
    const names = Array.from({ length: 40 }, newName);
    const { clock } = target.context;
    const { now } = clock;
    const rotated = await ask(target, "POST", `/provisioning/agent-keys/${id}/rotate`, {
      key: tokens.admin,
      body: { graceSeconds: 60 },
    });
    expect(rotated.status).toBe(200);
    const stop = once(names[0]!, async () => void Object.assign(clock, { now: () => now() + 90_000 }));
    const { body } = await ask(target, "POST", "/agents/bulk", {
      key,
      body: { action: "create", agents: names.map((name) => ({ name })) },
    });
    const after = (await ask(target, "GET", "/agents?limit=1", { key })).status;
    Object.assign(clock, { now });
    stop();
    expect(after).toBe(401);
    expect(body.results.filter(({ code }: { code?: string }) => code !== undefined)).toEqual([]);
  });

  it("changes none once its key is revoked", async () => {
    const { id, key } = await makeKey(target);
    const names = Array.from({ length: 40 }, newName);
    const made = await ask(target, "POST", "/agents/bulk", {
      key,
      body: { action: "create", agents: names.map((name) => ({ name })) },
    });
    expect(made.status).toBe(200);
    const stop = once(names[0]!, () => revoke(id));
    const { status, body } = await ask(target, "POST", "/agents/bulk", {
      key,
      body: { action: "update", agentIds: names, labels: { tenant: "acme" } },
    });
    stop();
    expect(status).toBe(200);
    expect(body.succeeded.length).toBeLessThan(20);
    expect(body.failed.at(-1)).toMatchObject({ agentId: names[39], code: "unauthorized" });
    expect((await ask(target, "GET", `/agents/${names[39]}`)).body.labels).toBeUndefined();
  });
});
