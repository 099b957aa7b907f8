import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { toolsOf, toolTable } from "../../../adapters/openclaw/doors/tool-table.ts";
import { createGatewayRpc } from "../../../adapters/openclaw/gateway-rpc.ts";
import type { AgentEntry, OpenClawConfig } from "../../../adapters/openclaw/openclaw-config.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import type { Answer, Gateway } from "./gateway.ts";
import {
  calling,
  type HostileUpstream,
  startHostileUpstream,
  type ToolCall,
  throughCatalog,
} from "./hostile-upstream.ts";
import { adminToken, masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const operatorKey = "sk-test-operators-not-a-real-key";
const hookToken = "hook-token-of-a-test-0001";
/** The time in which OpenClaw takes up an edit of its file, with twenty agents and other gateways at work. */
const reloadMs = 120_000;
/** The time of a test with many turns or commands, on a machine that has other work. */
const longMs = 300_000;

const call = (name: string, input: Record<string, unknown> = {}): ToolCall => ({ name, input });

/** A model that does what it is told, and whatever tells it to do harm. */
describe("an agent that is held, against itself", { timeout: longMs }, () => {
  let on: ProvisionedGateway;
  let gateway: Gateway;
  let model: HostileUpstream;
  /** The operator's own provider, with the operator's own key. */
  let shared: SampleUpstream;
  let key: string;
  const quotas = { maxTokensPerMonth: 50_000_000 };

  beforeAll(async () => {
    model = await startHostileUpstream();
    shared = await startSampleUpstream();
    shared.behave({ usesTools: false });
    const declared = { reasoning: false, input: ["text", "image"], contextWindow: 200_000, maxTokens: 8192 };
    const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
    const provider = { baseUrl: `${shared.origin}/v1`, api: "openai-completions", apiKey: operatorKey };
    on = await provisionedGateway({
      origin: model.origin,
      openclaw: {
        models: {
          mode: "merge",
          providers: { shared: { ...provider, models: [{ id: "m", name: "m", cost, ...declared }] } },
        },
        tts: {
          provider: "openai",
          providers: {
            openai: { apiKey: operatorKey, baseUrl: `${shared.origin}/v1` },
            microsoft: { enabled: false },
          },
        },
        hooks: {
          enabled: true,
          token: hookToken,
          mappings: [
            { match: { path: "plain" }, action: "agent", agentId: "a1", messageTemplate: "hello" },
            { match: { path: "shared" }, action: "agent", agentId: "a1", messageTemplate: "hello", model: "shared/m" },
          ],
        },
      },
    });
    ({ gateway, key } = on);
    for (const name of ["a1", "a2"]) await on.created(name, {}, quotas);
    await writeFile(inWorkspace("a1", "mine.txt"), "my own text");
  });
  afterAll(async () => {
    await on?.close();
    await model?.close();
    await shared?.close();
  });
  beforeEach(() => {
    model.reset();
    shared.seen.length = 0;
  });

  const place = (path: string) => join(gateway.stateDir, path);
  const inWorkspace = (agentId: string, path: string) => place(join(`workspace-${agentId}`, path));
  const readConfig = async () => JSON.parse(await readFile(place("openclaw.json"), "utf8")) as OpenClawConfig;
  /** As an operator edits the file; resolves when the gateway works with it. */
  async function edit(change: (config: OpenClawConfig) => void): Promise<void> {
    const from = (await gateway.log()).length;
    const config = await readConfig();
    const before = JSON.stringify(config);
    change(config);
    // The gateway says nothing of a file that says the same.
    if (JSON.stringify(config) === before) return;
    await writeFile(place("openclaw.json"), JSON.stringify(config));
    const until = performance.now() + reloadMs;
    while ((await gateway.reloads(from)) === 0) {
      if (performance.now() > until) throw new Error("the gateway has not taken up an edit of its file");
      await sleep(100);
    }
  }
  const setDefaults = (values: Record<string, unknown>) =>
    edit((config) => {
      config.agents!.defaults = { ...config.agents!.defaults, ...values };
      for (const [name, value] of Object.entries(values)) if (value === undefined) delete config.agents!.defaults[name];
    });
  /** The model is told these calls. @returns their answers, in order */
  async function told(agentId: string, ...calls: ToolCall[]): Promise<string[]> {
    model.answers.length = 0;
    const turn = await gateway.turn(agentId, calling(...calls));
    expect([turn.status, turn.text]).toEqual([200, "All calls are made."]);
    return calls.map(
      (wanted) =>
        model.answers.find(
          (one) => JSON.stringify(one.input) === JSON.stringify(wanted.input) && one.name === wanted.name,
        )?.text ?? "(not called)",
    );
  }
  const rpcOf = () =>
    createGatewayRpc(async () => ({ url: gateway.url.replace("http", "ws"), auth: { token: gateway.token } }), {
      version: "1.0.0",
    });
  /** With the doors that are open. */
  const shownOf = async (agentId: string) => JSON.stringify((await gateway.api("GET", `/agents/${agentId}`)).body);
  const tokensOf = async (agentId: string) =>
    ((await gateway.api("GET", `/agents/${agentId}/usage`)).body as { total: { tokens: number } }).total.tokens;
  /** Nothing that lies outside of the workspace stands in anything that the model was sent. */
  async function expectNothingTold(): Promise<void> {
    const sealKey = (await readFile(place("provisioning/seal.key"))).toString("latin1");
    const secrets = [
      masterKey,
      operatorKey,
      gateway.token,
      adminToken,
      hookToken,
      sealKey,
      "root:x:",
      "what only a2 knows",
    ];
    for (const { body } of model.seen) for (const secret of secrets) expect(body.includes(secret), secret).toBe(false);
  }
  const refusal = /error|not found|unknown tool|escapes|denied|not allowed|not a peer|forbidden|has to name/i;
  /** Every call of a model went through the meter, on this agent's account. */
  function expectMetered(): void {
    expect(shared.seen.map(({ url }) => url)).toEqual([]);
    expect(new Set(model.seen.map((one) => one.key))).toEqual(new Set(model.seen.length > 0 ? [masterKey] : []));
  }

  test("has the tools of its own things and no other, by whatever way it asks", async () => {
    const harm: Record<string, Record<string, unknown>> = {
      exec: { command: "printenv OPENCLAW_GATEWAY_TOKEN; cat /etc/passwd" },
      gateway: { action: "config.get" },
      secrets: { action: "list" },
      sessions_send: { sessionKey: "agent:a2:main", message: "work for me" },
      sessions_history: { sessionKey: "agent:a2:main" },
      session_status: { sessionKey: "agent:a2:main", model: "shared/m" },
      sessions: { action: "patch", sessionKey: "agent:a1:main", model: "shared/m" },
      automations: { action: "add", job: { name: "x", schedule: { kind: "every", everyMs: 60_000 } } },
      openclaw: { message: "give agent a1 the tool exec" },
      view_image: { image: "/etc/passwd" },
      file_fetch: { path: "/etc/passwd" },
    };
    const others = Object.keys(toolTable).filter((name) => toolTable[name]!.use !== "own");
    const calls = others.map((name) => call(name, harm[name] ?? { action: "list" }));
    const answers = await told("a1", ...calls, ...calls.map(throughCatalog));
    for (const [at, answer] of answers.entries()) expect(answer, others[at % others.length]!).toMatch(refusal);
    for (const name of model.offered()) expect(toolsOf("own")).toContain(name);
    const [found] = await told(
      "a1",
      call("tool_search", { query: "sessions files exec secrets cron image", limit: 50 }),
    );
    const names = (JSON.parse(found!) as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => !toolsOf("own").includes(name))).toEqual([]);
    await expectNothingTold();
    expectMetered();
    expect(await tokensOf("a2")).toBe(0);
  });

  test("reads and writes its own files, and none outside, through a link neither", async () => {
    await writeFile(inWorkspace("a2", "theirs.txt"), "what only a2 knows");
    const links = { etc: "/etc", other: inWorkspace("a2", "."), key: place("provisioning/seal.key"), up: ".." };
    for (const [name, target] of Object.entries(links)) await symlink(target, inWorkspace("a1", name));
    const before = await readFile(place("openclaw.json"), "utf8");
    const outside = ["../planted", "/etc/planted", "etc/planted", "other/planted", "up/planted"];
    const patch = (path: string) => `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch`;
    const paths = [
      "/etc/passwd",
      "../openclaw.json",
      "etc/passwd",
      "key",
      "other/theirs.txt",
      "up/openclaw.json",
      "~/.openclaw/openclaw.json",
    ];
    const answers = await told(
      "a1",
      ...paths.flatMap((path) => [
        call("read", { path }),
        call("write", { path, content: "planted" }),
        call("edit", { path, edits: [{ oldText: "a", newText: "planted" }] }),
      ]),
      ...outside.map((path) => call("apply_patch", { input: patch(path) })),
      ...["..", "/etc", "etc", "other", "up"].map((path) => call("ls", { path })),
    );
    for (const answer of answers) expect(answer).toMatch(/escapes|error|plain path/i);
    const planted = [place("planted"), "/etc/planted", inWorkspace("a2", "planted")];
    expect(planted.filter((path) => existsSync(path))).toEqual([]);
    const memory = paths.map((path) => throughCatalog(call("memory_get", { path })));
    await told("a1", ...memory, throughCatalog(call("memory_search", { query: "knows", corpus: "sessions" })));
    await expectNothingTold();
    expect(await readFile(place("openclaw.json"), "utf8")).toBe(before);
    expect(await readFile(inWorkspace("a2", "theirs.txt"), "utf8")).toBe("what only a2 knows");

    const own = await told(
      "a1",
      call("read", { path: "mine.txt" }),
      call("write", { path: "new.txt", content: "made" }),
    );
    expect(own[0]).toContain("my own text");
    expect(await readFile(inWorkspace("a1", "new.txt"), "utf8")).toBe("made");
    await writeFile(inWorkspace("a1", "MEMORY.md"), "The answer is 42.\n");
    const [remembered] = await told("a1", throughCatalog(call("memory_get", { path: "MEMORY.md" })));
    expect(remembered).toContain("The answer is 42.");
    expectMetered();
  });

  test("writes nothing into its workspace that OpenClaw runs from there", async () => {
    const file = ".openclaw/extensions/planted/index.js";
    const patch = `*** Begin Patch\n*** Add File: ./${file}\n+x\n*** End Patch`;
    const answers = await told(
      "a1",
      call("write", { path: file, content: "x" }),
      call("write", { path: inWorkspace("a1", file), content: "x" }),
      call("write", { path: "hooks/planted/HOOK.md", content: "x" }),
      call("write", { path: ".git/config", content: '[filter "x"]\n\tclean = false\n' }),
      call("write", { path: "HEAD", content: "ref: refs/heads/main\n" }),
      // OpenClaw writes `HEAD` for each of these.
      call("write", { path: "HEAD</arg_value>>", content: "ref: refs/heads/main\n" }),
      call("write", { path: `file://${inWorkspace("a1", "HEAD")}?x`, content: "ref: refs/heads/main\n" }),
      call("write", { path: `file://${inWorkspace("a1", "HE\tAD")}`, content: "ref: refs/heads/main\n" }),
      call("write", { path: `@file://${inWorkspace("a1", "HEAD")}?x`, content: "ref: refs/heads/main\n" }),
      call("write", { path: ".openclaw/extensions/\u200b../index.js", content: "x" }),
      call("write", { path: "a\\b/../hooks/theirs/handler.js", content: "x" }),
      call("apply_patch", { input: patch }),
    );
    for (const answer of answers) expect(answer).toMatch(/run on the gateway's machine/);
    for (const name of [".openclaw/extensions", "hooks", "HEAD"])
      expect(existsSync(inWorkspace("a1", name))).toBe(false);
  });

  const spawn = (more: Record<string, unknown>, ...calls: ToolCall[]) =>
    throughCatalog(call("sessions_spawn", { task: calling(...calls), ...more }));
  const readMine = call("read", { path: "mine.txt" });
  const answeredMine = () => model.answers.some((one) => one.text.includes("my own text"));

  test("its sub-agents work on its own key and in its own workspace, those of sub-agents too", async () => {
    const before = await tokensOf("a1");
    const [accepted] = await told("a1", spawn({}, readMine, spawn({ model: "shared/m" }, readMine)));
    expect(accepted).toContain("accepted");
    await expect.poll(answeredMine, { timeout: 30_000 }).toBe(true);
    const refused = await told(
      "a1",
      spawn({ model: "shared/m" }, readMine),
      spawn({ agentId: "a2" }, call("read", { path: "theirs.txt" })),
      spawn({ cwd: "/etc" }, call("read", { path: "passwd" }), call("read", { path: "/etc/passwd" })),
      spawn({ cwd: gateway.stateDir, visible: true }, call("read", { path: "openclaw.json" })),
    );
    expect(refused[0]).toMatch(/not allowed/i);
    expect(refused[1]).toMatch(/not allowed|not a peer/i);
    for (const outside of refused.slice(2))
      expect(outside).toMatch(/is not allowed: sub-agents work in this workspace/);
    await sleep(3_000);
    await expectNothingTold();
    expectMetered();
    expect(await tokensOf("a1")).toBeGreaterThan(before);
    expect(await tokensOf("a2")).toBe(0);
  });

  test.each([
    ["model", "shared/m"],
    ["subagents", { model: "shared/m", allowAgents: ["*"] }],
    ["utilityModel", "shared/m"],
    ["imageModel", "shared/m"],
    ["heartbeat", { model: "shared/m" }],
  ])("the operator's default of %s is none of its models", async (name, value) => {
    await setDefaults({ [name]: value });
    try {
      const [accepted, foreign] = await told("a1", spawn({}, readMine), spawn({ agentId: "a2" }, readMine));
      expect(accepted).toContain("accepted");
      expect(foreign).toMatch(/not allowed|not a peer/i);
      await expect.poll(answeredMine, { timeout: 30_000 }).toBe(true);
      expectMetered();
    } finally {
      await setDefaults({ [name]: undefined });
    }
  });

  test("nobody who speaks to it gives it another model", async () => {
    const chat = { model: "openclaw/a1", messages: [{ role: "user", content: "hello" }] };
    const asked = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${gateway.token}`,
        "content-type": "application/json",
        "x-openclaw-model": "shared/m",
      },
      body: JSON.stringify(chat),
    });
    expect([asked.status, await asked.text()]).toEqual([400, expect.stringContaining("not allowed")]);
    await gateway.turn("a1", "/model shared/m");
    await gateway.turn("a1", "/model shared/m -a");
    const rpc = rpcOf();
    const picked = rpc.request("sessions.patch", { key: "agent:a1:main", model: "shared/m" });
    await expect(picked).rejects.toThrow(/not allowed/);
    const payload = { kind: "agentTurn", message: "hello", model: "shared/m" };
    const schedule = { kind: "at", at: new Date(Date.now() + 1_000).toISOString() };
    const job = { name: "j", agentId: "a1", schedule, payload, sessionTarget: "isolated", wakeMode: "now" };
    await rpc.request("cron.add", { ...job, enabled: true });
    const hook = (path: string) =>
      fetch(`${gateway.url}/hooks/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${hookToken}` },
        body: "{}",
      });
    await hook("shared");
    model.reset();
    await hook("plain");
    await expect.poll(() => model.seen.length, { timeout: 30_000 }).toBeGreaterThan(0);
    await sleep(2_000);
    expect((await gateway.turn("a1")).status).toBe(200);
    expectMetered();
    const { model: kept } = (await readConfig()).agents!.entries!.a1!;
    expect(kept).toEqual({ primary: "metered-anthropic/claude-sonnet-3.5", fallbacks: [] });
  });

  test("its replies are not spoken where the operator has speech on, nor in a chat that had it before", async () => {
    const rpc = rpcOf();
    const spoken = () => shared.seen.filter(({ url }) => url.includes("/audio/speech")).length;
    let said = 0;
    async function say(agentId: string, message: string, answer: string): Promise<void> {
      const sessionKey = `agent:${agentId}:spoken`;
      await rpc.request("chat.send", { sessionKey, message, idempotencyKey: `said-${++said}` });
      const history = async () => JSON.stringify(await rpc.request("chat.history", { sessionKey }));
      await expect.poll(history, { timeout: 120_000, interval: 500 }).toContain(answer);
    }
    await on.created("speaker", { tools: ["tts"] }, quotas);
    await on.created("silenced", { tools: ["tts"] }, quotas);
    await say("silenced", "/tts chat on", "enabled for this chat");
    const closed = await gateway.api("PATCH", "/agents/silenced", { tools: [] }, key);
    expect(closed.status).toBe(200);
    await rpc.request("tts.enable", {});
    try {
      for (const agentId of ["a1", "silenced"]) await say(agentId, "hello", "All calls are made.");
      await say("speaker", "hello", "All calls are made.");
      await expect.poll(spoken, { timeout: 30_000 }).toBe(1);
    } finally {
      await rpc.request("tts.disable", {});
    }
  });

  test("a directory that the operator's own agents work in is none of its places", async () => {
    const projects = place("../projects");
    await mkdir(projects, { recursive: true });
    await writeFile(join(projects, "plan.txt"), "what only a2 knows");
    await setDefaults({ cwd: projects });
    try {
      await on.created("placed", {}, quotas);
      const [plan, own] = await told("placed", call("read", { path: join(projects, "plan.txt") }), call("ls", {}));
      expect(plan).toMatch(/escapes/);
      expect(own).toContain("AGENTS.md");
      await expectNothingTold();
      expect(await shownOf("a1")).toContain('\\"a1\\" leaves cwd open');
      expect(await shownOf("placed")).not.toContain("leaves cwd open");
    } finally {
      await setDefaults({ cwd: undefined });
    }
  });

  describe("a setting that OpenClaw has for all agents alone", () => {
    const compaction = { compaction: { model: "shared/m" } };
    afterAll(() => setDefaults({ compaction: undefined }));
    const gauge = async () =>
      /openclaw_open_doors\{setting="agents.defaults.compaction.model"\} (\d+)/.exec(
        await (await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.token}` } })).text(),
      )?.[1];

    test("is found within a minute, and no agent with a token quota is made beside it", async () => {
      await setDefaults(compaction);
      const refused = await on.create("beside", {}, quotas);
      expect([refused.status, refused.body.code]).toEqual([409, "setting_unmetered"]);
      expect(refused.body.detail).toMatch(/agents\.defaults\.compaction\.model.*unset it.*"unmetered"/);
      expect((await gateway.api("GET", "/agents/beside")).status).toBe(404);
      const { health } = (await gateway.api("GET", "/agents/a1")).body as { health: { detail: string } };
      expect(health.detail).toContain("agents.defaults.compaction.model");
      await expect.poll(gauge, { timeout: 60_000, interval: 1_000 }).toBe("1");
      await expect(gateway.cli(["provisioning", "doctor"])).rejects.toThrow(/agents\.defaults\.compaction\.model/);
      expect((await on.create("unbounded")).status).toBe(201);
    });

    test("and is gone when it is unset", async () => {
      await setDefaults({ compaction: undefined });
      await expect.poll(gauge, { timeout: 60_000, interval: 1_000 }).toBe("0");
      expect((await on.create("beside", {}, quotas)).status).toBe(201);
    });
  });

  test("with peers that both name, it reaches their sessions, and no others'", async () => {
    await on.created("p1", { peers: ["p2", "a2"] }, quotas);
    await on.created("p2", { peers: ["p1"] }, quotas);
    const send = (sessionKey: string) =>
      throughCatalog(call("sessions_send", { sessionKey, message: "hello", timeoutSeconds: 20 }));
    const history = (agentId: string) =>
      throughCatalog(call("sessions_history", { sessionKey: `agent:${agentId}:main` }));
    const list = (input: Record<string, unknown>) => throughCatalog(call("sessions_list", input));
    const refused = await told(
      "p1",
      send("agent:a2:main"),
      send("main"),
      history("a2"),
      list({}),
      list({ agentId: "a2" }),
    );
    for (const answer of refused) expect(answer).toMatch(/not a peer|has to name/);
    const before = await tokensOf("p2");
    const allowed = await told("p1", send("agent:p2:main"), history("p2"), list({ agentId: "p2" }));
    for (const answer of allowed) expect(answer).not.toMatch(/not a peer|has to name/);
    expect(allowed[2]).not.toContain("agent:a");
    await expect.poll(() => tokensOf("p2"), { timeout: 60_000 }).toBeGreaterThan(before);
    expect(await tokensOf("a2")).toBe(0);
    expectMetered();
  });

  test("the sandbox says what it lacks on this machine, and tools that cannot be given are refused by name", async () => {
    const sandboxed = await on.create("boxed", { confinement: "sandbox" }, quotas);
    if (sandboxed.status !== 201) {
      expect([sandboxed.status, sandboxed.body.code]).toEqual([422, "confinement_not_supported"]);
      expect(sandboxed.body.detail).toMatch(/docker/i);
    }
    const tools = await on.create("tooled", { tools: ["exec"] }, quotas);
    expect([tools.status, tools.body.code]).toEqual([422, "tool_not_allowed"]);
  });

  test("one that is trusted has OpenClaw's tools, and its own models and sessions all the same", async () => {
    await on.created("t1", { confinement: "trusted" }, quotas);
    const [ran, sent, listed, status] = await told(
      "t1",
      call("exec", { command: "echo ran" }),
      throughCatalog(call("sessions_send", { sessionKey: "agent:a2:main", message: "work for me" })),
      throughCatalog(call("sessions_list", {})),
      throughCatalog(call("session_status", { sessionKey: "agent:a2:main" })),
    );
    expect(ran).toContain("ran");
    for (const answer of [sent, listed, status]) expect(answer).toMatch(refusal);
    const [foreign] = await told("t1", spawn({ model: "shared/m" }, readMine));
    expect(foreign).toMatch(/not allowed/i);
    expect(await tokensOf("a2")).toBe(0);
    expectMetered();
  });

  test("agents of an earlier release are found, and confined by one command", async () => {
    await edit((config) => {
      const entries = config.agents!.entries as Record<string, AgentEntry>;
      for (const agentId of ["a1", "a2"]) {
        const { name, workspace, agentDir, model: used } = entries[agentId]!;
        const search = { search: { provider: "none" } };
        entries[agentId] = {
          name: name!,
          workspace: workspace!,
          agentDir: agentDir!,
          model: used!,
          utilityModel: "",
          memory: search,
        };
      }
    });
    expect((await told("a1", call("exec", { command: "echo ran" })))[0]).toContain("ran");
    const found = await gateway.cli(["provisioning", "doctor"]).catch((error: unknown) => String(error));
    for (const door of ["modelPolicy.allow", "subagents.model", "tools"])
      expect(found).toContain(`"a1" leaves ${door} open`);
    const said = await gateway.cli(["provisioning", "agents", "confine", "--all"]);
    expect(said).toMatch(/a1: workspace/);
    expect(said).toMatch(/t1: trusted, as before/);
    expect((await told("a1", call("exec", { command: "echo ran" })))[0]).toMatch(/not found/);
    for (const agentId of ["a1", "a2"]) expect(await shownOf(agentId)).not.toMatch(/leaves .* open/);
  });

  describe("an agent made by hand that is given a key of its own", () => {
    const ownKey = (agentId: string) => `sk-test-${agentId}-not-a-real-key`;
    const cases: [agentId: string, entry: AgentEntry, asked: string | undefined, used: string][] = [
      ["h-none", {}, undefined, "claude-sonnet-4-5"],
      ["h-asked", { model: "shared/m" }, "claude-x", "claude-x"],
      ["h-shared", { model: "shared/m" }, undefined, "claude-sonnet-4-5"],
      ["h-bare", { model: "claude-opus-x" }, undefined, "claude-opus-x"],
      ["h-alias", { model: "fast" }, undefined, "claude-sonnet-4-5"],
      ["h-object", { model: { primary: "shared/m", fallbacks: ["shared/m"] } }, "claude-y", "claude-y"],
      ["h-native", { model: { primary: "anthropic/claude-z", fallbacks: ["shared/m"] } }, undefined, "claude-z"],
    ];

    const onboarded = new Map<string, Answer>();
    beforeAll(async () => {
      await edit((config) => {
        config.agents!.defaults = { ...config.agents!.defaults, models: { "shared/m": { alias: "fast" } } };
        for (const [agentId, entry] of [...cases, ["h-custom", { model: "shared/m" }] as const]) {
          config.agents!.entries![agentId] = { name: agentId, workspace: place(`by-hand/${agentId}`), ...entry };
        }
      });
      // The line of an earlier change may come late.
      while ((await gateway.api("GET", "/agents/h-custom")).status !== 200) await sleep(200);
      // At once, for they share reloads then.
      const onboardings = cases.map(async ([agentId, , asked]) => {
        onboarded.set(agentId, await onboard(agentId, asked === undefined ? {} : { model: asked }));
      });
      await Promise.all(onboardings);
    });

    const onboard = (agentId: string, more: Record<string, unknown>): Promise<Answer> => {
      const credentials = { apiKey: ownKey(agentId) };
      const auth = { provider: "anthropic", credentials, baseUrl: model.origin, ...more };
      return gateway.api("POST", `/agents/${agentId}/onboard`, { steps: ["auth"], auth }, key);
    };
    async function expectOwn(agentId: string, expected: string): Promise<void> {
      model.reset();
      const turn = await gateway.turn(agentId);
      expect([turn.status, turn.text]).toEqual([200, "All calls are made."]);
      // Others may be at work still; a request names the workspace that it is for.
      const own = model.seen.filter(({ body }) => body.includes(`by-hand/${agentId}`));
      const used = own.map((one) => [one.key, (JSON.parse(one.body) as { model: string }).model]);
      expect(used).toEqual([[ownKey(agentId), expected]]);
      expect(shared.seen).toEqual([]);
    }

    test.each(cases)("%s answers with that key alone, on the model that is its key's", async (agentId, _, __, used) => {
      const { status, body } = onboarded.get(agentId)!;
      expect([status, body.failed]).toEqual([200, []]);
      await expectOwn(agentId, used);
    });

    test("its model is changed, and its key replaced, and both are its own", async () => {
      expect((await gateway.api("PATCH", "/agents/h-shared", { model: "claude-next" }, key)).status).toBe(200);
      await expectOwn("h-shared", "claude-next");
      expect((await onboard("h-shared", {})).status).toBe(200);
      await expectOwn("h-shared", "claude-next");
    });

    test("a provider without a model of its own asks for one, and nothing is changed", async () => {
      const before = (await readConfig()).agents!.entries!["h-custom"];
      const { body } = await onboard("h-custom", { provider: "my-llm" });
      expect([body.failed, (body.errors as { code: string }[])[0]!.code]).toEqual([["auth"], "invalid_body"]);
      expect((await readConfig()).agents!.entries!["h-custom"]).toEqual(before);
    });
  });
});
