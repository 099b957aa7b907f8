import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { heldParams, refusalOf } from "../../adapters/openclaw/doors/agents-apart.ts";
import { entryDoors } from "../../adapters/openclaw/doors/entry-doors.ts";
import { checkTools, dropOthersModels, type Hold, holdTools } from "../../adapters/openclaw/doors/held-entry.ts";
import { unmeteredSettings } from "../../adapters/openclaw/doors/model-settings.ts";
import { openDoors, refuseUnmetered } from "../../adapters/openclaw/doors/open-doors.ts";
import { writesOwnFiles } from "../../adapters/openclaw/doors/own-files.ts";
import { createReplyFiles, type Reply } from "../../adapters/openclaw/doors/reply-files.ts";
import { lookedAtTools } from "../../adapters/openclaw/doors/tool-table.ts";
import { declareProvider, movedProviders, providerFor, slugIn } from "../../adapters/openclaw/metered-provider.ts";
import { modelForKey } from "../../adapters/openclaw/model-for-key.ts";
import type { AgentEntry, OpenClawConfig } from "../../adapters/openclaw/openclaw-config.ts";
import { refusal } from "../conformance/agent-host.ts";

describe("the model of an agent that is given a key", () => {
  const key = (provider: string) =>
    providerFor(
      { provider, apiKey: "x", metered: false, ...(provider === "llm" && { baseUrl: "http://llm" }) },
      undefined,
    );
  const config: OpenClawConfig = {
    models: { providers: { shared: { baseUrl: "http://shared" } } },
    agents: { defaults: { model: "shared/m", models: { "shared/m": { alias: "fast" } } } },
  };
  const byHand = (current: string | undefined) => ({ current, madeHere: false });
  const madeHere = (current: string | undefined) => ({ current, madeHere: true });

  test.each([
    ["the one asked for", "anthropic", "claude-x", byHand("shared/m"), "own-anthropic/claude-x"],
    ["none", "anthropic", undefined, byHand(undefined), "own-anthropic/claude-sonnet-4-5"],
    ["another provider's", "anthropic", undefined, byHand("shared/m"), "own-anthropic/claude-sonnet-4-5"],
    ["another provider's, native", "anthropic", undefined, byHand("openai/gpt-5.1"), "own-anthropic/claude-sonnet-4-5"],
    ["its provider's, shared", "anthropic", undefined, byHand("anthropic/claude-opus"), "own-anthropic/claude-opus"],
    ["a bare name", "anthropic", undefined, byHand("claude-opus"), "own-anthropic/claude-opus"],
    ["an alias", "anthropic", undefined, byHand("Fast"), "own-anthropic/claude-sonnet-4-5"],
    ["a router's, shared", "openrouter", undefined, byHand("openrouter/meta/llama"), "own-openrouter/meta/llama"],
    [
      "of a provider of the gateway's, for a router",
      "openrouter",
      undefined,
      byHand("shared/m"),
      "own-openrouter/openrouter/auto",
    ],
    ["one named for a key to come", "anthropic", undefined, madeHere("unassigned/claude-x"), "own-anthropic/claude-x"],
    [
      "one of a custom provider, to come",
      "llm",
      undefined,
      madeHere("vendor/m"),
      expect.stringMatching(/^own-llm-\w+\/vendor\/m$/),
    ],
    [
      "an operator's, named as ours are",
      "anthropic",
      undefined,
      byHand("own-gpu/llama"),
      "own-anthropic/claude-sonnet-4-5",
    ],
    ["of another key of its own", "openai", undefined, madeHere("metered-anthropic/claude-x"), undefined],
    [
      "of the same provider, metered",
      "anthropic",
      undefined,
      madeHere("metered-anthropic/claude-x"),
      "own-anthropic/claude-x",
    ],
  ])("%s", (_, provider, asked, agent, expected) => {
    expect(modelForKey(key(provider), asked, agent, config)).toEqual(expected);
  });

  test.each([byHand("shared/m"), byHand("anthropic/claude"), byHand(undefined), madeHere(undefined)])(
    "a custom provider has no default: the model is asked for (%j)",
    (agent) => {
      expect(() => modelForKey(key("llm"), undefined, agent, config)).toThrow(refusal("invalid_body"));
    },
  );
});

describe("providers that are named as ours are", () => {
  const proxy = "http://127.0.0.1:18789/proxy";
  const declared = (slug: string, baseUrl: string, metered = true) => {
    const provider = providerFor({ provider: slug, apiKey: "k", baseUrl, metered }, proxy);
    const config: OpenClawConfig = {};
    declareProvider(config, provider);
    return { provider, config };
  };

  test("a slug that ends as the mark of an address does is whole", () => {
    const { provider, config } = declared("acme-20250101", `${proxy}/acme-20250101`);
    expect([provider.name, slugIn(provider.name, config)]).toEqual(["metered-acme-20250101", "acme-20250101"]);
    expect(movedProviders(config, "http://10.0.0.1/proxy")).toEqual({
      "metered-acme-20250101": "http://10.0.0.1/proxy/acme-20250101",
    });
    const agent = { current: `${provider.name}/m`, madeHere: true };
    expect(modelForKey(provider, undefined, agent, config)).toBe("metered-acme-20250101/m");
  });

  test.each([
    ["acme", `${proxy}/acme`, true],
    ["acme", "http://elsewhere/proxy/acme", true],
    ["acme", "http://acme.test/v1", false],
    ["acme-20250101", "http://elsewhere/proxy/acme-20250101", true],
    ["acme-20250101", "http://acme.test/v1", false],
  ])("the slug of %s at %s, metered %j", (slug, baseUrl, metered) => {
    const { provider, config } = declared(slug, baseUrl, metered);
    expect(slugIn(provider.name, config)).toBe(slug);
    expect(slugIn(provider.name, {})).toBe(slug);
  });

  test("a model of the operator's is none of an agent's own", () => {
    const shared: OpenClawConfig = { models: { providers: { "metered-gpu": { apiKey: "k" } } } };
    for (const model of ["own-gpu/llama", "metered-gpu/llama"]) {
      const config = { ...shared, agents: { defaults: { compaction: { model } } } };
      expect(unmeteredSettings(config, []).map((one) => one.model)).toEqual([model]);
      expect(entryDoors({ model }, "a", true, config)).toContain("model");
    }
  });
});

