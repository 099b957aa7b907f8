import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { ask, makeKey, makeLinkedKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

const answer = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 10, output_tokens: 5 },
};

const refused = "sk-ant-mistyped-not-a-real-key-0000";

describe("a Worker whose KV shows what was there a minute ago", () => {
  let target: WorkerTarget;
  /** That the provider was sent. */
  let masterKeys: (string | null)[] = [];
  beforeAll(async () => {
    target = await workerTarget({
      entryPoint: fileURLToPath(new URL("../workers/stale-worker.ts", import.meta.url)),
      miniflare: {
        outboundService: (request: { headers: { get(name: string): string | null } }) => {
          masterKeys.push(request.headers.get("x-api-key"));
          return (
            request.headers.get("x-api-key") === refused
              ? Response.json({ type: "error", error: { type: "authentication_error" } }, { status: 401 })
              : Response.json(answer)
          ) as never;
        },
      },
    });
  });
  afterAll(() => target?.close());

  const staleReads = async () => Number((await target.fetch(`${target.origin}/healthz`)).headers.get("x-stale-reads"));
  const complete = async (aiKey: string) =>
    await target.fetch(`${target.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey, "content-type": "application/json", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({
        model: "claude-sonnet-4-5",
        max_tokens: 16,
        messages: [{ role: "user", content: "Hi" }],
      }),
    });

  it("refuses a revoked key at once", async () => {
    const { id, key } = await makeKey(target);
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-a" } })).status).toBe(201);
    const before = await staleReads();
    const revoked = await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
    expect(revoked.status).toBe(200);
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-b" } })).status).toBe(401);
    expect(await staleReads()).toBeGreaterThan(before);
  });

  it("refuses the old key and takes the new one at once after a rotation without grace", async () => {
    const { id, key } = await makeKey(target);
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-c" } })).status).toBe(201);
    const rotated = await ask(target, "POST", `/provisioning/agent-keys/${id}/rotate`, {
      key: target.adminToken,
      body: { graceSeconds: 0 },
    });
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-d" } })).status).toBe(401);
    const again = await ask(target, "POST", "/agents/create", { key: rotated.body.key, body: { name: "stale-d" } });
    expect(again.status).toBe(201);
  });

  it("knows an agent as soon as it is made, though it was asked for before", async () => {
    const { key } = await makeKey(target);
    expect((await ask(target, "GET", "/agents/stale-e")).status).toBe(404);
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-e" } })).status).toBe(201);
    expect((await ask(target, "GET", "/agents/stale-e")).body).toMatchObject({ agentId: "stale-e" });
    await ask(target, "PATCH", "/agents/stale-e", { key, body: { name: "Renamed" } });
    expect((await ask(target, "GET", "/agents/stale-e")).body).toMatchObject({ name: "Renamed" });
    expect((await ask(target, "DELETE", "/agents/stale-e", { key })).status).toBe(200);
    expect((await ask(target, "GET", "/agents/stale-e")).status).toBe(404);
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "stale-e" } })).status).toBe(201);
  });

  it("sends a new master key within a second, and tries the one before where it is refused", async () => {
    const { key, provider } = await makeLinkedKey(target);
    const quotas = { maxTokensPerMonth: 1_000_000 };
    const body = { name: "stale-k", autoProvisionAiKey: { provider: "anthropic", quotas } };
    const aiKey: string = (await ask(target, "POST", "/agents/create", { key, body })).body.aiKey.key;
    expect((await complete(aiKey)).status).toBe(200);
    const before = await staleReads();
    const change = (what: string, rotated?: object) =>
      ask(target, "POST", `/provisioning/ai-providers/${provider.id}/${what}`, {
        key: target.adminToken,
        ...(rotated && { body: { verify: false, ...rotated } }),
      });
    const sent = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      masterKeys = [];
      return [(await complete(aiKey)).status, ...masterKeys];
    };
    expect((await change("rotate", { key: "sk-ant-second-not-a-real-key" })).status).toBe(200);
    expect(await sent()).toEqual([200, "sk-ant-second-not-a-real-key"]);
    expect((await change("rotate", { key: refused, graceSeconds: 60 })).status).toBe(200);
    expect(await sent()).toEqual([200, refused, "sk-ant-second-not-a-real-key"]);
    expect((await change("revoke")).status).toBe(200);
    expect(await sent()).toEqual([401]);
    expect(await change("rotate", { key: "sk-ant-third-not-a-real-key" })).toMatchObject({ status: 422 });
    expect(await staleReads()).toBeGreaterThan(before);
  });

  it("suspends, resumes, re-quotas and deletes an agent's key at once", async () => {
    const { key } = await makeLinkedKey(target);
    const made = await ask(target, "POST", "/agents/create", {
      key,
      body: {
        name: "stale-f",
        autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000 } },
      },
    });
    const aiKey: string = made.body.aiKey.key;
    expect((await complete(aiKey)).status).toBe(200);
    const before = await staleReads();

    expect((await ask(target, "POST", "/agents/stale-f/suspend", { key })).status).toBe(200);
    expect((await complete(aiKey)).status).toBe(400);
    expect((await ask(target, "POST", "/agents/stale-f/resume", { key })).status).toBe(200);
    expect((await complete(aiKey)).status).toBe(200);

    await ask(target, "PATCH", "/agents/stale-f", { key, body: { quotas: { maxTokensPerMonth: 30 } } });
    const spent = await complete(aiKey);
    expect(spent.status).toBe(429);
    expect(await spent.json()).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    const shown = await ask(target, "GET", "/agents/stale-f");
    expect(shown.body.health.aiKey.quotas.maxTokensPerMonth).toMatchObject({
      limit: 30,
      used: 30,
      reserved: 0,
      left: 0,
    });

    expect((await ask(target, "DELETE", "/agents/stale-f", { key })).status).toBe(200);
    expect((await complete(aiKey)).status).toBe(401);
    expect(await staleReads()).toBeGreaterThan(before);
  });
});

describe("a Worker whose KV lists agents that are gone", () => {
  let target: WorkerTarget;
  beforeAll(async () => {
    target = await workerTarget({
      entryPoint: fileURLToPath(new URL("../workers/stale-list-worker.ts", import.meta.url)),
    });
  });
  afterAll(() => target?.close());

  it("lists those that are there to the end, in pages of any size", async () => {
    const { key } = await makeKey(target);
    const ids = ["gone-a", "gone-b", "gone-c", "kept-d", "gone-e", "gone-f", "kept-g", "gone-h"];
    for (const name of ids) {
      expect((await ask(target, "POST", "/agents/create", { key, body: { name } })).status).toBe(201);
    }
    for (const id of ids.filter((one) => one.startsWith("gone"))) {
      expect((await ask(target, "DELETE", `/agents/${id}`, { key })).status).toBe(200);
    }
    const client = createClient({ url: target.origin, token: target.token });
    for (const limit of [1, 2, 3, 100]) {
      const listed: string[] = [];
      for await (const page of client.agents.pages({ limit }))
        listed.push(...page.agents.map(({ agentId }) => agentId));
      expect([limit, ...listed]).toEqual([limit, "kept-d", "kept-g"]);
    }
  });
});
