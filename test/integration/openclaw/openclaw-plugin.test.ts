import { once } from "node:events";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { holdTools } from "../../../adapters/openclaw/doors/held-entry.ts";
import { writeMarker } from "../../../adapters/openclaw/made-marker.ts";
import { movedProviders } from "../../../adapters/openclaw/metered-provider.ts";
import type { AgentEntry, OpenClawConfig } from "../../../adapters/openclaw/openclaw-config.ts";
import plugin from "../../../adapters/openclaw/plugin.ts";
import type { Hooks, PluginApi } from "../../../adapters/openclaw/plugin-api.ts";
import { addPluginCommands } from "../../../adapters/openclaw/plugin-cli.ts";
import { gatewayPort, readPluginSettings } from "../../../adapters/openclaw/plugin-settings.ts";
import { routes as table } from "../../../src/routes.ts";
import type { Confinement } from "../../../src/schema/agent-fields.ts";

const lookedAtHooks = [
  "before_tool_call",
  "before_dispatch",
  "before_message_write",
  "reply_payload_sending",
  "message_sending",
];

describe("the OpenClaw plugin", () => {
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), "openclaw-plugin-unit-"));
  });
  // The commands make all files of their process private.
  const umask = process.umask();
  afterEach(async () => {
    process.umask(umask);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(stateDir, { recursive: true, force: true });
  });

  function registered(version: string, more: Partial<PluginApi> = {}) {
    const errors: string[] = [];
    const routes: string[] = [];
    const services: string[] = [];
    const commands: string[] = [];
    const hooks: string[] = [];
    plugin.register({
      registrationMode: "full",
      logger: { debug() {}, info() {}, warn() {}, error: (message) => void errors.push(message) },
      runtime: {
        version,
        config: { current: () => ({}), mutateConfigFile: async () => undefined },
        state: { resolveStateDir: () => stateDir },
        agent: {},
      },
      on: (hook) => void hooks.push(hook),
      registerHttpRoute: ({ path, auth }) => void routes.push(`${auth} ${path}`),
      registerService: ({ id }) => void services.push(id),
      registerCli: (_, { descriptors }) => void commands.push(...descriptors.map((one) => one.name)),
      ...more,
    });
    return { errors, routes, services, commands, hooks };
  }

  test.each(["2026.8.30", "2025.12.1", "2026.8.0-beta.2", "2026"])(
    "says why it stays off on OpenClaw %s",
    (version) => {
      const { errors, routes, services } = registered(version);
      expect(errors).toEqual([expect.stringMatching(/needs OpenClaw 2026\.9\.0 or later/)]);
      expect([routes, services]).toEqual([[], []]);
    },
  );

  test.each(["2026.9.0", "2026.9.6", "2026.10.0", "2027.1.1"])(
    "registers its own narrow routes on OpenClaw %s",
    (version) => {
      const { errors, routes, services, commands, hooks } = registered(version);
      expect(errors).toEqual([]);
      const inTable = new Set(table.map(({ path }) => `plugin /api/v1/${path.split("/")[1]}`));
      for (const own of ["agents", "provisioning"]) expect(inTable).toContain(`plugin /api/v1/${own}`);
      expect(routes.sort()).toEqual(
        [...inTable, "plugin /api/v1/openapi.json", "plugin /console", "plugin /metrics", "plugin /proxy"].sort(),
      );
      expect(services).toEqual(["openclaw-provisioning"]);
      expect(commands).toEqual(["provisioning"]);
      expect(hooks).toEqual(lookedAtHooks);
    },
  );

  test("every path of the route table is the plugin's", () => {
    const mine: { path: string; match: string }[] = [];
    registered("2026.9.6", { registerHttpRoute: ({ path, match }) => void mine.push({ path, match }) });
    const isMine = (path: string) =>
      mine.some((one) => path === one.path || (one.match === "prefix" && path.startsWith(`${one.path}/`)));
    expect(table.filter(({ path }) => !isMine(`/api/v1${path}`))).toEqual([]);
    expect(isMine("/api/v1/other")).toBe(false);
  });

  test("where it is only looked at, it has its commands and nothing else", () => {
    const { routes, services, commands } = registered("2026.9.6", { registrationMode: "cli-metadata" });
    expect([routes, services, commands]).toEqual([[], [], ["provisioning"]]);
  });

  test("where an agent's turn has a registry of its own, calls of tools are looked at too", () => {
    for (const registrationMode of ["discovery", "tool-discovery"]) {
      const { hooks, routes } = registered("2026.9.6", { registrationMode });
      expect([hooks, routes]).toEqual([lookedAtHooks, []]);
    }
  });

  describe("what a confined agent says", () => {
    const at = (path: string) => join(stateDir, path);
    const key = "agent:a1:main";
    async function hooksOf(tools: string[] = [], confinement: Confinement = "workspace"): Promise<Hooks> {
      await mkdir(at("agents/a1"), { recursive: true });
      await writeMarker(at("agents/a1"), {
        version: 1,
        operationId: "op_1",
        workspaceMade: true,
        sessionsMade: true,
        bindings: [],
      });
      const entry: AgentEntry = { workspace: at("workspace-a1") };
      holdTools(entry, "a1", { confinement, tools, peers: [] });
      const config: OpenClawConfig = { agents: { entries: { a1: entry, main: {} } } };
      const handlers: Partial<Hooks> = {};
      registered("2026.9.6", {
        runtime: {
          version: "2026.9.6",
          config: { current: () => config, mutateConfigFile: async () => undefined },
          state: { resolveStateDir: () => stateDir },
          agent: {},
        },
        on: (hook, handler) => void Object.assign(handlers, { [hook]: handler }),
      });
      return handlers as Hooks;
    }

    test("has no files from outside of its workspace, wherever it is sent from", async () => {
      const hooks = await hooksOf();
      const file = at("media/outbound/MEMORY---1.md");
      const payload = { text: "see", mediaUrls: [file], attachments: [{ name: "MEMORY.md" }] };
      const answer = (named: string, sessionKey = key) => {
        hooks.before_message_write({ message: { role: "assistant", content: `MEDIA:${named}` } }, { sessionKey });
        return hooks.reply_payload_sending({ payload, sessionKey }, {});
      };
      const bare = { text: "see\n(A file was not sent: it is not one of this workspace.)" };
      expect(answer("MEMORY.md")).toBeUndefined();
      expect(answer(at("workspace/MEMORY.md"))).toEqual({ payload: bare });
      expect(answer(at("workspace/MEMORY.md"), "agent:main:main")).toBeUndefined();
      const sending = (mediaUrl: string, sessionKey = key) =>
        hooks.message_sending({ metadata: { mediaUrls: [mediaUrl] } }, { sessionKey })?.cancel === true;
      expect(sending(at("workspace/MEMORY.md"))).toBe(true);
      expect(sending(at("workspace/MEMORY.md"), "agent:main:main")).toBe(false);
      expect(sending(`${at("media")}/../workspace/MEMORY.md`)).toBe(true);
      for (const own of [at("workspace-a1/MEMORY.md"), "MEMORY.md", file]) expect(sending(own)).toBe(false);
    });

    test("goes to nobody in a turn without a conversation", async () => {
      const hooks = await hooksOf();
      const event = { toolName: "message", params: { action: "send", channel: "telegram", target: "1", message: "x" } };
      const refused = { block: true, blockReason: expect.stringMatching(/no conversation/) };
      expect(hooks.before_tool_call(event, { sessionKey: key })).toEqual(refused);
      expect(hooks.before_tool_call(event, { sessionKey: key, channelId: "telegram:1" })).toBeUndefined();
      expect(hooks.before_tool_call(event, { sessionKey: "agent:main:main" })).toBeUndefined();
    });

    test("runs in the sandbox, whatever its chat has set", async () => {
      const event = { toolName: "exec", params: { command: "id" } };
      const hooks = await hooksOf([], "sandbox");
      const held = { params: { command: "id", host: "sandbox", elevated: false } };
      expect(hooks.before_tool_call(event, { sessionKey: key })).toEqual(held);
      expect(hooks.before_tool_call(event, { sessionKey: "agent:main:main" })).toBeUndefined();
      expect((await hooksOf([], "trusted")).before_tool_call(event, { sessionKey: key })).toBeUndefined();
    });

    test("is spoken for nobody who asks its chat for it, nor is speech switched for other agents", async () => {
      const said = async (content: string, tools: string[] = [], sessionKey = key) =>
        (await hooksOf(tools)).before_dispatch({ content, sessionKey }, {})?.text ?? "carried out";
      for (const command of ["on", "audio hello", "chat on"]) {
        for (const text of [`/tts ${command}`, `/TTS: ${command}`, `/tts@b_bot ${command}`, `@bot /tts ${command}`]) {
          expect(await said(text)).toMatch(/not this agent's/);
          expect(await said(text, [], "agent:main:main")).toBe("carried out");
        }
      }
      for (const text of ["/workboard show 1", "/voice status", "/talkvoice list"])
        expect(await said(text)).toMatch(/not this agent's/);
      // OpenClaw takes away what stands before a command, reads a line's end that is written out, and lowers each letter.
      const before = ["[x]", "[a b/c] ", "Alice Smith:", "\\n", "<@U1>", "@12345", "Bob", "\ufeff"];
      for (const text of [...before.map((one) => `${one}/tts on`), "/tts\\non", "/tts: : on"])
        expect(await said(text), text).toMatch(/not this agent's/);
      for (const text of ["/ voice", "/\nvoice list", "/\\nworkboard", "@bob / voice", "/wor\u212Aboard"])
        expect(await said(text), text).toMatch(/not this agent's/);
      for (const text of ["/tts@b_bot:on", "/tts@b_bot:provider elevenlabs"])
        expect(await said(text, ["tts"]), text).toMatch(/not this agent's/);
      expect(await said("/tts audio hello", ["tts"])).toBe("carried out");
      for (const command of ["on", "ON", "provider elevenlabs", "/workboard show 1", "audio hello /workboard show 1"])
        expect(await said(`/tts ${command}`, ["tts"])).toMatch(/not this agent's/);
      for (const text of ["hello", "/status", "/ttsx on", "the file docs/tts on", "by text / voice or mail"])
        expect(await said(text)).toBe("carried out");
      const begun = performance.now();
      for (const one of ["@", "@a ", "\r", " ", ":", "\\n", "/", "/tts@", "a"])
        expect(await said(one.repeat(100_000))).toBeDefined();
      expect(performance.now() - begun).toBeLessThan(2000);
    });
  });

  test("routes follow the base path of the plugin's configuration, over that of config.json", async () => {
    const config = { gateway: { provisioning: { basePath: "/from/file", maxAgentsPerKey: 7 } } };
    await writeFile(join(stateDir, "config.json"), JSON.stringify(config));
    expect(registered("2026.9.6").routes).toContain("plugin /from/file/agents");
    const { routes } = registered("2026.9.6", { pluginConfig: { basePath: "/from/plugin" } });
    expect(routes).toContain("plugin /from/plugin/agents");
  });

  test.each(["agents", "agent"])(
    "as the half of a control plane (%s), it registers the agents' calls, and the list that says which gateway it is",
    (role) => {
      vi.stubEnv("OPENCLAW_PROVISIONING_ROLE", role);
      const { routes, commands } = registered("2026.9.6");
      expect(routes).toEqual(["plugin /api/v1/agents", "plugin /api/v1/gateways"]);
      expect(commands).toEqual(["provisioning"]);
    },
  );

  test("as the half of a control plane, its commands say where they are", async () => {
    vi.stubEnv("OPENCLAW_PROVISIONING_ROLE", "agents");
    const program = new Command();
    addPluginCommands(program, {});
    const said: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
    const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
    const add = ["provisioning", "ai-providers", "add", "--provider", "anthropic", "--key", "sk-x", "--help"];
    await program.parseAsync(add, { from: "user" });
    expect(said).toEqual([expect.stringMatching(/^error: .*docker exec openclaw-gateway node dist\/index\.js provis/)]);
    expect(exit).toHaveBeenCalledWith(1);
  });

  test("its commands take a secret from a file, and another deployment's address through the proxy", async () => {
    const token = join(stateDir, "token");
    await writeFile(token, "of-another-deployment\n");
    const seen: string[] = [];
    const proxy = createServer().on("connect", ({ url }, socket) => {
      seen.push(String(url));
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    vi.stubEnv("OPENCLAW_GATEWAY_TOKEN", undefined);
    vi.stubEnv("OPENCLAW_GATEWAY_TOKEN_FILE", token);
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const said: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
    vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
    const program = new Command();
    addPluginCommands(program, {});
    const list = ["provisioning", "webhooks", "test", "hook", "--url", "https://elsewhere.example"];
    await program.parseAsync(list, { from: "user" });
    proxy.close();
    expect(seen).toEqual(["elsewhere.example:443"]);
    expect(said.join("")).toMatch(/HTTPS_PROXY names .* refuses the connection \(HTTP 403\)/);
  });

  test("as the half of a control plane, its doctor mends what a gateway that was killed left behind", async () => {
    vi.stubEnv("OPENCLAW_PROVISIONING_ROLE", "agents");
    vi.stubEnv("OPENCLAW_STATE_DIR", stateDir);
    const lock = join(stateDir, "openclaw.json.lock");
    await writeFile(lock, "");
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
    const doctor = async (...more: string[]) => {
      const said: string[] = [];
      const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => said.push(String(text)) > 0);
      const program = new Command();
      addPluginCommands(program, {});
      await program.parseAsync(["provisioning", "doctor", ...more], { from: "user" });
      write.mockRestore();
      return [exit.mock.lastCall![0], said.join("")];
    };
    expect(await doctor()).toEqual([1, expect.stringMatching(/^failed {2}left behind .*lock.* `doctor --fix`/)]);
    expect(await doctor("--fix")).toEqual([0, expect.stringMatching(/^fixed {2}left behind .*lock/)]);
    expect(await doctor()).toEqual([0, "ok  left behind  none\n"]);
  });

  const settings = (pluginConfig?: Record<string, unknown>, env: Record<string, string> = {}) =>
    readPluginSettings({ env, stateDir, port: "28789", gatewayToken: "t", pluginConfig }).settings;

  test("is on unless something says otherwise", async () => {
    expect(settings().provisioning.enabled).toBe(true);
    expect(settings({ enabled: false }).provisioning.enabled).toBe(false);
    expect(settings({}, { OPENCLAW_PROVISIONING_ENABLED: "false" }).provisioning.enabled).toBe(false);
    await writeFile(join(stateDir, "config.json"), '{"gateway":{"provisioning":{"enabled":false}}}');
    expect(settings().provisioning.enabled).toBe(false);
  });

  test("works with the gateway's port, token and agents", () => {
    expect(settings({ allowDelete: true })).toMatchObject({
      gatewayTokens: ["t"],
      provisioning: { publicUrl: "http://127.0.0.1:28789", allowDelete: true, host: { kind: "openclaw" } },
    });
  });

  test("what it does not name in a section is config.json's", async () => {
    const openclaw = { unmetered: ["agents.defaults.compaction.model"], unattended: "off" };
    await writeFile(
      join(stateDir, "config.json"),
      JSON.stringify({ gateway: { provisioning: { host: { openclaw } } } }),
    );
    const { host } = settings({ host: { openclaw: { confinement: "sandbox", unattended: "on" } } }).provisioning;
    expect(host.openclaw).toEqual({ ...openclaw, confinement: "sandbox", unattended: "on" });
  });

  test("names a setting that is wrong", () => {
    expect(() => settings({ maxAgentsPerKey: "many" })).toThrow(
      /plugins\.entries\.openclaw-provisioning\.config.*maxAgentsPerKey/,
    );
  });

  test("finds the port as OpenClaw does", () => {
    const config = { gateway: { port: 1 } };
    expect(gatewayPort(config, { OPENCLAW_GATEWAY_PORT: "2" }, ["gateway", "run", "--port", "3"])).toBe("3");
    expect(gatewayPort(config, { OPENCLAW_GATEWAY_PORT: "2" }, ["--port=4"])).toBe("4");
    expect(gatewayPort(config, { OPENCLAW_GATEWAY_PORT: "2" }, [])).toBe("2");
    expect(gatewayPort(config, {}, [])).toBe("1");
    expect(gatewayPort({}, {}, [])).toBe("18789");
  });

  test("providers follow the proxy when it moves; those of other proxies stay", () => {
    const at = (baseUrl: string) => ({ baseUrl, api: "anthropic-messages", models: [] });
    const providers = {
      "metered-anthropic": at("http://127.0.0.1:1/proxy/anthropic"),
      "metered-gemini": at("http://127.0.0.1:2/proxy/gemini/v1beta"),
      "metered-anthropic-1a2b3c4d": at("https://plane.example.org/proxy/anthropic"),
      "own-anthropic": at("https://api.anthropic.com"),
      theirs: at("http://127.0.0.1:1/proxy/theirs"),
    };
    expect(movedProviders({ models: { providers } }, "http://127.0.0.1:2/proxy")).toEqual({
      "metered-anthropic": "http://127.0.0.1:2/proxy/anthropic",
    });
  });
});