describe("settings that lead around agents' keys", () => {
  const found = (config: OpenClawConfig, accepted: string[] = [], all = false) =>
    unmeteredSettings(config, accepted, all ? ["host", "tool"] : ["host"]).map(({ setting }) => setting);
  const defaults = (value: Record<string, unknown>): OpenClawConfig => ({ agents: { defaults: value } });

  test.each<[string, OpenClawConfig]>([
    ["agents.defaults.compaction.model", defaults({ compaction: { model: "shared/m" } })],
    ["agents.defaults.compaction.memoryFlush.model", defaults({ compaction: { memoryFlush: { model: "fast" } } })],
    ["agents.defaults.voiceModel", defaults({ voiceModel: { primary: "metered-openai/a", fallbacks: ["shared/m"] } })],
    ["channels.modelByChannel", { channels: { modelByChannel: { telegram: { "*": "shared/m" } } } }],
    ["tools.media.models", { tools: { media: { models: [{ provider: "shared", model: "m" }] } } }],
    ["tts.auto", { tts: { auto: "always" } }],
    ["tts.enabled", { tts: { enabled: true } }],
    ["channels.feishu.tts.auto", { channels: { feishu: { tts: { auto: "tagged" } } } }],
    [
      "channels.feishu.accounts.ops.tts.enabled",
      { channels: { feishu: { accounts: { ops: { tts: { enabled: true } } } } } },
    ],
    [
      "channels.discord.accounts.ops.voice.model",
      { channels: { discord: { accounts: { ops: { voice: { model: "shared/m" } } } } } },
    ],
  ])("%s", (setting, config) => {
    expect(found(config)).toEqual([setting]);
    expect(found(config, [setting])).toEqual([]);
  });

  test("one agent of many for which a setting is open is enough, whichever stands last", () => {
    const held = (confinement: Hold["confinement"]): AgentEntry => {
      const entry: AgentEntry = {};
      holdTools(entry, "one", { confinement, tools: [], peers: [] });
      return entry;
    };
    const [trusted, boxed, plain] = (["trusted", "sandbox", "workspace"] as const).map(held);
    const entries = { trusted: trusted!, boxed: boxed!, plain: plain! };
    const sandbox = { docker: { env: { API_KEY: "x" } } };
    const config: OpenClawConfig = { agents: { defaults: { imageModel: "shared/m", sandbox }, entries } };
    const settings = { confinement: "workspace" as const, unmetered: [], unattended: "on" as const };
    const doors = openDoors(config, settings, () => ({ madeHere: true, hasKey: false })).map(({ setting }) => setting);
    expect(doors).toContain("agents.defaults.imageModel");
    expect(doors).toContain("agents.defaults.sandbox.docker.env");
  });

  test("one of any channel is accepted by its form", () => {
    const config: OpenClawConfig = { channels: { feishu: { tts: { auto: "tagged" } } } };
    expect(found(config, ["channels.*.tts.auto"])).toEqual([]);
    expect(found(config, ["channels.*.tts.enabled"])).toEqual(["channels.feishu.tts.auto"]);
  });

  test("those with models of agents' own keys do not, nor those that are empty or off", () => {
    expect(found(defaults({ compaction: { model: "metered-anthropic/claude" }, voiceModel: "" }))).toEqual([]);
    expect(found({ tts: { enabled: false }, channels: { feishu: { tts: { auto: "off" } } } })).toEqual([]);
    expect(found({ tts: { auto: "off" }, tools: { media: { models: [{ command: "whisper" }] } } })).toEqual([]);
  });

  test.each([
    ["as OpenClaw has it of itself", {}, [], ["tools.media.audio.enabled", "tools.media.video.enabled"]],
    ["switched off", { audio: { enabled: false }, video: { enabled: false } }, [], []],
    [
      "heard by a program",
      { models: [{ command: "whisper", capabilities: ["audio"] }] },
      [],
      ["tools.media.video.enabled"],
    ],
    ["accepted", {}, ["tools.media.audio.enabled", "tools.media.video.enabled"], []],
  ])("what is sent to an agent is heard and seen with the gateway's keys: %s", (_, media, unmetered, noticed) => {
    const config: OpenClawConfig = { agents: { entries: { one: {} } }, tools: { media } };
    const settings = { confinement: "workspace" as const, unmetered, unattended: "on" as const };
    const notices = (madeHere: boolean) =>
      openDoors(config, settings, () => ({ madeHere, hasKey: true })).filter(({ isNotice }) => isNotice);
    expect(notices(true).map(({ setting }) => setting)).toEqual(noticed);
    expect(notices(false)).toEqual([]);
  });

  test("a weekly review that nobody has decided about is worth a look", () => {
    const noticed = (mode: string | undefined, unattended?: "on" | "off") => {
      const config = {
        agents: { entries: { one: {} } },
        ...(mode && { skills: { workshop: { autonomous: { mode } } } }),
      };
      const settings = { confinement: "workspace" as const, unmetered: [], ...(unattended && { unattended }) };
      return openDoors(config as OpenClawConfig, settings, () => ({ madeHere: true, hasKey: true })).some(
        ({ setting, isNotice }) => isNotice && setting === "skills.workshop.autonomous.mode",
      );
    };
    expect([noticed(undefined), noticed("auto"), noticed("off")]).toEqual([true, true, false]);
    expect([noticed(undefined, "on"), noticed("auto", "off")]).toEqual([false, false]);
  });

  test("those that only tools call lead around the keys of agents with every tool", () => {
    const config = defaults({ imageModel: "shared/m" });
    expect(found(config)).toEqual([]);
    expect(found(config, [], true)).toEqual(["agents.defaults.imageModel"]);
    const made = (confinement: Hold["confinement"]) => () =>
      refuseUnmetered(config, { unmetered: [], confinement: "workspace" }, confinement);
    expect(made("trusted")).toThrow(refusal("setting_unmetered"));
    expect(made("workspace")).not.toThrow();
  });
});

