import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SampleUpstream } from "../../upstream/sample-upstream.ts";
import type { Answer, Gateway } from "./gateway.ts";
import { masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

/** A change is felt without a restart of the gateway, which takes longer; on a quiet machine within three seconds. */
const effectiveMs = 12_000;

describe("agents on a real gateway", () => {
  let on: ProvisionedGateway;
  let gateway: Gateway;
  let upstream: SampleUpstream;
  let key: string;

  beforeAll(async () => {
    on = await provisionedGateway();
    ({ gateway, upstream, key } = on);
  });
  afterAll(() => on?.close());
  beforeEach(() => {
    upstream?.behave("reset");
    upstream?.behave({ usesTools: false });
    if (upstream) upstream.seen.length = 0;
  });

  const create: ProvisionedGateway["create"] = (...args) => on.create(...args);
  const created: ProvisionedGateway["created"] = (...args) => on.created(...args);
  const remove = (id: string, what = { deleteWorkspace: true, deleteSessions: true }) =>
    gateway.api("DELETE", `/agents/${id}`, what, key);
  async function usedTokens(id: string): Promise<number> {
    const { body } = await gateway.api("GET", `/agents/${id}/usage`);
    return (body as { total: { tokens: number } }).total.tokens;
  }
  /** A request that came through the meter arrives upstream with the master key. */
  const cameThroughTheMeter = () => upstream.seen.every((one) => one.headers["x-api-key"] === masterKey);
  const expectOk = (answer: Answer & { text: string }) =>
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);

  test("the spec's calls: an agent with its own key, seen by OpenClaw, answering at once", async () => {
    const workspace = join(gateway.stateDir, "workspace-auto");
    const made = await created("auto-agent", { workspace, bind: ["telegram:*"] }, { maxTokensPerMonth: 1_000_000 });
    expect(made.body).toMatchObject({
      agentId: "auto-agent",
      workspace,
      model: "claude-sonnet-3.5",
      bindings: { added: ["telegram:*"] },
      aiKey: { provider: "anthropic", mode: "virtual", baseUrl: `${gateway.url}/proxy/anthropic` },
    });
    expectOk(await gateway.turn("auto-agent"));
    expect(upstream.seen).toHaveLength(1);
    expect(cameThroughTheMeter()).toBe(true);
    expect(await usedTokens("auto-agent")).toBe(19);

    const listed = JSON.parse(await gateway.cli(["agents", "list", "--json"])) as Record<string, unknown>[];
    expect(listed.map((one) => one.id)).toEqual(["main", "auto-agent"]);
    expect(listed[1]).toMatchObject({
      name: "auto-agent",
      workspace,
      model: "metered-anthropic/claude-sonnet-3.5",
      bindings: 1,
    });
    const status = JSON.parse(await gateway.cli(["models", "status", "--json", "--agent", "auto-agent"])) as {
      auth: { storePath: string; providers: { provider: string; profiles: { count: number; labels: string[] } }[] };
    };
    expect(status.auth.storePath).toBe(
      join(gateway.stateDir, "agents", "auto-agent", "agent", "openclaw-agent.sqlite"),
    );
    expect(status.auth.providers).toHaveLength(1);
    expect(status.auth.providers[0]).toMatchObject({ provider: "metered-anthropic", profiles: { count: 1 } });
    expect(status.auth.providers[0]!.profiles.labels[0]).toMatch(/^anthropic:dedicated=ocv_/);
    expect((await readdir(workspace)).sort()).toEqual(expect.arrayContaining(["AGENTS.md", "BOOTSTRAP.md", "SOUL.md"]));
  });

  test("the order of the guards on the gateway's port", async () => {
    const without = await fetch(`${gateway.url}/api/v1/agents`);
    expect([without.status, ((await without.json()) as { code: string }).code]).toEqual([401, "unauthorized"]);
    expect((await gateway.api("POST", "/agents/create", { name: "x" })).body.code).toBe("provisioning_key_missing");
    expect((await create("auto-agent")).body.code).toBe("agent_exists");
    expect((await create("main")).body.code).toBe("agent_reserved");
    expect((await create("second", { bind: ["telegram:*"] })).body.code).toBe("binding_taken");
    expect((await gateway.api("GET", "/agents/second")).status).toBe(404);
    const foreign = await fetch(`${gateway.url}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": "custom-local" },
      body: "{}",
    });
    expect(foreign.status).toBe(401);
    expect(upstream.seen).toHaveLength(0);
  });

  describe("two agents and a shared profile", () => {
    beforeAll(async () => {
      await created("first", {}, { maxTokensPerMonth: 2_000_000 });
      await created("second", {}, { maxTokensPerMonth: 3_000_000 });
      const paste = ["models", "auth", "paste-api-key", "--agent", "main", "--provider", "metered-anthropic"];
      await gateway.cli([...paste, "--profile-id", "metered-anthropic:shared"], "sk-test-planted-not-a-real-key");
    });

    test("each turn is on its own agent's meter, and on no other", async () => {
      for (const id of ["first", "second", "first", "second", "first"]) expectOk(await gateway.turn(id));
      expect(await usedTokens("first")).toBe(3 * 19);
      expect(await usedTokens("second")).toBe(2 * 19);
      expect(upstream.seen).toHaveLength(5);
      expect(cameThroughTheMeter()).toBe(true);
    });

    test.each([
      [429, { "retry-after": "1" }],
      [529, {}],
    ])("a %i from upstream is retried with the agent's own key", async (status, headers) => {
      const before = await usedTokens("first");
      upstream.behave({ status, headers: headers as Record<string, string> });
      const turn = gateway.turn("first");
      await expect.poll(() => upstream.seen.length, { timeout: 30_000 }).toBeGreaterThan(0);
      upstream.behave({ status: undefined, headers: {} });
      expectOk(await turn);
      expect(cameThroughTheMeter()).toBe(true);
      expect(await usedTokens("first")).toBe(before + 19);
    });

    test("where the operator's key is refused no other is tried, and after a rotation it goes on at once", async () => {
      const before = await usedTokens("second");
      upstream.behave({ status: 401 });
      const refused = await gateway.turn("second");
      expect(refused.status).not.toBe(200);
      expect(upstream.seen.length).toBeGreaterThan(0);
      expect(cameThroughTheMeter()).toBe(true);
      upstream.behave({ status: undefined });
      const rotated = await gateway.api("POST", "/agents/second/ai-key/rotate", { graceSeconds: 0 }, key);
      expect(rotated.status).toBe(200);
      expectOk(await gateway.turn("second"));
      expect(cameThroughTheMeter()).toBe(true);
      expect(await usedTokens("second")).toBe(before + 19);
    });
  });

  test("a quota that is used up: one clear refusal, nothing upstream, and on it goes when there is room", async () => {
    await created("bounded", {}, { maxRequestsPerDay: 1 });
    expectOk(await gateway.turn("bounded"));
    upstream.seen.length = 0;
    const refused = await gateway.turn("bounded");
    expect(refused.status).not.toBe(200);
    expect(refused.text).toMatch(/quota exceeded/i);
    expect(refused.took).toBeLessThan(10_000);
    expect(upstream.seen).toHaveLength(0);
    await gateway.api("PATCH", "/agents/bounded", { quotas: { maxRequestsPerDay: 5 } }, key);
    expectOk(await gateway.turn("bounded"));
  });

  // Anthropic's shape is that of all else in this file.
  test.each([
    ["openai", "gpt-5.1", "/v1"],
    ["gemini", "gemini-2.5-flash", ""],
  ])(
    "in the shape of %s: what refuses surfaces at once, and what frees works at once",
    async (provider, model, path) => {
      const own = await on.link(provider, upstream.origin + path);
      const id = `of-${provider}`;
      const body = { name: id, model, autoProvisionAiKey: { provider, quotas: { maxTokensPerMonth: 5_000_000 } } };
      const made = await gateway.api("POST", "/agents/create", body, own);
      expect([made.status, made.body]).toEqual([201, expect.anything()]);
      expectOk(await gateway.turn(id));

      const quota = (maxTokensPerMonth: number) =>
        gateway.api("PATCH", `/agents/${id}`, { quotas: { maxTokensPerMonth } }, own);
      async function expectRefused(words: RegExp) {
        upstream.seen.length = 0;
        const refused = await gateway.turn(id);
        expect([refused.status, refused.text]).not.toEqual([200, refused.text]);
        expect(refused.text).toMatch(words);
        // It would sleep for days otherwise, or ask again for minutes.
        expect(refused.took).toBeLessThan(30_000);
        expect(upstream.seen).toHaveLength(0);
      }
      await quota(await usedTokens(id));
      await expectRefused(/Monthly token quota exceeded/);
      await quota(5_000_000);
      expectOk(await gateway.turn(id));

      await gateway.api("POST", `/agents/${id}/suspend`, undefined, own);
      await expectRefused(/suspended/);
      await gateway.api("POST", `/agents/${id}/resume`, undefined, own);
      expect((await gateway.api("POST", `/agents/${id}/ai-key/rotate`, { graceSeconds: 0 }, own)).status).toBe(200);
      expectOk(await gateway.turn(id));
    },
    300_000,
  );

  test("a request too large for what is left says so", async () => {
    await created("small", {}, { maxTokensPerMonth: 1000 });
    const refused = await gateway.turn("small");
    expect(refused.status).not.toBe(200);
    expect(refused.text).toMatch(/1,?000/);
    expect(upstream.seen).toHaveLength(0);
  });

  test("suspend, resume, rename and another model are felt without a restart", async () => {
    await created("changing");
    expectOk(await gateway.turn("changing"));
    upstream.seen.length = 0;
    expect((await gateway.api("POST", "/agents/changing/suspend", undefined, key)).took).toBeLessThan(effectiveMs);
    expect((await gateway.turn("changing")).status).not.toBe(200);
    expect(upstream.seen).toHaveLength(0);
    expect((await gateway.api("POST", "/agents/changing/resume", undefined, key)).took).toBeLessThan(effectiveMs);
    expectOk(await gateway.turn("changing"));
    const patched = await gateway.api("PATCH", "/agents/changing", { name: "Changed", model: "claude-next" }, key);
    expect(patched.status).toBe(200);
    expect(patched.took).toBeLessThan(effectiveMs);
    expectOk(await gateway.turn("changing"));
    expect(JSON.parse(upstream.seen.at(-1)!.body)).toMatchObject({ model: "claude-next" });
  });

  test("an agent that others made gets its own key by onboarding", async () => {
    const add = [
      "agents",
      "add",
      "by-hand",
      "--non-interactive",
      "--workspace",
      join(gateway.stateDir, "workspace-by-hand"),
    ];
    await gateway.cli(add);
    await expect.poll(async () => (await gateway.api("GET", "/agents/by-hand")).status, { timeout: 10_000 }).toBe(200);
    const auth = {
      provider: "anthropic",
      credentials: { apiKey: "sk-test-own-not-a-real-key" },
      baseUrl: upstream.origin,
      model: "claude-sonnet-3.5",
    };
    const onboarded = await gateway.api("POST", "/agents/by-hand/onboard", { steps: ["auth"], auth }, key);
    expect(onboarded.body).toMatchObject({ completed: ["auth"], failed: [] });
    expectOk(await gateway.turn("by-hand"));
    expect(upstream.seen.map((one) => one.headers["x-api-key"])).toEqual(["sk-test-own-not-a-real-key"]);
  });

  test("a model for which OpenClaw replaces its plugins: the agent is durable, and the API comes back by itself", async () => {
    const body = { name: "shared", model: "anthropic/claude-sonnet-4-5" };
    const made = await gateway.api("POST", "/agents/create", body, key);
    expect([made.status, made.body.status]).toEqual([202, "starting"]);
    await sleep(1_500);
    const shows = (agentId: string) => async () => (await gateway.api("GET", `/agents/${agentId}`)).status;
    await expect.poll(shows("shared"), { timeout: 30_000 }).toBe(200);
    // On a busy machine OpenClaw is at it still, and replaces them with this one's reload.
    expect([201, 202]).toContain((await create("after")).status);
    await expect.poll(shows("after"), { timeout: 60_000 }).toBe(200);
    expectOk(await gateway.turn("after"));
    expect(cameThroughTheMeter()).toBe(true);
  });

  test("a deleted agent leaves no key in any file, and can be made anew", async () => {
    const made = await created("gone", { bind: ["telegram:gone"], revealAiKey: true });
    const { key: secret } = (made.body as { aiKey: { key: string } }).aiKey;
    expectOk(await gateway.turn("gone"));
    const models = () => fetch(`${gateway.url}/proxy/anthropic/v1/models`, { headers: { "x-api-key": secret } });
    expect((await models()).status).not.toBe(401);
    const removing = remove("gone");
    // OpenClaw takes its time to let go of an agent's files; by then its key has long been dead.
    await expect.poll(async () => (await models()).status, { timeout: effectiveMs, interval: 50 }).toBe(401);
    const removed = await removing;
    expect(removed.body).toMatchObject({ agentId: "gone", preserved: [] });
    expect((await gateway.turn("gone")).status).toBe(400);
    expect(await filesHolding(gateway.home, secret)).toEqual([]);
    expect(existsSync(join(gateway.stateDir, "workspace-gone"))).toBe(false);
    await created("gone", { bind: ["telegram:gone"] });
    expectOk(await gateway.turn("gone"));
    expect(await usedTokens("gone")).toBe(19);
  });

  test("workspace and sessions stay where they are asked to", async () => {
    await created("kept");
    expectOk(await gateway.turn("kept"));
    const removed = await remove("kept", { deleteWorkspace: false, deleteSessions: false });
    expect((removed.body.preserved as string[]).sort()).toEqual(["sessions", "workspace"]);
    expect(existsSync(join(gateway.stateDir, "workspace-kept", "SOUL.md"))).toBe(true);
    expect((await readdir(join(gateway.stateDir, "agents", "kept", "sessions"))).length).toBeGreaterThan(0);
    await created("kept");
    expectOk(await gateway.turn("kept"));
  });
});

async function filesHolding(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path, "latin1").catch(() => "");
    if (content.includes(text)) found.push(path);
  }
  return found;
}
