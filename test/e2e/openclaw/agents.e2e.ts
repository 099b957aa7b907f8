import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import { builtPlugin } from "./built-plugin.ts";
import { type Answer, type Gateway, makeGateway } from "./gateway.ts";

const master = "sk-test-master-not-a-real-key-0001";
const scopes = "agents:create,agents:onboard,agents:update,agents:delete,agents:keys";
/** A change has to be felt within this. */
const effectiveMs = 3_000;

describe("agents on a real gateway", () => {
  let plugin: string;
  let gateway: Gateway;
  let upstream: SampleUpstream;
  let key: string;
  let providerId: string;

  beforeAll(async () => {
    plugin = await builtPlugin();
    upstream = await startSampleUpstream();
    gateway = await makeGateway({
      config: { gateway: { provisioning: { allowDelete: true, rateLimitPerMinute: 10_000, maxAgentsPerKey: 1000 } } },
    });
    await gateway.cli(["plugins", "install", "--link", plugin, "--force", "--accept-capabilities"]);
    await gateway.start();
    const add = ["provisioning", "ai-providers", "add", "--provider", "anthropic", "--name", "Master", "--key", "-"];
    await gateway.cli([...add, "--base-url", upstream.origin, "--no-verify"], master);
    const list = JSON.parse(await gateway.cli(["provisioning", "ai-providers", "list", "--json"])) as {
      keys: { id: string }[];
    };
    providerId = list.keys[0]!.id;
    const make = ["provisioning", "agent-keys", "create", "--name", "E2E", "--scopes", scopes];
    key = (await gateway.cli([...make, "--ai-provider-key", providerId, "--output-key-only"])).trim();
  });
  afterAll(async () => {
    await gateway?.close();
    await upstream?.close();
    if (plugin) await rm(plugin, { recursive: true, force: true });
  });
  beforeEach(() => {
    upstream?.behave("reset");
    upstream?.behave({ usesTools: false });
    if (upstream) upstream.seen.length = 0;
  });

  const create = (name: string, more: Record<string, unknown> = {}, quotas: Record<string, number> = {}) =>
    gateway.api(
      "POST",
      "/agents/create",
      { name, model: "claude-sonnet-3.5", autoProvisionAiKey: { provider: "anthropic", quotas }, ...more },
      key,
    );
  async function created(name: string, more: Record<string, unknown> = {}, quotas: Record<string, number> = {}) {
    const answer = await create(name, more, quotas);
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    return answer;
  }
  const remove = (id: string, what = { deleteWorkspace: true, deleteSessions: true }) =>
    gateway.api("DELETE", `/agents/${id}`, what, key);
  async function usedTokens(id: string): Promise<number> {
    const { body } = await gateway.api("GET", `/agents/${id}/usage`);
    return (body as { total: { tokens: number } }).total.tokens;
  }
  /** What arrived upstream carries the master key: it came through the meter. */
  const cameThroughTheMeter = () => upstream.seen.every((one) => one.headers["x-api-key"] === master);
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

    test("after a 401 no other key is tried, and a rotation ends the pause at once", async () => {
      const before = await usedTokens("second");
      upstream.behave({ status: 401 });
      const refused = await gateway.turn("second");
      expect(refused.status).toBe(401);
      expect(upstream.seen).toHaveLength(1);
      expect((await gateway.turn("second")).status).not.toBe(200);
      // The pause is OpenClaw's: nothing went out, with this key or another.
      expect(upstream.seen).toHaveLength(1);
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

  test("a request too large for what is left says so", async () => {
    await created("small", {}, { maxTokensPerMonth: 1000 });
    const refused = await gateway.turn("small");
    expect(refused.status).not.toBe(200);
    expect(refused.text).toMatch(/1,?000/);
    expect(upstream.seen).toHaveLength(0);
  });

  test("suspend, resume, rename and another model are felt within three seconds", async () => {
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

  test("a deleted agent leaves no key in any file, and can be made anew", async () => {
    const made = await created("gone", { bind: ["telegram:gone"], revealAiKey: true });
    const { key: secret } = (made.body as { aiKey: { key: string } }).aiKey;
    expectOk(await gateway.turn("gone"));
    const removed = await remove("gone");
    expect(removed.body).toMatchObject({ agentId: "gone", preserved: [] });
    expect(removed.took).toBeLessThan(effectiveMs);
    expect((await gateway.turn("gone")).status).toBe(400);
    expect(await filesHolding(gateway.home, secret)).toEqual([]);
    expect(existsSync(join(gateway.stateDir, "workspace-gone"))).toBe(false);
    const old = await fetch(`${gateway.url}/proxy/anthropic/v1/models`, { headers: { "x-api-key": secret } });
    expect(old.status).toBe(401);
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

  test("creation is many times faster than OpenClaw's own command", async () => {
    const commands: number[] = [];
    for (let at = 0; at < 2; at++) {
      const startedAt = performance.now();
      const workspace = join(gateway.stateDir, `workspace-cli-${at}`);
      await gateway.cli(["agents", "add", `cli-${at}`, "--non-interactive", "--workspace", workspace, "--json"]);
      commands.push(performance.now() - startedAt);
    }
    await sleep(2_000);
    const singles: number[] = [];
    for (let at = 0; at < 5; at++) singles.push((await created(`single-${at}`)).took);
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 50 }, (_, at) => created(`many-${at}`)));
    const each = (performance.now() - startedAt) / 50;
    const command = median(commands);
    const single = median(singles);
    console.log(
      `agents add ${command.toFixed(0)} ms; one by one ${single.toFixed(0)} ms (${(command / single).toFixed(1)}x); ` +
        `50 at once ${each.toFixed(0)} ms each (${(command / each).toFixed(0)}x)`,
    );
    expect(command / single).toBeGreaterThan(6);
    expect(command / each).toBeGreaterThan(50);
    expectOk(await gateway.turn("many-49"));
  }, 300_000);

  test("killed in the middle of creates: every agent is whole or absent, and the doctor agrees", async () => {
    const answers = Array.from({ length: 12 }, (_, at) => create(`cut-${at}`).catch(() => undefined));
    await sleep(700);
    await gateway.kill();
    const answered = (await Promise.all(answers)).filter((one) => one?.status === 201).length;
    await gateway.start();
    const records = async () =>
      (
        (await gateway.api("GET", "/agents?limit=200")).body as {
          agents: { agentId: string; managed: boolean; status: string }[];
        }
      ).agents.filter((one) => one.agentId.startsWith("cut-"));
    await expect
      .poll(async () => (await records()).every((one) => one.managed && one.status === "ready"), { timeout: 40_000 })
      .toBe(true);
    const whole = await records();
    expect(whole.length).toBeGreaterThanOrEqual(answered);
    if (whole[0]) expectOk(await gateway.turn(whole[0].agentId));
    const report = JSON.parse(await gateway.cli(["provisioning", "doctor", "--json"])) as { ok: boolean };
    expect(report.ok).toBe(true);
    console.log(`killed: ${answered} of 12 were answered, ${whole.length} are whole`);
  }, 300_000);
});

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

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