describe("speech, which OpenClaw switches on for all agents of a gateway at once", () => {
  const entryOf = (hold: Partial<Hold>, entry: AgentEntry = {}): AgentEntry => {
    holdTools(entry, "one", { confinement: "workspace", tools: [], peers: [], ...hold });
    return entry;
  };
  const isOpen = (entry: AgentEntry) => entryDoors(entry, "one", false, {}).includes("tts");

  test("has no preferences for a confined agent, and is off for it", () => {
    for (const confinement of ["workspace", "sandbox"] as const) {
      const { tts } = entryOf(
        { confinement },
        { tts: { auto: "always", prefsPath: "/theirs.json", summaryModel: "m" } },
      );
      const prefsPath = join(devNull, "tts.json");
      expect(tts).toEqual({ auto: "off", prefsPath, maxTextLength: 1, summaryModel: "m" });
    }
  });

  test("is as the operator has it for one with the tool for it, or that is trusted", () => {
    for (const hold of [{ tools: ["tts"] }, { confinement: "trusted" as const }]) {
      expect(entryOf(hold, { tts: { auto: "tagged" } }).tts).toEqual({ auto: "tagged" });
      expect(entryOf(hold, entryOf({})).tts).toBeUndefined();
      expect(entryOf(hold, entryOf({}, { tts: { timeoutMs: 9_000 } })).tts).toEqual({ timeoutMs: 9_000 });
      expect(isOpen(entryOf(hold))).toBe(false);
    }
  });

  test("is put into words by no model of others", () => {
    const summaryOf = (summaryModel: string | undefined) => {
      const entry: AgentEntry = { tts: { auto: "always", enabled: true, ...(summaryModel && { summaryModel }) } };
      dropOthersModels(entry);
      return entry.tts;
    };
    expect(summaryOf("metered-openai/m")).toEqual({ summaryModel: "metered-openai/m" });
    for (const others of ["shared/m", undefined]) expect(summaryOf(others)).toEqual({});
  });

  test("is a door of an entry that was made before, or that somebody changed", () => {
    expect(isOpen(entryOf({}))).toBe(false);
    const { tts, ...before } = entryOf({});
    expect(isOpen(before)).toBe(true);
    expect(isOpen({ ...before, tts: { ...tts, auto: "always" } })).toBe(true);
  });
});

describe("the programs of an agent in the sandbox", () => {
  const entryOf = (confinement: Hold["confinement"], entry: AgentEntry = {}): AgentEntry => {
    holdTools(entry, "one", { confinement, tools: [], peers: [] });
    return entry;
  };
  const boxed = entryOf("sandbox");

  test("run there, wherever those of the operator's agents run", () => {
    const reviewer = { model: "metered-anthropic/m" };
    const before = { tools: { exec: { reviewer, host: "gateway" } } };
    expect(entryOf("sandbox", before).tools?.exec).toEqual({ reviewer, host: "sandbox" });
    expect(entryOf("trusted", entryOf("sandbox", before)).tools?.exec).toEqual({ reviewer });
    const isOpen = (entry: AgentEntry) => entryDoors(entry, "one", false, {}).includes("tools.exec.host");
    expect(isOpen(boxed)).toBe(false);
    for (const exec of [undefined, {}, { host: "auto" }, { host: "gateway" }]) {
      const { exec: _, ...tools } = boxed.tools!;
      expect(isOpen({ ...boxed, tools: { ...tools, ...(exec && { exec }) } })).toBe(true);
    }
    for (const other of ["workspace", "trusted"] as const) expect(isOpen(entryOf(other))).toBe(false);
  });

  test("are none of an agent's whose sandbox somebody has switched off", () => {
    for (const mode of ["off", "non-main"]) {
      const entry = { ...boxed, sandbox: { ...boxed.sandbox, mode } } as AgentEntry;
      expect(entryDoors(entry, "one", false, {})).toContain("tools.allow");
    }
  });

  test("put nothing where OpenClaw looks for code", () => {
    const { docker } = boxed.sandbox as { docker: { workdir: string; tmpfs: string[] } };
    expect(docker.workdir).toBe("/workspace");
    const isOpen = (changed: object) =>
      entryDoors(
        { ...boxed, sandbox: { ...boxed.sandbox, docker: { ...docker, ...changed } } },
        "one",
        false,
        {},
      ).includes("sandbox.docker");
    expect(isOpen({})).toBe(false);
    for (const place of ["/workspace/.openclaw", "/workspace/hooks", "/workspace/.git", "/workspace/HEAD"]) {
      expect(docker.tmpfs).toContain(place);
      expect(isOpen({ tmpfs: docker.tmpfs.filter((one) => one !== place) })).toBe(true);
    }
    expect(isOpen({ tmpfs: undefined })).toBe(true);
    expect(isOpen({ workdir: "/elsewhere" })).toBe(true);
  });

  test("run there whatever its chat has set, and those of other agents where they are told to", () => {
    const entries = { boxed, trusted: entryOf("trusted"), free: {} };
    const params = { command: "id", host: "gateway", elevated: true };
    const held = (caller: string | undefined, toolName = "exec", isMade = true) =>
      heldParams({ toolName, params }, caller, { agents: { entries } }, () => isMade);
    expect(held("boxed")).toEqual({ command: "id", host: "sandbox", elevated: false });
    for (const other of ["trusted", "free", "gone", undefined]) expect(held(other)).toBeUndefined();
    expect(held("boxed", "process")).toBeUndefined();
    expect(held("boxed", "exec", false)).toBeUndefined();
  });

  test("are given nothing of the operator's without a word on it", () => {
    const settings = (unmetered: string[] = []) => ({ unmetered, confinement: "workspace" as const });
    const env = { LANG: "C.UTF-8", LC_ALL: "C", OPENAI_API_KEY: "sk-theirs" };
    const config = (docker: Record<string, unknown>, entry = boxed): OpenClawConfig => ({
      agents: { defaults: { sandbox: { docker } }, entries: { one: entry } },
    });
    const found = (of: OpenClawConfig, unmetered?: string[]) =>
      openDoors(of, settings(unmetered), () => ({ madeHere: true, hasKey: false })).filter(({ setting }) =>
        setting.includes("sandbox"),
      );
    const setting = "agents.defaults.sandbox.docker.env";
    expect(found(config({ env, binds: ["/srv:/srv"] })).map((door) => door.setting)).toEqual([
      setting,
      "agents.defaults.sandbox.docker.binds",
    ]);
    expect(JSON.stringify(found(config({ env })))).toMatch(/OPENAI_API_KEY(?!.*sk-theirs)/);
    expect(found(config({ env }), [setting])).toEqual([]);
    expect(found(config({ env: { LANG: "C.UTF-8" }, network: "none" }))).toEqual([]);
    expect(found(config({ env }, entryOf("workspace")))).toEqual([]);
    const made = (confinement: Hold["confinement"], unmetered?: string[]) => () =>
      refuseUnmetered(config({ env }), settings(unmetered), confinement);
    expect(made("sandbox")).toThrow(refusal("setting_unmetered"));
    expect(made("sandbox", [setting])).not.toThrow();
    expect(made("workspace")).not.toThrow();
  });
});

describe("agents apart", () => {
  const entry = (agentId: string, hold: Partial<Hold> = {}): AgentEntry => {
    const made: AgentEntry = {};
    holdTools(made, agentId, { confinement: "workspace", tools: [], peers: [], ...hold });
    return { ...made, workspace: `/state/workspace-${agentId}` };
  };
  const config: OpenClawConfig = {
    agents: {
      entries: {
        main: {},
        lonely: entry("lonely"),
        one: entry("one", { peers: ["two", "lonely", "main"] }),
        two: entry("two", { peers: ["one"] }),
        speaker: entry("speaker", { tools: ["tts"] }),
        trusted: entry("trusted", { confinement: "trusted" }),
        boxed: entry("boxed", { confinement: "sandbox" }),
      },
    },
    bindings: [
      { type: "route", agentId: "one", match: { channel: "telegram", accountId: "ops" } },
      { type: "route", agentId: "two", match: { channel: "slack" } },
      { type: "route", agentId: "two", match: { channel: "telegram", accountId: "Sales" } },
      { type: "route", agentId: "two", match: { channel: "discord", accountId: "*" } },
      { type: "route", agentId: "one", match: { channel: "discord", accountId: "mine" } },
    ],
  };
  const isMadeHere = (agentId: string) => agentId !== "main";
  const refused = (caller: string | undefined, toolName: string, params: Record<string, unknown> = {}) =>
    refusalOf({ toolName, params }, caller, config, isMadeHere, "/state") !== undefined;

  test.each<[string, Record<string, unknown>]>([
    ["sessions_send", { sessionKey: "agent:lonely:main" }],
    ["sessions_send", { sessionKey: "AGENT:Lonely:main" }],
    ["sessions_send", { sessionKey: "agent:main:main" }],
    ["sessions_send", { sessionKey: "agent:two:main", agentId: "lonely" }],
    ["sessions_send", { sessionKey: "main", agentId: "two" }],
    ["sessions_send", { sessionKey: "2f1c8f7e-0000-4000-8000-000000000000" }],
    ["sessions_send", { label: "their work" }],
    ["sessions_send", {}],
    ["sessions_list", {}],
    ["sessions_list", { agentId: "lonely" }],
    ["sessions_list", { agentId: "*" }],
    ["sessions_history", { sessionKey: "agent:lonely:main" }],
    ["sessions_history", { sessionKey: "agent:two:main", sessionId: "2f1c8f7e" }],
    ["sessions_history", { sessionKey: ["agent:two:main"] }],
    ["sessions_spawn", { agentId: "lonely" }],
    ["sessions_spawn", { task: "x", cwd: "/etc" }],
    ["sessions_spawn", { task: "x", visible: true }],
    ["sessions_spawn", { task: "x", projectId: "p" }],
    ["sessions_spawn", { task: "x", worktree: true }],
    ["sessions_spawn", { task: "x", attachments: [] }],
    ["sessions_search", { query: "x" }],
    ["session_status", { sessionKey: "agent:two:main" }],
    ["automations", { action: "add" }],
    ["message", { action: "send", channel: "slack", target: "1" }],
    ["message", { action: "send", accountId: "ops", target: "1" }],
    ["message", { action: "send", channel: " Slack", target: "1" }],
    ["message", { action: "send", channel: "lark", target: "1" }],
    ["message", { action: "send", channel: "telegram", accountId: "sales", target: "1" }],
    ["message", { action: "send", channel: "Telegram", accountId: " SALES!", target: "1" }],
    ["message", { action: "send", channel: "telegram", account_id: "sales", target: "1" }],
    ["message", { action: "send", account_id: "ops", target: "1" }],
    ["message", { action: "send", channel: "discord", accountId: "any", target: "1" }],
    ["sessions_send", { agentId: "two", session_key: "agent:lonely:main" }],
    ["sessions_history", { sessionKey: "agent:two:main", session_id: "2f1c8f7e" }],
    ["sessions_spawn", { task: "x", agent_id: "lonely" }],
  ])("%s %j of an agent that is no peer, or that nobody can tell, is refused", (toolName, params) => {
    expect(refused("one", toolName, params)).toBe(true);
    expect(refused(undefined, toolName, params)).toBe(true);
  });

  test.each<[string, Record<string, unknown>]>([
    ["sessions_send", { sessionKey: "agent:two:main" }],
    ["sessions_send", { agentId: "two" }],
    ["sessions_list", { agentId: "two" }],
    ["sessions_list", { agentId: "one" }],
    ["sessions_history", { sessionKey: "agent:one:main" }],
    ["sessions_spawn", { task: "x" }],
    ["sessions_spawn", { task: "x", cwd: undefined }],
    ["sessions_spawn", { agentId: "two" }],
    ["message", { action: "send", channel: "telegram", accountId: "ops" }],
    ["message", { action: "send", channel: "Telegram", account_id: "OPS" }],
    ["message", { action: "send", channel: "discord", accountId: "mine" }],
    ["message", { action: "send", message: "here" }],
    ["sessions_send", { session_key: "agent:two:main" }],
    ["read", { path: "agent:lonely:main" }],
  ])("%s %j of its own or of a peer's is not", (toolName, params) => {
    expect(refused("one", toolName, params)).toBe(false);
  });

  test.each([
    { channel: "telegram", target: "1" },
    { channel: "discord", target: "1" },
    { channel: " Telegram ", target: "1" },
    { target: "1" },
    { targets: ["1"] },
    { to: "telegram:1" },
    { channel_id: "1", emoji: "x" },
  ])("an agent without a route sends nothing through an account that OpenClaw would choose: %j", (params) => {
    expect(refused("lonely", "message", { action: "send", ...params })).toBe(true);
    expect(refused("lonely", "message", { action: "send", message: "in its own conversation" })).toBe(false);
    expect(refused("one", "message", { action: "send", target: "1" })).toBe(false);
  });

  test("an agent with a route sends through it, and any agent through all where no route is given out", () => {
    expect(refused("one", "message", { action: "send", channel: "telegram", target: "1" })).toBe(false);
    const free = { agents: config.agents! };
    for (const params of [{ target: "1" }, { channel: "lark", target: "1" }]) {
      const call = { toolName: "message", params: { action: "send", ...params } };
      expect(refusalOf(call, "lonely", free, isMadeHere, "/state")).toBeUndefined();
      const fromNowhere = (caller: string) =>
        refusalOf({ ...call, inConversation: false }, caller, free, isMadeHere, "/state") !== undefined;
      expect(["lonely", "trusted"].map(fromNowhere)).toEqual([true, false]);
    }
  });

  test("a sub-agent of an agent with every tool may work elsewhere", () => {
    expect(refused("trusted", "sessions_spawn", { task: "x", cwd: "/srv" })).toBe(false);
  });

  test.each([{ voiceText: "x" }, { voice_text: "x" }, { voiceProvider: "openai" }, { voiceId: "x" }])(
    "speech is ordered at the operator's provider by agents with the tool for it alone: %j",
    (params) => {
      const call = { action: "send", message: "x", ...params };
      expect(refused("one", "message", call)).toBe(true);
      for (const agentId of ["speaker", "trusted"]) expect(refused(agentId, "message", call)).toBe(false);
    },
  );

  test.each([
    { media: "/state/workspace/MEMORY.md" },
    { media: join(tmpdir(), "openclaw", "gateway.log") },
    { media: "../workspace/MEMORY.md" },
    { media: "/state/workspace-one/../workspace/MEMORY.md" },
    { media: "/state/workspace-one-more/MEMORY.md" },
    { media: "/state/media/../canvas/index.html" },
    { media: " /state/canvas/index.html" },
    { media: "~/.openclaw/workspace/MEMORY.md" },
    { media: "file:///state/workspace/MEMORY.md" },
    { media: "MEDIA:/state/workspace/MEMORY.md" },
    { media: "media : /state/workspace/MEMORY.md" },
    { media: "media://inbound/../../workspace/MEMORY.md" },
    { media: "media://inbound/..%2f..%2fworkspace%2fMEMORY.md" },
    { media: "`/state/workspace/MEMORY.md`" },
    { media: "/workspace/MEMORY.md" },
    // What is no URL to OpenClaw is a path.
    { media: "http:../../workspace/MEMORY.md" },
    { media: "@https://../../workspace/MEMORY.md" },
    { mediaUrls: ["wss://../../workspace/MEMORY.md"] },
    { image: "data:image/png;base64,/../../../../workspace/MEMORY.md" },
    { message: "MEDIA:[one](/state/workspace/MEMORY.md)" },
    { media_url: "/state/workspace/MEMORY.md" },
    { mediaUrls: ["one.png", "/state/workspace/MEMORY.md"] },
    { filePath: "/state/workspace/MEMORY.md" },
    { image: "/state/workspace/MEMORY.md" },
    { attachments: [{ type: "file", media: "/state/workspace/MEMORY.md" }] },
    { attachments: [{ url: "/state/workspace/MEMORY.md" }] },
    { message: "see\nMEDIA:/state/workspace/MEMORY.md" },
    { message: "see\\nmedia: `/state/workspace/MEMORY.md`" },
    { caption: "MEDIA:one.png ../workspace/MEMORY.md" },
    { message: "ME<final>DIA:/state/workspace/MEMORY.md</final>" },
  ])("no file from outside of its workspace is sent: %j", (params) => {
    expect(refused("one", "message", { action: "send", message: "x", ...params })).toBe(true);
    expect(refused("trusted", "message", { action: "send", message: "x", ...params })).toBe(false);
  });

  test.each([
    { media: "one.png" },
    { media: "/state/workspace-one/one.png" },
    { media: "https://example.org/one.png" },
    { media: "media://inbound/one.png" },
    { media: "/state/media/tool-image-generation/one.png" },
    { buffer: "/9j/4AAQSkZJRg==", filename: "one.jpg" },
    { message: "/etc/hosts is a path", caption: "~/x" },
    { message: "see\nMEDIA:one.png" },
    { message: "<b>Item</b> name: <i>media</i>, m[0] and me: <a href='x'>Wikipedia: a</a>" },
  ])("its own files, those that came to it and texts are: %j", (params) => {
    expect(refused("one", "message", { action: "send", ...params })).toBe(false);
  });

  test("what the sandbox calls its workspace is the workspace of one that is in it", () => {
    for (const path of ["/workspace/one.png", "/state/workspace-boxed/one.png", "one.png"]) {
      expect(refused("boxed", "message", { action: "send", media: path }), path).toBe(false);
      expect(refused("boxed", "write", { path, content: "x" }), path).toBe(false);
    }
    for (const path of ["/workspace/../etc/hosts", "/workspace-two/one.png", "/state/workspace/MEMORY.md"]) {
      expect(refused("boxed", "message", { action: "send", media: path }), path).toBe(true);
      expect(refused("boxed", "write", { path, content: "x" }), path).toBe(true);
    }
  });

  test.each([
    { channel: "telegram", accountId: "ops", target: "1" },
    { channel: "telegram", account_id: "ops", to: "1" },
    { target: "1" },
    { targets: ["1"] },
    { channel_id: "1" },
    { channel: "telegram" },
    { accountId: "ops" },
  ])("a turn without a conversation sends to nobody whom it names: %j", (params) => {
    const call = { toolName: "message", params: { action: "send", message: "x", ...params } };
    const refusedIn = (caller: string, inConversation: boolean) =>
      refusalOf({ ...call, inConversation }, caller, config, isMadeHere, "/state") !== undefined;
    expect(refusedIn("one", false)).toBe(true);
    if (!("accountId" in params) || "channel" in params) expect(refusedIn("one", true)).toBe(false);
    const said = { toolName: "message", params: { action: "send", message: "x" }, inConversation: false };
    expect(refusalOf(said, "one", config, isMadeHere, "/state")).toBeUndefined();
  });

  describe("the files of an answer", () => {
    const at = { config, stateDir: "/state" };
    const copy = (name: string) => `/state/media/outbound/${name}---2f855d22-b50a-4997-93b6-7c9035db85e0`;
    const reply = (...names: string[]): Reply => ({
      text: "see",
      mediaUrls: names.map(copy),
      attachments: names.map((name) => ({ name })),
    });
    const answered = (text: string | string[], sent: Reply, agentId = "one") => {
      const files = createReplyFiles();
      const content = [text].flat().map((one) => ({ type: "text", text: one }));
      files.note({ role: "assistant", content }, agentId, `agent:${agentId}:main`, at);
      return files.withoutOthers(sent, agentId, `agent:${agentId}:main`, at);
    };
    const bare = { text: "see\n(A file was not sent: it is not one of this workspace.)" };

    test.each([
      "see\nMEDIA:/state/workspace/MEMORY.md",
      "see\nmedia: `/state/workspace/MEMORY.md`",
      "MEDIA:~/.openclaw/workspace/MEMORY.md",
      "MEDIA:file:///state/workspace/MEMORY.md",
      "MEDIA:MEMORY.md\nMEDIA:/state/workspace/MEMORY.md",
      "MEDIA:MEMORY.md /state/workspace/MEMORY.md",
      `MEDIA:${join(tmpdir(), "openclaw/MEMORY.md")}`,
      "MEDIA:/state/canvas/MEMORY.md",
      "MEDIA:\\n /state/canvas/MEMORY.md",
      "MEDIA:one.png\\n /state/canvas/MEMORY.md",
      // OpenClaw takes markup out of an answer first.
      "MEDIA:./MEMORY.md\nME<final>DIA:/state/canvas/MEMORY.md</final>",
      "MEDIA:./MEMORY.md\nMEDIA<think>x</think>:/state/canvas/MEMORY.md",
      "MEDIA:./MEMORY.md\nM<|a|>E<|a|>DIA:/state/canvas/MEMORY.md",
      "MEDIA:./MEMORY.md\nMEDIA[Tool Call: x (ID: 1)] :/state/canvas/MEMORY.md",
      "MEDIA:/state/workspace-two/MEMORY.md",
      "no file is named",
    ])("from outside of its workspace are not sent: %j", (text) => {
      expect(answered(text, reply("MEMORY.md"))).toEqual(bare);
      expect(answered(text, reply("MEMORY.md"), "trusted")).toBeUndefined();
    });

    test("nor those that are named over two parts of it, or that have no name", () => {
      expect(answered(["MEDIA:MEMORY.md\nMEDIA:", "/state/workspace/MEMORY.md"], reply("MEMORY.md"))).toEqual(bare);
      expect(answered("MEDIA:one.png", { ...reply("one.png"), attachments: [{}] })).toEqual(bare);
      expect(answered("MEDIA:one.png", { ...reply("one.png"), mediaUrl: copy("two.png") })).toEqual(bare);
    });

    test("nor one of a name that an own file has, within an hour", () => {
      let now = 0;
      const files = createReplyFiles(() => now);
      const note = (text: string) => files.note({ role: "assistant", content: text }, "one", "agent:one:main", at);
      note("MEDIA:/state/workspace/MEMORY.md");
      note("MEDIA:MEMORY.md");
      const sent = () => files.withoutOthers(reply("MEMORY.md"), "one", "agent:one:main", at);
      expect(sent()).toEqual(bare);
      now = 3_600_000;
      expect(sent()).toBeUndefined();
      expect(files.withoutOthers(reply("MEMORY.md"), "one", "agent:one:other", at)).toEqual(bare);
    });

    test("nor those that somebody else has named to it", () => {
      for (const role of ["user", "toolResult"]) {
        const files = createReplyFiles();
        files.note({ role, content: "MEDIA:MEMORY.md" }, "one", "agent:one:main", at);
        expect(files.withoutOthers(reply("MEMORY.md"), "one", "agent:one:main", at)).toEqual(bare);
      }
    });

    test("of its own are those that were named last, in the thousand sessions that named any last", () => {
      const files = createReplyFiles();
      const note = (text: string, session: string) =>
        files.note({ role: "assistant", content: text }, "one", `agent:one:${session}`, at);
      const isSent = (name: string, session: string) =>
        files.withoutOthers(reply(name), "one", `agent:one:${session}`, at) === undefined;
      for (let n = 0; n <= 1_000; n++) note(`MEDIA:${n}.png`, "main");
      expect(["1000.png", "500.png", "0.png"].map((name) => isSent(name, "main"))).toEqual([true, true, false]);
      for (let n = 0; n < 999; n++) note("MEDIA:one.png", `s${n}`);
      note("MEDIA:more.png", "s500");
      expect(isSent("1000.png", "main")).toBe(true);
      note("MEDIA:again.png", "main");
      note("MEDIA:one.png", "s999");
      expect([isSent("again.png", "main"), isSent("one.png", "s0"), isSent("one.png", "s1")]).toEqual([
        true,
        false,
        true,
      ]);
    });

    test.each([
      ["MEDIA:one.png", "one.png"],
      ["MEDIA:/state/workspace-one/a/one.png", "one.png"],
      ['MEDIA:"my one.png"', "my one.png"],
      ["MEDIA: my one.png", "my one.png"],
    ])("of its own are: %j", (text, name) => {
      expect(answered(text, reply(name))).toBeUndefined();
    });

    test("that a long run of quotes stands before are found in a time of its length", () => {
      const begun = performance.now();
      expect(answered(`MEDIA:a${"'".repeat(20_000)}b`, reply("MEMORY.md"))).toEqual(bare);
      expect(performance.now() - begun).toBeLessThan(500);
    });

    test("are named in a sandbox by what it calls its workspace", () => {
      expect(answered("MEDIA:/workspace/one.png", reply("one.png"), "boxed")).toBeUndefined();
      expect(answered("MEDIA:/workspace/one.png", reply("one.png"))).toEqual(bare);
    });

    test("are sent beside those that tools have made, or that lie elsewhere in the world", () => {
      for (const other of ["/state/media/tool-image-generation/two.png", "https://example.org/two.png"]) {
        const sent = (name: string, mediaUrls: string[], attachments: Reply["attachments"] = [{ name }, {}]) =>
          answered(`MEDIA:one.png\nMEDIA:${other}`, { text: "see", mediaUrl: mediaUrls[0]!, mediaUrls, attachments });
        expect(sent("one.png", [copy("one.png"), other])).toBeUndefined();
        expect(sent("one.png", [other, copy("one.png")], [{}, { name: "one.png" }])).toBeUndefined();
        expect(sent("MEMORY.md", [copy("MEMORY.md"), other])).toEqual(bare);
        expect(sent("one.png", [other, copy("MEMORY.md")])).toEqual(bare);
      }
      const mixed = { text: "see", mediaUrls: [copy("MEMORY.md"), "https://example.org/one.png"] };
      const attachments = [{ name: "MEMORY.md" }, { name: "one.png" }];
      expect(answered("MEDIA:one.png", { ...mixed, mediaUrl: mixed.mediaUrls[1]!, attachments })).toEqual(bare);
    });

    test("that tools have made, or that lie elsewhere in the world, are not looked at", () => {
      for (const mediaUrl of ["/state/media/tool-image-generation/one.png", "https://example.org/one.png"]) {
        expect(answered("done", { text: "see", mediaUrl })).toBeUndefined();
      }
      expect(answered("done", { text: "see" })).toBeUndefined();
    });
  });

  test("one that names another is not its peer before that one names it", () => {
    expect(refused("lonely", "sessions_send", { sessionKey: "agent:one:main" })).toBe(true);
  });

  describe("code that OpenClaw loads from a workspace into the gateway", () => {
    const code = [
      ".openclaw/extensions/x/index.js",
      "./.openclaw//extensions/./x/package.json",
      "skills/../.openclaw/extensions/x/openclaw.plugin.json",
      ".OpenClaw/Extensions/x/index.js",
      "@.openclaw/extensions/x/index.js",
      "/state/workspace-lonely/.openclaw/extensions/x/index.js",
      "~/workspace/.openclaw/extensions/x/index.js",
      "file:///state/workspace-lonely/%2Eopenclaw/extensions/x/index.js",
      ".openclaw\\extensions\\x\\index.js",
      ".openclaw/extensions",
      "hooks/x/HOOK.md",
      "hooks/pack/x/hook.md",
      "hooks/theirs/handler.js",
      "/state/workspace-lonely/hooks/theirs/handler.js",
      "@./Hooks/theirs/handler.js",
      ".git/config",
      "@.git/hooks/post-checkout",
      "sub/.GIT/config",
      ".git",
      "HEAD",
      "sub/HEAD",
      // OpenClaw takes what a model leaves of its markup away, and a URL's parser the rest.
      "HEAD</arg_value>>",
      "sub/HEAD</arg_value>>",
      "file:///state/workspace-lonely/HEAD?x",
      "file:/state/workspace-lonely/HEAD?x",
      "file:///state/workspace-lonely/.git#x",
      "file:///state/workspace-lonely/HE\tAD",
      "sub/HE\u200cAD",
      "sub/HEAD\u00a0",
      "a\u2028/../HEAD",
      "a\r/../HEAD",
      "~/workspace/hooks/theirs/handler.js",
      "/link/to/workspace-lonely/hooks/theirs/handler.js",
      "/workspace/hooks/theirs/handler.js",
      "/workspace/a.txt",
      "..",
      "../workspace-lonely-too/a.txt",
      "@file:///state/workspace-lonely/HEAD?x",
      "@@FILE:///state/workspace-lonely/.git#x",
      "@~/workspace/hooks/theirs/handler.js",
      // To OpenClaw `..` with what cannot be seen is a name, and so is one with a backslash.
      ".openclaw/extensions/\u200b../index.js",
      "hooks/..\u200b/HOOK.md",
      "sub/.git/..\u200b/../config",
      "a\\b/../.git/..\u200b/../config",
      "a\\b/../hooks/theirs/handler.js",
      // A way up in one reading is a name in another.
      "hooks/..\\/HOOK.md",
      "hooks/a\\..\\../HOOK.md",
      "hooks/.\u200b./HOOK.md",
      "hooks/\u200b../theirs/handler.js",
      ".git/.\u202e\\/../../config",
      ".openclaw/extensions/x\\..\\../index.js",
      "hooks/theirs/\u00a0..",
      "hoo\u212as/theirs/handler.js",
      "hook\u017f/theirs/handler.js",
      "sub/HE\ufe0fAD",
    ];
    const patches = (path: string) => [
      `*** Add File: ${path}\n+x`,
      `*** Add File: mine.txt\n+x\n*** Update File: mine.txt\n*** Move to: ${path}`,
      `  *** Delete File: ${path}`,
    ];

    test.each(code)("is not written by one that is held: %s", (path) => {
      for (const toolName of ["write", "edit"]) {
        for (const name of ["path", "file_path", "any"])
          expect(refused("lonely", toolName, { [name]: path, content: "x" })).toBe(true);
      }
      for (const input of patches(path)) {
        expect(refused("lonely", "apply_patch", { input: `*** Begin Patch\n${input}\n*** End Patch` })).toBe(true);
      }
      expect(refused("trusted", "write", { path })).toBe(false);
    });

    test("is not written by a patch that comes as text alone either", () => {
      const roots = ["/state/workspace-lonely"];
      expect(writesOwnFiles("apply_patch", "*** Begin Patch\n*** Add File: HEAD\n+x\n*** End Patch", roots)).toBe(
        false,
      );
      expect(writesOwnFiles("apply_patch", "*** Begin Patch\n*** Add File: a.txt\n+HEAD\n*** End Patch", roots)).toBe(
        true,
      );
    });

    test("is none in the sandbox's own terms where the workspace lies below the sandbox's place for it", () => {
      const boxed = { ...entry("boxed", { confinement: "sandbox" }), workspace: "/workspace/agents/boxed" };
      const own: OpenClawConfig = { agents: { entries: { boxed } } };
      const isRefused = (path: string) =>
        refusalOf({ toolName: "write", params: { path } }, "boxed", own, isMadeHere, "/state") !== undefined;
      for (const path of ["hooks/theirs/handler.js", "/workspace/agents/boxed/hooks/x", "/workspace/hooks/x"])
        expect(isRefused(path)).toBe(true);
      for (const path of ["a.txt", "/workspace/agents/boxed/a.txt", "/workspace/a.txt"])
        expect(isRefused(path)).toBe(false);
    });

    test.each([
      "/state/workspace-lonely/a.txt",
      "src/hooks/use-it.ts",
      "@notes/A line, with 'quotes' & (more): 12:30?.md",
      "یادداشت‌ها.md",
      ".gitignore",
      ".github/workflows/x.yml",
      "HEADER.md",
      "src/extensions/x.js",
      ".openclaw/x.json",
      "100%.md",
      "@@notes.md",
      "a\\b.txt",
    ])("is none of its other files: %s", (path) => {
      expect(refused("lonely", "write", { path, content: "*** Add File: .openclaw/extensions/x" })).toBe(false);
      const input = `*** Begin Patch\n*** Add File: ${path}\n+see .openclaw/extensions/x\n*** End Patch`;
      expect(refused("lonely", "apply_patch", { input })).toBe(false);
      const change = `*** Update File: ${path}\n@@\n ***Note:*** see <b>HEAD</b>\n-a\n+b`;
      expect(refused("lonely", "apply_patch", { input: `*** Begin Patch\n${change}\n*** End Patch` })).toBe(false);
    });
  });

  test.each([
    ["main", {}, "/state/workspace"],
    ["main", { workspace: "/common" }, "/common"],
    ["adopted", { workspace: "/common" }, "/common/adopted"],
    ["adopted", {}, "/state/workspace-adopted"],
  ])("the workspace of %s, whose entry names none, is where OpenClaw has it: %j", (agentId, defaults, workspace) => {
    const held: AgentEntry = {};
    holdTools(held, agentId, { confinement: "workspace", tools: [], peers: [] });
    const agents = { defaults, entries: { [agentId]: held } };
    const refusalFor = (path: string) =>
      refusalOf({ toolName: "write", params: { path, content: "x" } }, agentId, { agents }, () => true, "/state");
    expect(refusalFor(`${workspace}/notes.md`)).toBeUndefined();
    expect(refusalFor(`${workspace}/hooks/x/HOOK.md`)).toBeDefined();
  });

  test("the operator's own agents are left alone", () => {
    for (const toolName of lookedAtTools) expect(refused("main", toolName, { agentId: "one" })).toBe(false);
    expect(refused("main", "write", { path: ".openclaw/extensions/x/index.js" })).toBe(false);
    const nobody = refusalOf({ toolName: "sessions_list", params: {} }, undefined, config, () => false, "/state");
    expect(nobody).toBeUndefined();
  });
});

test("an agent whose calls nobody looks at has none of the tools that are looked at", () => {
  const entry: AgentEntry = {};
  holdTools(entry, "one", { confinement: "workspace", tools: [], peers: [] }, false);
  expect(entry.tools!.allow!.filter((name) => lookedAtTools.includes(name))).toEqual([]);
  expect(entry.tools!.allow).toContain("read");
});

test("tools beyond a confinement's: known ones that work outside of the machine, and those of MCP servers", () => {
  expect(() => checkTools(["web_search", "outlook__send_mail"])).not.toThrow();
  for (const name of ["exec", "gateway", "sessions_send", "read", "unknown", "group:openclaw", "*"]) {
    expect(() => checkTools([name]), name).toThrow(refusal("tool_not_allowed"));
  }
});
