import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createWorkspacePaths } from "../../adapters/node/directory-host/workspace-paths.ts";
import { makeAgentFiles } from "../../adapters/openclaw/agent-files.ts";
import type { ConfigAccess } from "../../adapters/openclaw/config-access.ts";
import type { ReloadTimes } from "../../adapters/openclaw/config-changes.ts";
import { GatewayAway, GatewayLate, GatewayRefusal } from "../../adapters/openclaw/gateway-rpc.ts";
import { inProcessKeyStore, type KeyStore } from "../../adapters/openclaw/key-store.ts";
import type { AgentEntry } from "../../adapters/openclaw/openclaw-config.ts";
import { createOpenClawHost } from "../../adapters/openclaw/openclaw-host.ts";
import type { ProfileStore } from "../../adapters/openclaw/sdk.ts";
import type { AgentHost, HostAgent, HostCreate } from "../../src/ports.ts";
import { found, refusal, testAgentHost } from "./agent-host.ts";
import { type FakeOpenClaw, makeFakeOpenClaw } from "./fake-openclaw.ts";

const proxyBaseUrl = "http://127.0.0.1:18789/proxy";
const secret = "sk-test-not-a-real-key";
const credential = { provider: "anthropic", apiKey: secret, baseUrl: `${proxyBaseUrl}/anthropic`, metered: true };

const hostOn = (
  openclaw: FakeOpenClaw,
  isPlugin = false,
  fillWorkspace?: (path: string) => Promise<unknown>,
  keys = inProcessKeyStore(openclaw.auth, openclaw.stateDir),
  reloadTimes?: ReloadTimes,
): AgentHost =>
  createOpenClawHost({
    ...openclaw,
    keys,
    proxyBaseUrl,
    openclaw: { confinement: "workspace", unmetered: [] },
    isPlugin,
    fillWorkspace,
    log: () => undefined,
    ...(reloadTimes && { reloadTimes }),
  });

async function underTest(running: boolean) {
  const openclaw = await makeFakeOpenClaw({ running });
  return {
    host: hostOn(openclaw),
    workspace: (name: string) => join(openclaw.stateDir, "workspaces", name),
    disk: {
      read: async (path: string) => await readFile(path, "utf8").catch(() => undefined),
      async write(path: string, text: string) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      },
      exists: async (path: string) => existsSync(path),
    },
    async storedKey(agentId: string, provider: string) {
      const agentDir = join(openclaw.stateDir, "agents", agentId, "agent");
      const store = await openclaw.auth.updateAuthProfileStoreWithLock({
        agentDir,
        stateDir: openclaw.stateDir,
        updater: () => false,
      });
      return store?.profiles[`${provider}:dedicated`]?.key;
    },
    async makeByHand(agentId: string) {
      const agentDir = join(openclaw.stateDir, "agents", agentId, "agent");
      await mkdir(agentDir, { recursive: true });
      await openclaw.config.mutate((draft) => {
        const entry = { name: "Theirs", agentDir, model: { primary: "shared/m", fallbacks: ["shared/n"] } };
        draft.agents = {
          ...draft.agents,
          entries: { ...draft.agents?.entries, [agentId]: { ...entry, skills: ["a"] } },
        };
      }, []);
      await openclaw.config.applied(({ agents }) => agents[agentId] !== undefined);
      await openclaw.auth.updateAuthProfileStoreWithLock({
        agentDir,
        stateDir: openclaw.stateDir,
        updater(store) {
          const profile = { type: "api_key", provider: "shared", key: "sk-test-by-hand-not-a-real-key" };
          store.profiles = { "shared:own": profile, "anthropic:dedicated": { ...profile, provider: "own-anthropic" } };
          store.order = { shared: ["shared:own"], "own-anthropic": ["anthropic:dedicated"] };
          return true;
        },
      });
    },
    async kept(agentId: string) {
      const agentDir = join(openclaw.stateDir, "agents", agentId, "agent");
      const store = await openclaw.auth.updateAuthProfileStoreWithLock({
        agentDir,
        stateDir: openclaw.stateDir,
        updater: () => false,
      });
      const { profiles, order, lastGood = {} } = store!;
      const entry = JSON.stringify(openclaw.file().agents!.entries![agentId]);
      return { entry, profiles, order, lastGood, files: await readdir(join(agentDir, "..")) };
    },
    close: openclaw.close,
  };
}

testAgentHost("openclaw, gateway running", () => underTest(true));
testAgentHost("openclaw, no gateway", () => underTest(false));

describe("the openclaw host", () => {
  let openclaw: FakeOpenClaw;
  let host: AgentHost;

  beforeEach(async () => {
    openclaw = await makeFakeOpenClaw({ running: true });
    host = hostOn(openclaw);
  });
  afterEach(() => openclaw.close());

  let count = 0;
  async function planned(agentId: string, more: Partial<HostCreate> = {}): Promise<HostCreate> {
    const plan = await host.plan({ agentId });
    const basis = { agentId, name: agentId, bindings: [], skipBootstrap: false, awaitReady: true };
    return { ...basis, operationId: `op-${++count}`, ...more, ...plan };
  }
  const entryOf = (agentId: string) => openclaw.file().agents!.entries![agentId]!;

  test("one shared provider without a key, the requested model declared, and no way around the meter", async () => {
    await host.create(await planned("one", { model: "claude-sonnet-3.5", credential }));
    await host.create(await planned("two", { model: "anthropic/claude-haiku", credential }));
    const { providers } = openclaw.file().models!;
    expect(Object.keys(providers!)).toEqual(["metered-anthropic"]);
    expect(providers!["metered-anthropic"]).toMatchObject({
      api: "anthropic-messages",
      baseUrl: `${proxyBaseUrl}/anthropic`,
    });
    expect(providers!["metered-anthropic"]).not.toHaveProperty("apiKey");
    expect(providers!["metered-anthropic"]!.models!.map((model) => model.id)).toEqual([
      "claude-sonnet-3.5",
      "claude-haiku",
    ]);
    expect(entryOf("one")).toMatchObject({
      model: { primary: "metered-anthropic/claude-sonnet-3.5", fallbacks: [] },
      utilityModel: "",
      memory: { search: { provider: "none" } },
    });
  });

  test("without a model the agent gets one of its key's provider", async () => {
    await host.create(await planned("plain", { credential }));
    expect(entryOf("plain").model).toEqual({ primary: "metered-anthropic/claude-sonnet-4-5", fallbacks: [] });
  });

  test.each([
    ["openai", "openai-completions", `${proxyBaseUrl}/openai/v1`, `${proxyBaseUrl}/openai/v1`],
    ["gemini", "google-generative-ai", `${proxyBaseUrl}/gemini`, `${proxyBaseUrl}/gemini/v1beta`],
    ["my-llm", "openai-completions", `${proxyBaseUrl}/my-llm`, `${proxyBaseUrl}/my-llm`],
  ])("declares %s as OpenClaw calls it", async (provider, api, baseUrl, declared) => {
    await host.create(
      await planned("a", { model: "vendor/model-x", credential: { ...credential, provider, baseUrl } }),
    );
    expect(openclaw.file().models!.providers![`metered-${provider}`]).toMatchObject({ api, baseUrl: declared });
    expect(entryOf("a").model).toEqual({ primary: `metered-${provider}/vendor/model-x`, fallbacks: [] });
  });

  test("a key that someone put at our provider is taken out", async () => {
    await host.create(await planned("one", { credential }));
    await openclaw.config.mutate((draft) => {
      draft.models!.providers!["metered-anthropic"]!.apiKey = "shared";
    }, []);
    await host.create(await planned("two", { credential }));
    expect(openclaw.file().models!.providers!["metered-anthropic"]).not.toHaveProperty("apiKey");
  });

  test("creates that arrive together share their writes", async () => {
    const agents = await Promise.all(Array.from({ length: 50 }, (_, at) => planned(`many-${at}`, { credential })));
    const before = openclaw.writes();
    await Promise.all(agents.map((agent) => host.create(agent)));
    expect(openclaw.writes() - before).toBeLessThanOrEqual(5);
    expect((await host.list({ limit: 100 })).agents).toHaveLength(51);
  });

  test("of the state directory only workspace-* and workspaces/* may be workspaces", async () => {
    for (const name of ["extensions/x", "hooks/x", "skills/x", "workspace", "devices", "identity", ".ssh", "state/x"]) {
      const workspace = join(openclaw.stateDir, name);
      await expect(host.plan({ agentId: "a", workspace })).rejects.toEqual(refusal("workspace_not_allowed"));
    }
    const workspace = join(openclaw.stateDir, "workspace-my-agent");
    expect(await host.plan({ agentId: "a", workspace })).toMatchObject({ workspace });
  });

  test("a workspace around or in the gateway's own, or one that OpenClaw gives to an agent, is taken", async () => {
    const root = join(openclaw.home, "projects");
    const withRoot = (more: object = {}) =>
      createOpenClawHost({
        ...openclaw,
        keys: inProcessKeyStore(openclaw.auth, openclaw.stateDir),
        openclaw: { confinement: "workspace", unmetered: [] },
        isPlugin: false,
        log: () => undefined,
        home: openclaw.home,
        workspaceRoots: [root],
        ...more,
      });
    await mkdir(join(root, "real"), { recursive: true });
    await symlink(join(root, "real"), join(openclaw.home, "link"));
    await openclaw.config.mutate((draft) => {
      draft.agents = {
        defaults: { workspace: "~/projects/common" },
        entries: { main: {}, ops: {}, cli: { workspace: "~/link/" }, named: { workspace: ` ${root}/named ` } },
      };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.named !== undefined);
    const taken = ["common", "common/ops", "common/other", "real", "real/a", "Real", "named/x", "named"];
    for (const name of taken) {
      const plan = withRoot().plan({ agentId: "a", workspace: join(root, name) });
      await expect(plan, name).rejects.toEqual(refusal("workspace_taken"));
    }
    await withRoot().plan({ agentId: "a", workspace: join(root, "free") });
    const workspaceDir = join(root, "by-environment", "deep");
    const asked = { agentId: "a", workspace: join(root, "by-environment") };
    await openclaw.config.mutate((draft) => {
      draft.agents = { entries: { ...draft.agents!.entries, later: {} } };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.later !== undefined);
    await withRoot().plan(asked);
    await expect(withRoot({ workspaceDir }).plan(asked)).rejects.toEqual(refusal("workspace_taken"));
  });

  test("an agent whose workspace came to overlap another's goes without it", async () => {
    const outer = await planned("outer");
    await host.create(outer);
    await openclaw.config.mutate((draft) => {
      draft.agents!.entries!.inner = { workspace: join(outer.workspace!, "inner") };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.inner !== undefined);
    expect(await host.remove(outer, { workspace: true, sessions: true })).toMatchObject({ preserved: ["workspace"] });
    expect(existsSync(outer.workspace!)).toBe(true);
  });

  test("one that is refused does not fail those written with it", async () => {
    await host.create(await planned("owner", { bindings: ["telegram:ops"] }));
    const [first, ...others] = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        planned(`w-${at}`, { bindings: [at === 5 ? "telegram:ops" : `slack:${at}`] }),
      ),
    );
    const results = await Promise.allSettled([first!, ...others].map((agent) => host.create(agent)));
    expect(results.map((one) => one.status)).toEqual(results.map((_, at) => (at === 5 ? "rejected" : "fulfilled")));
  });

  test("a write that OpenClaw refuses leaves nothing, and is told without its reason", async () => {
    const agent = await planned("refused", { credential });
    // Once with whatever came with it, once alone.
    openclaw.failNextWrites(2);
    const failure = (await host.create(agent).catch((error: unknown) => error)) as Error;
    expect(failure).toEqual(refusal("host_unavailable"));
    expect(failure.message).not.toContain("/some/path");
    expect(await found(host, "refused")).toBeUndefined();
    expect(existsSync(agent.workspace!)).toBe(false);
    expect(existsSync(join(openclaw.stateDir, "agents", "refused", "sessions"))).toBe(false);
    await host.create(await planned("refused"));
  });

  describe("a configuration file that OpenClaw cannot read for a while", () => {
    const path = () => openclaw.config.file;
    let whole: string;
    let there: HostCreate;
    beforeEach(async () => {
      there = await planned("there", { credential });
      await host.create(there);
      whole = await readFile(path(), "utf8");
    });

    test.each([
      ["broken", async () => await writeFile(path(), whole.slice(0, -2))],
      ["empty", async () => await writeFile(path(), "")],
      ["away", async () => await rm(path())],
    ])("is not written over: %s", async (_, damage) => {
      await damage();
      const damaged = await readFile(path(), "utf8").catch(() => undefined);
      const agent = await planned("next", { credential });
      await expect(host.create(agent)).rejects.toEqual(refusal("host_unavailable"));
      await expect(host.update(there, { name: "Renamed" })).rejects.toEqual(refusal("host_unavailable"));
      expect(await readFile(path(), "utf8").catch(() => undefined)).toBe(damaged);
      expect(existsSync(agent.workspace!)).toBe(false);
      await writeFile(path(), whole);
      await host.create(await planned("next", { credential }));
      expect(Object.keys(openclaw.file().agents!.entries!)).toEqual(["main", "there", "next"]);
    });

    test("is not taken for one without the agent that is to be given back", async () => {
      await openclaw.config.mutate((draft) => {
        draft.agents!.entries!.theirs = { name: "Theirs", model: "shared/m" };
      }, []);
      await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
      const agent = (await found(host, "theirs"))!;
      await host.adopt({ agent, operationId: "adoption", hold: {}, credential });
      whole = await readFile(path(), "utf8");
      await writeFile(path(), whole.slice(0, -2));
      const release = () => host.release({ agentId: "theirs", operationId: "adoption" });
      await expect(release()).rejects.toEqual(refusal("host_unavailable"));
      await writeFile(path(), whole);
      await release();
      expect(entryOf("theirs")).toEqual({ name: "Theirs", model: "shared/m" });
    });
  });

  describe("a workspace that OpenClaw fills", () => {
    const { promise: turn, resolve: goOn } = Promise.withResolvers<void>();
    /** The writes of the configuration that there were by then. */
    let writesBefore: number;
    const filling = () =>
      hostOn(openclaw, false, async (path) => {
        writesBefore = openclaw.writes();
        await turn;
        await writeFile(join(path, "AGENTS.md"), "# Agents");
      });

    test("is filled before the reload, which would hold that up", async () => {
      const agent = await planned("filled");
      const before = openclaw.writes();
      const made = filling().create(agent);
      await expect.poll(() => openclaw.writes()).toBe(before + 1);
      goOn();
      await made;
      expect([writesBefore, existsSync(join(agent.workspace!, "AGENTS.md"))]).toEqual([before, true]);
    });

    test("goes with an agent that is refused, and one that was there stays as it was", async () => {
      goOn();
      const refused = await planned("refused");
      openclaw.failNextWrites(2);
      await expect(filling().create(refused)).rejects.toEqual(refusal("host_unavailable"));
      expect(existsSync(refused.workspace!)).toBe(false);

      const workspace = join(openclaw.stateDir, "workspace-there");
      await mkdir(workspace);
      openclaw.failNextWrites(2);
      const there = { ...(await planned("refused")), workspace };
      await expect(filling().create(there)).rejects.toEqual(refusal("host_unavailable"));
      expect(await readdir(workspace)).toEqual([]);
    });
  });

  test("the implicit default agent is listed, and other agents of OpenClaw", async () => {
    expect((await host.list({ limit: 10 })).agents.map((one) => one.agentId)).toEqual(["main"]);
    await openclaw.config.mutate((draft) => {
      draft.agents = { entries: { main: {}, theirs: { name: "Theirs", model: "openai/gpt-5.1" } } };
      draft.bindings = [{ type: "route", agentId: "theirs", match: { channel: "telegram" } }];
    }, []);
    await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
    expect(await found(host, "theirs")).toMatchObject({
      name: "Theirs",
      model: "openai/gpt-5.1",
      bindings: ["telegram"],
    });
  });

  test("a path below the home is where OpenClaw takes it to be, for what is shown and for the key", async () => {
    const agentDir = join(openclaw.home, ".openclaw", "agents", "elsewhere", "agent");
    const workspace = join(openclaw.home, "notes");
    for (const path of [agentDir, workspace]) await mkdir(path, { recursive: true });
    await openclaw.config.mutate((draft) => {
      const entry = { agentDir: "~/.openclaw/agents/elsewhere/agent", workspace: "~/notes" };
      draft.agents = { entries: { main: {}, homely: entry } };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.homely !== undefined);
    const agent = (await found(host, "homely"))!;
    expect(agent).toMatchObject({ workspace, agentDir });
    await host.adopt({ agent, operationId: "op", hold: {}, credential });
    expect(await host.inspect(agent)).toMatchObject({ workspace: "ok", agentDir: "ok", credentials: "ok" });
    expect(existsSync(join(agentDir, "openclaw-agent.sqlite"))).toBe(true);
  });

  describe("while OpenClaw's reloads fail", () => {
    let agent: HostAgent;
    const key = { ...credential, metered: false, baseUrl: "http://127.0.0.1:1" };
    const late = refusal("gateway_failed");
    const doors = async () =>
      (await host.openDoors!()).filter(({ setting }) => setting === "reload").map(({ agentId }) => agentId);
    const model = async () => (await openclaw.config.read()).agents?.entries?.theirs?.model;
    const makeByHand = async () => {
      await openclaw.config.mutate((draft) => {
        draft.agents = { entries: { main: {}, theirs: { name: "Theirs", model: "shared/m" } } };
      }, []);
      await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
    };

    beforeEach(async () => {
      const times: ReloadTimes = { answerMs: 60, changeMs: 60, reloadMs: 60, nudgeMs: [20, 40] };
      host = hostOn(openclaw, true, undefined, undefined, times);
      await makeByHand();
      agent = (await found(host, "theirs"))!;
      openclaw.failReloads(true);
    });

    test("a key is not said to be the agent's, and is taken up without anybody", async () => {
      await expect(host.setCredential(agent, key)).rejects.toEqual(late);
      expect(await model()).toBe("shared/m");
      expect(await found(host, "theirs")).toMatchObject({ model: "claude-sonnet-4-5" });
      expect(await doors()).toEqual(["theirs"]);
      expect((await host.inspect(agent)).detail).toMatch(/has not taken up what is written/);

      const writes = openclaw.writes();
      const again = host.setCredential(agent, key);
      again.catch(() => undefined);
      await expect.poll(openclaw.writes).toBe(writes + 1);
      expect(await doors()).toEqual(["theirs"]);
      await expect(again).rejects.toEqual(late);
      openclaw.failReloads(false);
      await expect.poll(doors).toEqual([]);
      expect(await model()).toMatchObject({ primary: expect.stringMatching(/^own-anthropic/) });
      await host.setCredential(agent, key);
    });

    test("the same call again waits for what the former has written, and writes no more than it", async () => {
      await expect(host.setCredential(agent, key)).rejects.toEqual(late);
      const entry = JSON.stringify(openclaw.file().agents!.entries!.theirs);
      const again = host.setCredential(agent, key);
      openclaw.failReloads(false);
      await again;
      expect(JSON.stringify(openclaw.file().agents!.entries!.theirs)).toBe(entry);
    });

    test("an adoption is undone, and the agent is as it was", async () => {
      const before = JSON.stringify(openclaw.file().agents!.entries!.theirs);
      const adoption = { agent, operationId: "op", hold: {}, credential };
      await expect(host.adopt(adoption)).rejects.toEqual(late);
      await host.release({ agentId: "theirs", operationId: "op" });
      expect(JSON.stringify(openclaw.file().agents!.entries!.theirs)).toBe(before);
      openclaw.failReloads(false);
      await host.adopt({ ...adoption, operationId: "next" });
      expect(await doors()).toEqual([]);
    });

    test("a change that an earlier process has written is found, and taken up too", async () => {
      openclaw.failReloads(false);
      await host.setCredential(agent, key);
      openclaw.failReloads(true);
      await openclaw.config.mutate((draft) => {
        draft.agents!.entries!.theirs!.name = "Renamed";
      }, []);
      await doors();
      await expect.poll(doors).toEqual(["theirs"]);
      openclaw.failReloads(false);
      await expect.poll(doors).toEqual([]);
      expect(await found(host, "theirs")).toMatchObject({ name: "Renamed" });
    });

    test("an agent that is gone from the file is waited for no more", async () => {
      await expect(host.update(agent, { name: "Renamed" })).rejects.toEqual(late);
      openclaw.failReloads(false);
      await openclaw.config.mutate(
        (draft) => {
          delete draft.agents!.entries!.theirs;
        },
        ["theirs"],
      );
      await expect.poll(doors).toEqual([]);
    });
  });

  describe("an adoption that another has come to meanwhile", () => {
    const next = { ...credential, apiKey: "sk-test-next-not-a-real-key" };
    let agent: HostAgent;
    /** Called where the process that is late puts aside what the agent has, or has given its entry back. */
    let before: (() => Promise<void>) | undefined;
    let late: AgentHost;

    beforeEach(async () => {
      await openclaw.config.mutate((draft) => {
        draft.agents = { entries: { ...draft.agents?.entries, theirs: { name: "Theirs", model: "shared/m" } } };
      }, []);
      await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
      agent = (await found(host, "theirs"))!;
      await mkdir(agentDir(), { recursive: true });
      const own = { type: "api_key", provider: "own", key: "sk-test-by-hand-not-a-real-key" };
      const updater = (store: ProfileStore) => {
        store.profiles = { "anthropic:dedicated": own };
        return true;
      };
      await openclaw.auth.updateAuthProfileStoreWithLock({ agentDir: agentDir(), stateDir: "", updater });
      before = undefined;
      const comes = async () => {
        const meanwhile = before;
        before = undefined;
        await meanwhile?.();
      };
      const keys = inProcessKeyStore(openclaw.auth, openclaw.stateDir);
      const update: KeyStore["update"] = async (at, patch) => {
        if (patch?.copies) await comes();
        return await keys.update(at, patch);
      };
      const mutate: ConfigAccess["mutate"] = async (...change) => {
        await openclaw.config.mutate(...change);
        await comes();
      };
      late = hostOn({ ...openclaw, config: { ...openclaw.config, mutate } }, false, undefined, { ...keys, update });
    });

    const agentDir = () => join(openclaw.stateDir, "agents", "theirs", "agent");
    const adoptAnew = async () => {
      await host.release({ agentId: "theirs", operationId: "late" });
      await host.adopt({ agent, operationId: "next", hold: {}, credential: next });
    };
    async function expectNext() {
      const updater = () => false;
      const store = await openclaw.auth.updateAuthProfileStoreWithLock({ agentDir: agentDir(), stateDir: "", updater });
      expect(store!.profiles["anthropic:dedicated"]).toMatchObject({ key: next.apiKey });
      expect(entryOf("theirs").modelPolicy).toEqual({ allow: ["metered-anthropic/*"] });
      await host.release({ agentId: "theirs", operationId: "next" });
      expect(entryOf("theirs")).toEqual({ name: "Theirs", model: "shared/m" });
    }

    test("takes nothing of that one where it is late", async () => {
      before = adoptAnew;
      const adopted = late.adopt({ agent, operationId: "late", hold: {}, credential });
      await expect(adopted).rejects.toMatchObject({ code: "agent_busy" });
      await late.release({ agentId: "theirs", operationId: "late" });
      await expectNext();
    });

    test("takes nothing of that one where its undoing is late", async () => {
      await host.adopt({ agent, operationId: "late", hold: {}, credential });
      before = adoptAnew;
      await late.release({ agentId: "theirs", operationId: "late" });
      await expectNext();
    });
  });

  test("a configuration that is in another file is told as what keeps an agent from being made", async () => {
    const refusing: ConfigAccess["mutate"] = async () => {
      throw new Error("Config write would flatten $include-owned config at agents; edit that include file directly");
    };
    const onIncluded = hostOn({ ...openclaw, config: { ...openclaw.config, mutate: refusing } });
    await expect(onIncluded.create(await planned("one"))).rejects.toMatchObject({
      code: "host_unavailable",
      message: expect.stringContaining("has by $include"),
    });
  });

  test("an adopted agent's variables are noted and given back by their names, whatever they stand for by then", async () => {
    const { config } = openclaw;
    const variable = `\${VOICE_KEY}`;
    let value = "sk-test-of-a-variable-not-a-real-key";
    const resolved = <T>(one: T): T =>
      JSON.parse(
        JSON.stringify(one)
          .replaceAll(variable, value)
          .replaceAll(`\${THEIR_MODEL}`, "shared/m")
          .replaceAll(`\${STATE_DIR}`, openclaw.stateDir),
      ) as T;
    const onVariables = hostOn({
      ...openclaw,
      config: {
        ...config,
        read: async () => resolved(await config.read()),
        source: async () => resolved(await config.source()),
        authored: config.source,
        mutate: (change, removed) =>
          config.mutate((draft) => {
            const seen = resolved(draft);
            change(seen);
            Object.assign(draft, seen);
          }, removed),
        applied: (satisfied, withinMs) => config.applied((live) => satisfied(resolved(live)), withinMs),
      },
    });
    const place = ["agents", "theirs", "agent"];
    const agentDir = join(openclaw.stateDir, ...place);
    const theirs: AgentEntry = {
      ...{ name: "Theirs", model: `\${THEIR_MODEL}`, tts: { apiKey: variable } },
      agentDir: join(`\${STATE_DIR}`, ...place),
    };
    await config.mutate((draft) => {
      draft.agents = { entries: { ...draft.agents?.entries, theirs } };
    }, []);
    await config.applied(({ agents }) => agents.theirs !== undefined);
    const agent = (await found(onVariables, "theirs"))!;
    await onVariables.adopt({ agent, operationId: "op", hold: {}, credential });
    const marker = await readFile(join(openclaw.stateDir, "agents", "theirs", "provisioning.json"), "utf8");
    expect(marker).not.toContain(value);
    const { model } = entryOf("theirs");
    // Its records are lost.
    const again = { agent, operationId: "another", hold: {} };
    const { apiKey: _, ...key } = credential;
    expect(await onVariables.planAdoption({ ...again, key })).toEqual([]);
    await onVariables.adopt({ ...again, credential });
    expect(entryOf("theirs").model).toEqual(model);
    value = "sk-test-of-another-day-not-a-real-key";
    await onVariables.release({ agentId: "theirs", operationId: "another" });
    expect(entryOf("theirs")).toEqual({ ...theirs, agentDir });
    const database = new DatabaseSync(join(agentDir, "openclaw-agent.sqlite"), { readOnly: true });
    expect(String(database.prepare("SELECT text FROM store").get()!.text)).not.toContain(secret);
    database.close();
  });

  test("the implicit default agent, adopted anew after its records were lost, is given back as it was", async () => {
    const agent = (await found(host, "main"))!;
    const before = openclaw.file().agents;
    await host.adopt({ agent, operationId: "op", hold: {}, credential });
    expect(openclaw.file().agents!.entries).toHaveProperty("main");
    await host.adopt({ agent, operationId: "another", hold: {}, credential });
    await host.release({ agentId: "main", operationId: "another" });
    expect(openclaw.file().agents?.entries ?? {}).toEqual(before?.entries ?? {});
  });

  test("what callers name is no variable of the gateway's, which OpenClaw would put in its place", async () => {
    const name = `pay $5 to \${OPENCLAW_GATEWAY_TOKEN}, $\${A} or \${b}`;
    const written = `pay $5 to $\${OPENCLAW_GATEWAY_TOKEN}, $$\${A} or \${b}`;
    const identity = { name, avatar: `\${HOME}` };
    const agent = await planned("one", { name, identity });
    await host.create(agent);
    expect(entryOf("one")).toMatchObject({ name: written, identity: { name: written, avatar: `$\${HOME}` } });
    await host.update(agent, { name: `\${A}`, identity: { name: `\${B}`, emoji: `\${C}` } });
    expect(entryOf("one")).toMatchObject({
      name: `$\${A}`,
      identity: { name: `$\${B}`, emoji: `$\${C}`, avatar: expect.any(String) },
    });
    const workspace = join(openclaw.stateDir, "workspaces", `\${HOME}`);
    await expect(host.plan({ agentId: "two", workspace })).rejects.toEqual(refusal("workspace_not_allowed"));
  });

  test("an agent that is named after a variable of the gateway's is told of until it is named anew", async () => {
    const agent = await planned("one", { identity: { name: `$\${B}` } });
    await host.create(agent);
    const doors = async () => (await host.openDoors!()).filter(({ agentId }) => agentId !== undefined);
    expect(await doors()).toEqual([]);
    await openclaw.config.mutate((draft) => {
      const entry = draft.agents!.entries!.one!;
      // As release 1.0.0 wrote it.
      entry.name = `\${A_KEY}`;
      entry.identity = { name: `of \${B_KEY}` };
      draft.agents!.entries!.theirs = { name: `\${A_KEY}` };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
    expect(await doors()).toMatchObject([
      { setting: "name", remedy: expect.stringContaining("agents update one --name") },
      { setting: "identity.name", remedy: expect.stringContaining("agents onboard one --identity-name") },
    ]);
    await host.update(agent, { name: `\${A_KEY}`, identity: { name: "One" } });
    expect(await doors()).toEqual([]);
  });

  test("an adopted agent keeps what it was denied, and no model of others is called for it", async () => {
    await openclaw.config.mutate((draft) => {
      const own = { model: "shared/m", tools: { deny: ["browser"] }, sandbox: { mode: "all" } };
      const more = { heartbeat: { every: "1h", model: "shared/m" }, tts: { summaryModel: "shared/m" } };
      draft.agents = { entries: { main: {}, theirs: { ...own, ...more } } };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
    const agent = (await found(host, "theirs"))!;
    const adopted = await host.adopt({ agent, operationId: "op", hold: {}, credential });
    expect(adopted).toMatchObject({ confinement: "trusted", model: "claude-sonnet-4-5" });
    const { tools, sandbox, heartbeat, tts } = entryOf("theirs");
    expect(tools!.deny).toEqual(expect.arrayContaining(["browser", "sessions_send"]));
    expect([sandbox, heartbeat, tts]).toEqual([{ mode: "all" }, { every: "1h" }, {}]);
    await expect
      .poll(async () => (await host.openDoors!()).filter(({ isNotice }) => !isNotice), { timeout: 5_000 })
      .toEqual([]);
    await host.update(agent, { peers: [] });
    expect(entryOf("theirs").tools!.deny).toContain("browser");
  });

  test("a change is answered once the gateway works with the whole entry, whatever it is of", async () => {
    const slow = await makeFakeOpenClaw({ running: true, reloadMs: () => 400 });
    try {
      const on = hostOn(slow, true);
      const before = { model: "shared/m", skills: ["a"], heartbeat: { every: "1h" } };
      await slow.config.mutate((draft) => {
        draft.models = { providers: { shared: { baseUrl: "http://127.0.0.1:9", models: [] } } };
        draft.agents = { entries: { main: {}, theirs: before, other: before } };
      }, []);
      await slow.config.applied(({ agents }) => agents.theirs !== undefined);
      const agent = (await found(on, "theirs"))!;
      const live = async () => (await slow.config.read()).agents!.entries!.theirs;
      const changes = {
        adopt: async () => await on.adopt({ agent, operationId: "op", hold: {}, credential }),
        "a peer": async () => await on.update(agent, { peers: ["other"] }),
        "an emoji": async () => await on.update(agent, { identity: { emoji: "🦞" } }),
        release: async () => await on.release({ ...agent, operationId: "op" }),
      };
      for (const [name, change] of Object.entries(changes)) {
        await change();
        expect(await live(), name).toEqual(slow.file().agents!.entries!.theirs);
      }
      expect(await live()).toEqual(before);
    } finally {
      await slow.close();
    }
  });

  test("an agent of others is not removed", async () => {
    await openclaw.config.mutate((draft) => {
      draft.agents = { entries: { main: {}, theirs: {} } };
    }, []);
    await openclaw.config.applied(({ agents }) => agents.theirs !== undefined);
    const result = await host.remove({ agentId: "theirs", operationId: "op" }, { workspace: true, sessions: true });
    expect(result).toEqual({ deleted: [], preserved: [] });
    expect(openclaw.file().agents!.entries).toHaveProperty("theirs");
  });

  test("a binding without an account is the default account's, and becomes another's on demand", async () => {
    const agent = await planned("bound", { bindings: ["telegram"] });
    await host.create(agent);
    await expect(host.create(await planned("other", { bindings: ["telegram:default"] }))).rejects.toEqual(
      refusal("binding_taken"),
    );
    expect(await host.bind(agent, ["telegram:ops"])).toMatchObject({ added: [], updated: ["telegram:ops"] });
    expect((await found(host, "bound"))!.bindings).toEqual(["telegram:ops"]);
  });

  test("a channel's default account and another one of it are two routes, where both are asked for at once", async () => {
    await host.create(await planned("both", { bindings: ["telegram", "telegram:ops"] }));
    expect((await found(host, "both"))!.bindings).toEqual(["telegram", "telegram:ops"]);
  });

  test.each(["telegram:Ops", "telegram:OPS", "telegram:ops"])(
    "the account %s is one, however it is written",
    async (one) => {
      await host.create(await planned("first", { bindings: ["telegram:ops", "telegram:*"] }));
      await expect(host.create(await planned("second", { bindings: [one] }))).rejects.toEqual(refusal("binding_taken"));
      await host.create(await planned("third", { bindings: ["telegram:ops-", "telegram:opt", "telegram"] }));
      // The route without an account comes first in the file, and would become the account's there.
      await expect(host.bind((await found(host, "third"))!, [one])).rejects.toEqual(refusal("binding_taken"));
    },
  );

  test("a channel is one, however the configuration spells it", async () => {
    await openclaw.config.mutate((draft) => {
      draft.bindings = [{ type: "route", agentId: "main", match: { channel: " Telegram", accountId: "ops" } }];
    }, []);
    await openclaw.config.applied(({ whole }) => whole?.bindings?.length === 1);
    await expect(host.create(await planned("one", { bindings: ["telegram:ops"] }))).rejects.toEqual(
      refusal("binding_taken"),
    );
  });

  describe("an id that somebody else has", () => {
    const theirs = { type: "api_key", provider: "shared", key: "sk-test-by-hand-not-a-real-key" };
    const agentDirOf = (id: string) => join(openclaw.stateDir, "agents", id, "agent");
    async function theirKeys(id: string, store?: ProfileStore["profiles"]) {
      await mkdir(agentDirOf(id), { recursive: true });
      const updater = (there: ProfileStore) => {
        if (store) there.profiles = { ...there.profiles, ...store };
        return store !== undefined;
      };
      const { stateDir } = openclaw;
      return (await openclaw.auth.updateAuthProfileStoreWithLock({ agentDir: agentDirOf(id), stateDir, updater }))!
        .profiles;
    }
    const addByHand = async (name: string, entry: AgentEntry = {}) => {
      await openclaw.config.mutate((draft) => {
        draft.agents = { ...draft.agents, entries: { ...draft.agents?.entries, [name]: entry } };
      }, []);
      await openclaw.config.applied(({ agents }) => agents[name] !== undefined);
    };

    test.each(["Support", "SUPPORT"])("as %s is refused, and loses nothing", async (name) => {
      await addByHand(name, { workspace: join(openclaw.stateDir, "workspaces", "theirs") });
      await theirKeys("support", { "shared:own": theirs });
      await expect(host.create(await planned("support", { credential }))).rejects.toEqual(refusal("agent_exists"));
      expect(await theirKeys("support")).toEqual({ "shared:own": theirs });
    });

    test.each(["support", "Support"])(
      "as %s since a moment keeps its key, its workspace and its files",
      async (name) => {
        const agent = await planned("support", { credential });
        const mutate: ConfigAccess["mutate"] = async (...change) => {
          openclaw.config.mutate = original;
          await addByHand(name, { workspace: agent.workspace });
          await theirKeys("support", { "shared:own": theirs });
          await writeFile(join(agent.workspace!, "theirs.md"), "theirs");
          await original(...change);
        };
        const original = openclaw.config.mutate;
        openclaw.config.mutate = mutate;
        await expect(hostOn(openclaw, true).create(agent)).rejects.toEqual(refusal("agent_exists"));
        expect(await theirKeys("support")).toEqual({ "shared:own": theirs });
        expect(await readFile(join(agent.workspace!, "theirs.md"), "utf8")).toBe("theirs");
        expect(await host.remove(agent, { workspace: true, sessions: true })).toEqual({ deleted: [], preserved: [] });
        expect(entryOf(name)).toEqual({ workspace: agent.workspace });
      },
    );

    test("since a moment, with tools of its own, keeps its entry", async () => {
      const agent = await planned("support", { credential });
      const entry = { workspace: join(openclaw.stateDir, "workspaces", "theirs"), tools: { allow: ["read"] } };
      const original = openclaw.config.mutate;
      openclaw.config.mutate = async (...change) => {
        openclaw.config.mutate = original;
        await addByHand("support", entry);
        await original(...change);
      };
      await expect(hostOn(openclaw, true).create(agent)).rejects.toEqual(refusal("agent_exists"));
      expect(entryOf("support")).toEqual(entry);
    });

    test.each(["support", "Support"])(
      "as %s since a creation was killed loses nothing to its recovery",
      async (name) => {
        const agent = await planned("support");
        const { existing, path } = createWorkspacePaths({ stateDir: openclaw.stateDir }).place(
          "support",
          agent.workspace,
        );
        await makeAgentFiles(join(openclaw.stateDir, "agents", "support"), agent, { existing, path });
        await addByHand(name, { workspace: path, model: "shared/m" });
        await theirKeys("support", { "shared:own": theirs });
        expect(await host.remove(agent, { workspace: true, sessions: true })).toEqual({ deleted: [], preserved: [] });
        expect(entryOf(name)).toEqual({ workspace: path, model: "shared/m" });
        expect([await theirKeys("support"), existsSync(path)]).toEqual([{ "shared:own": theirs }, true]);
      },
    );

    test("since a creation was killed is not what its retry has made", async () => {
      const agent = await planned("support", { credential });
      const place = createWorkspacePaths({ stateDir: openclaw.stateDir }).place("support", agent.workspace);
      await makeAgentFiles(join(openclaw.stateDir, "agents", "support"), agent, place);
      await addByHand("support", { workspace: place.path, model: "shared/m" });
      await expect(host.create(agent)).rejects.toEqual(refusal("agent_exists"));
      expect(entryOf("support")).toEqual({ workspace: place.path, model: "shared/m" });
    });

    test.each<[string, AgentEntry]>([
      ["that release 1.0.0 made", { utilityModel: "", memory: { search: { provider: "none" } } }],
      ["whose memory was given a provider", { utilityModel: "", memory: { search: { provider: "openai" } } }],
      ["that was given a utility model", { utilityModel: "shared/m", memory: { search: { provider: "none" } } }],
      ["that was given both", { utilityModel: "shared/m", tools: { allow: ["read"] } }],
    ])("is not that of our agent %s, which is deleted", async (_, entry) => {
      const agent = await planned("support", { credential });
      await host.create(agent);
      await openclaw.config.mutate((draft) => {
        draft.agents!.entries!.support = { workspace: agent.workspace!, agentDir: agent.agentDir!, ...entry };
      }, []);
      await openclaw.config.applied(({ agents }) => agents.support?.name === undefined);
      const { deleted } = await host.remove(agent, { workspace: true, sessions: true });
      expect(deleted).toEqual(expect.arrayContaining(["entry", "credentials", "workspace"]));
      expect(openclaw.file().agents!.entries).not.toHaveProperty("support");
    });

    test("has none of the keys that our agent had, of whichever providers", async () => {
      const agent = await planned("support", { credential });
      await host.create(agent);
      await host.setCredential(
        agent,
        { ...credential, provider: "openai", baseUrl: `${proxyBaseUrl}/openai` },
        undefined,
      );
      await openclaw.config.mutate((draft) => {
        draft.agents!.entries!.support = { workspace: agent.workspace!, model: "shared/m" };
      }, []);
      await openclaw.config.applied(({ agents }) => agents.support?.utilityModel === undefined);
      await theirKeys("support", { "shared:own": theirs });
      expect(await host.remove(agent, { workspace: true, sessions: true })).toEqual({ deleted: [], preserved: [] });
      expect(await theirKeys("support")).toEqual({ "shared:own": theirs });
    });

    test.each(["", " that was made anew"])(
      "since OpenClaw's own commands deleted the agent%s and made another is not deleted",
      async (anew) => {
        const first = await planned("support");
        await host.create(first);
        const agent = anew ? await planned("support") : first;
        if (anew) await host.remove(first, { workspace: true, sessions: true });
        if (anew) await host.create(agent);
        await openclaw.gateway.request("agents.delete", { agentId: "support" });
        await openclaw.gateway.request("agents.create", { name: "support", workspace: agent.workspace });
        await openclaw.config.applied(({ agents }) => agents.support?.utilityModel === undefined);
        expect(await host.remove(agent, { workspace: true, sessions: true })).toEqual({ deleted: [], preserved: [] });
        expect(openclaw.file().agents!.entries).toHaveProperty("support");
        await expect(host.create(await planned("support"))).rejects.toEqual(refusal("agent_exists"));
      },
    );

    test.each(["keys", "conversations"])("and that left its %s hands them to no new agent", async (what) => {
      await theirKeys("gone", what === "keys" ? { "shared:own": theirs } : {});
      const database = new DatabaseSync(join(agentDirOf("gone"), "openclaw-agent.sqlite"));
      database.exec("CREATE TABLE session_nodes (id TEXT)");
      if (what === "conversations") database.exec("INSERT INTO session_nodes VALUES ('one')");
      database.close();
      await expect(host.create(await planned("gone", { credential }))).rejects.toEqual(refusal("agent_exists"));
      await rm(agentDirOf("gone"), { recursive: true });
      await host.create(await planned("gone", { credential }));
    });

    test.each(["read", "opened"])("and that left a store which cannot be %s is named", async (what) => {
      const store = join(agentDirOf("gone"), "openclaw-agent.sqlite");
      await mkdir(what === "opened" ? store : agentDirOf("gone"), { recursive: true });
      if (what === "read") await writeFile(store, "not a database");
      await expect(host.create(await planned("gone"))).rejects.toEqual(refusal("agent_exists"));
    });
  });

  test.each([false, true])(
    "an agent that the gateway has yet to take up is deleted whole (reloads fail: %s)",
    async (fail) => {
      const slow = await makeFakeOpenClaw({ running: true, reloadMs: () => 200 });
      slow.failReloads(fail);
      try {
        const times: ReloadTimes = { answerMs: 50, changeMs: 50, reloadMs: 400, nudgeMs: [60_000, 60_000] };
        const onSlow = hostOn(slow, true, undefined, undefined, times);
        const bindings = ["telegram:ops"];
        const agent = await planned("one", { credential, bindings, awaitReady: false });
        const there = { ...agent, ...(await onSlow.plan({ agentId: "one" })) };
        await onSlow.create(there);
        // A retry of the same creation.
        expect(await onSlow.create(there)).toMatchObject({ bindings: { added: bindings } });
        const { deleted } = await onSlow.remove(there, { workspace: true, sessions: true });
        expect(deleted).toEqual(expect.arrayContaining(["entry", "bindings", "credentials", "workspace"]));
        expect(slow.file().agents!.entries).not.toHaveProperty("one");
        expect(slow.file().bindings).toEqual([]);
        slow.failReloads(false);
        await onSlow.create({ ...there, operationId: "next" });
      } finally {
        await slow.close();
      }
    },
  );

  describe("an agent made anew, while OpenClaw has yet to take up what it was given", () => {
    let slow: FakeOpenClaw;
    let agent: HostCreate;
    let onSlow: AgentHost;

    beforeEach(async () => {
      let reloadMs = 10;
      slow = await makeFakeOpenClaw({ running: true, reloadMs: () => reloadMs });
      onSlow = hostOn(slow);
      const { request } = slow.gateway;
      slow.gateway.request = async <T>(method: string, params: Record<string, unknown>) => {
        const answer = await request<T>(method, params);
        if (method === "agents.create") reloadMs = 300;
        return answer;
      };
      const plan = await onSlow.plan({ agentId: "again" });
      const basis = { agentId: "again", name: "again", skipBootstrap: false, credential, ...plan };
      const first = { ...basis, bindings: [], operationId: "first", awaitReady: true };
      await onSlow.create(first);
      await onSlow.remove(first, { workspace: true, sessions: true });
      agent = { ...basis, bindings: ["telegram:ops"], operationId: "second", awaitReady: false };
    });
    afterEach(() => slow.close());

    test("is deleted whole", async () => {
      await onSlow.create(agent);
      const { deleted } = await onSlow.remove(agent, { workspace: true, sessions: true });
      expect(deleted).toEqual(expect.arrayContaining(["entry", "bindings", "credentials", "workspace"]));
      expect(slow.file().agents!.entries).not.toHaveProperty("again");
      expect(slow.file().bindings).toEqual([]);
    });

    test("is the one's that has taken it over meanwhile", async () => {
      const made = onSlow.create({ ...agent, awaitReady: true });
      await expect.poll(() => slow.file().agents!.entries!.again?.utilityModel, { interval: 5 }).toBe("");
      const marker = join(slow.stateDir, "agents", "again", "provisioning.json");
      await writeFile(marker, (await readFile(marker, "utf8")).replace('"second"', '"third"'));
      await made;
      expect(JSON.parse(await readFile(marker, "utf8")).operationId).toBe("third");
    });
  });

  test("a workspace that the operator gave an agent of ours since stays where it is", async () => {
    const agent = await planned("moved");
    await host.create(agent);
    const theirs = join(openclaw.stateDir, "workspaces", "theirs");
    await mkdir(theirs, { recursive: true });
    await writeFile(join(theirs, "kept.md"), "kept");
    await openclaw.config.mutate((draft) => {
      draft.agents!.entries!.moved!.workspace = theirs;
    }, []);
    await openclaw.config.applied(({ agents }) => agents.moved?.workspace === theirs);
    await host.remove(agent, { workspace: true, sessions: true });
    expect(await readFile(join(theirs, "kept.md"), "utf8")).toBe("kept");
  });

  test("after removal no file anywhere holds the key, and the trash nothing of the agent", async () => {
    const agent = await planned("gone", { credential });
    await host.create(agent);
    await host.remove(agent, { workspace: true, sessions: true });
    expect(await readdir(openclaw.trashDir)).toEqual([]);
    for (const name of await readdir(openclaw.home, { recursive: true })) {
      const text = await readFile(join(openclaw.home, name), "latin1").catch(() => "");
      expect(text.includes(secret), name).toBe(false);
    }
  });

  test("a gateway that deletes for longer than its answer is waited for takes nothing that is to stay", async () => {
    const agent = await planned("slow", { credential });
    await host.create(agent);
    const kept = join(openclaw.stateDir, "agents", "slow", "sessions", "old.jsonl.zst");
    await writeFile(kept, "what was said");
    const { request } = openclaw.gateway;
    openclaw.gateway.request = async (method, params) => {
      if (method !== "agents.delete") return await request(method, params);
      openclaw.deleteIn(200);
      void request(method, params);
      await sleep(20);
      throw new GatewayLate("agents.delete took longer than 30000 ms");
    };
    const removed = await host.remove(agent, { workspace: true, sessions: false });
    expect(removed).toMatchObject({ deleted: expect.arrayContaining(["entry"]), preserved: ["sessions"] });
    await sleep(300);
    expect(await readFile(kept, "utf8")).toBe("what was said");
    // What is put back leaves its place in the trash, empty.
    const slots = await readdir(openclaw.trashDir);
    for (const slot of slots) expect(await readdir(join(openclaw.trashDir, slot))).toEqual([]);
  });

  test("no write comes while OpenClaw takes up another, also where the gateway itself writes", async () => {
    // The only agent is more than half of the file: its entry is made a small one before the gateway is asked.
    const only = await planned("only", { model: "claude-sonnet-3.5", credential });
    await host.create(only);
    await host.remove(only, { workspace: true, sessions: true });
    expect(openclaw.superseded()).toBe(0);
    const agents = await Promise.all(["one", "two", "three"].map((id) => planned(id, { credential })));
    await Promise.all(agents.map((agent) => host.create(agent)));
    const revived = await planned("only", { credential });
    await Promise.all([
      ...agents.map((agent) => host.remove(agent, { workspace: true, sessions: true })),
      host.create(revived),
      host.create(await planned("four", { credential })),
    ]);
    expect(openclaw.superseded()).toBe(0);
  });

  test("a deleted id is made anew through the gateway, before its key is stored", async () => {
    const agent = await planned("phoenix", { credential });
    await host.create(agent);
    await host.remove(agent, { workspace: true, sessions: true });
    await host.create(await planned("phoenix", { credential, model: "claude-x" }));
    expect(openclaw.calls.map((call) => call.method)).toEqual(["agents.delete", "agents.create", "models.authRefresh"]);
    expect(entryOf("phoenix")).toMatchObject({ utilityModel: "", model: { primary: "metered-anthropic/claude-x" } });
  });

  test("one that was to be made anew, and was refused then, leaves nothing in the gateway either", async () => {
    const agent = await planned("phoenix", { credential });
    await host.create(agent);
    await host.remove(agent, { workspace: true, sessions: true });
    const { request } = openclaw.gateway;
    openclaw.gateway.request = async (method, params) => {
      const answer = await request<never>(method, params);
      if (method === "agents.create") openclaw.failNextWrites(2);
      return answer;
    };
    await expect(host.create(await planned("phoenix", { credential }))).rejects.toEqual(refusal("host_unavailable"));
    expect(openclaw.file().agents!.entries).not.toHaveProperty("phoenix");
    expect(existsSync(agent.workspace!)).toBe(false);
    openclaw.gateway.request = request;
    await host.create(await planned("phoenix", { credential }));
  });

  test("one that the gateway makes anew, and whose answer is lost, leaves nothing there", async () => {
    const first = await planned("phoenix", { credential });
    await host.create(first);
    await host.remove(first, { workspace: true, sessions: true });
    const { request } = openclaw.gateway;
    openclaw.gateway.request = async <T>(method: string, params: Record<string, unknown>) => {
      const answer = await request<T>(method, params);
      if (method === "agents.create") throw new GatewayAway("agents.create took longer than 30000 ms");
      return answer;
    };
    await expect(host.create(await planned("phoenix", { credential }))).rejects.toEqual(refusal("host_unavailable"));
    openclaw.gateway.request = request;
    expect(openclaw.file().agents!.entries).not.toHaveProperty("phoenix");
    await host.create(await planned("phoenix", { credential }));
  });

  describe("one whose write OpenClaw calls a failure, and has done", () => {
    function failAfterWrites(times: number): void {
      const { mutate } = openclaw.config;
      let failures = 0;
      openclaw.config.mutate = async (...change) => {
        await mutate(...change);
        if (++failures <= times) throw new Error("the configuration was written, and could not be read anew");
      };
    }

    test("is made where it is written again", async () => {
      failAfterWrites(1);
      const agent = await planned("written", { credential });
      await host.create(agent);
      expect(await host.inspect(agent)).toMatchObject({ credentials: "ok", workspace: "ok" });
      expect((await host.remove(agent, { workspace: true, sessions: true })).deleted).toContain("entry");
    });

    test("leaves nothing where it is not", async () => {
      failAfterWrites(2);
      const agent = await planned("written", { credential });
      await expect(host.create(agent)).rejects.toEqual(refusal("host_unavailable"));
      expect(openclaw.file().agents!.entries).not.toHaveProperty("written");
      expect(existsSync(agent.workspace!)).toBe(false);
      await host.create(await planned("written", { credential }));
    });
  });

  test("one that somebody else has made anew in that moment loses nothing", async () => {
    const first = await planned("phoenix", { credential });
    await host.create(first);
    await host.remove(first, { workspace: true, sessions: true });
    const agent = await planned("phoenix", { credential });
    const { request } = openclaw.gateway;
    openclaw.gateway.request = async <T>(method: string, params: Record<string, unknown>): Promise<T> => {
      if (method !== "agents.create") return await request<T>(method, params);
      await request(method, params);
      await writeFile(join(agent.workspace!, "theirs.md"), "theirs");
      throw new GatewayRefusal({ code: "INVALID_REQUEST", message: 'agent "phoenix" already exists' });
    };
    await expect(host.create(agent)).rejects.toEqual(refusal("agent_exists"));
    expect(await readFile(join(agent.workspace!, "theirs.md"), "utf8")).toBe("theirs");
    openclaw.gateway.request = request;
    expect(await host.remove(agent, { workspace: true, sessions: true })).toEqual({ deleted: [], preserved: [] });
    expect(openclaw.file().agents!.entries).toHaveProperty("phoenix");
  });

  test("a creation that was killed takes no sessions along that an earlier agent left", async () => {
    const home = join(openclaw.stateDir, "agents", "heir");
    const kept = join(home, "sessions", "old.jsonl.zst");
    const agent = await planned("heir");
    await mkdir(dirname(kept), { recursive: true });
    await writeFile(kept, "what was said");
    const { existing, path } = createWorkspacePaths({ stateDir: openclaw.stateDir }).place("heir", agent.workspace);
    await makeAgentFiles(home, agent, { existing, path });
    const removed = await host.remove(agent, { workspace: true, sessions: true });
    expect(removed).toMatchObject({ preserved: ["sessions"] });
    expect([existsSync(kept), existsSync(agent.workspace!)]).toEqual([true, false]);
  });

  test("a new key is told to the gateway and needs no write", async () => {
    const agent = await planned("rotated", { credential });
    await host.create(agent);
    const before = openclaw.writes();
    await host.setCredential(agent, { ...credential, apiKey: "sk-test-second" });
    expect(openclaw.writes()).toBe(before);
    expect(openclaw.calls).toEqual([
      { method: "models.authRefresh", params: { operation: "update", agentId: "rotated" } },
    ]);
  });

  test("an agent that gets its key later is put on the meter then", async () => {
    const agent = await planned("late", { model: "claude-sonnet-3.5" });
    await host.create(agent);
    expect(entryOf("late").model).toEqual({ primary: "unassigned/claude-sonnet-3.5", fallbacks: [] });
    await host.setCredential(agent, credential);
    expect(entryOf("late").model).toEqual({ primary: "metered-anthropic/claude-sonnet-3.5", fallbacks: [] });
    await host.update(agent, { model: "claude-next" });
    expect(entryOf("late").model).toEqual({ primary: "metered-anthropic/claude-next", fallbacks: [] });
    expect((await found(host, "late"))!.model).toBe("claude-next");
  });

  test("an agent gets its key while the reload that brings it still runs, and the reload's time is told", async () => {
    const slow = await makeFakeOpenClaw({ running: true, reloadMs: () => 1_000 });
    try {
      const on = hostOn(slow);
      const agent = { agentId: "fresh", name: "fresh", bindings: [], skipBootstrap: true, awaitReady: false };
      expect(on.lastReload!()).toBeUndefined();
      await on.create({ ...agent, operationId: "op-slow", ...(await on.plan({ agentId: "fresh" })) });
      expect((await on.find("fresh")).agents).toEqual([]);
      await on.setCredential(agent, credential);
      expect(slow.file().agents!.entries!.fresh!.model).toMatchObject({
        primary: expect.stringMatching(/^metered-anthropic\//),
      });
      expect(on.lastReload!()!.ms).toBeGreaterThanOrEqual(1_000);
      expect(slow.superseded()).toBe(0);
    } finally {
      await slow.close();
    }
  });

  test("an agent's key is taken away while the reload that brings the agent still runs", async () => {
    const slow = await makeFakeOpenClaw({ running: true, reloadMs: () => 1_000 });
    try {
      const on = hostOn(slow);
      const agent = { agentId: "fresh", name: "fresh", bindings: [], skipBootstrap: true, awaitReady: false };
      const plan = await on.plan({ agentId: "fresh" });
      await on.create({ ...agent, model: "claude-sonnet-3.5", operationId: "op-slow", credential, ...plan });
      expect((await on.find("fresh")).agents).toEqual([]);
      expect(await on.inspect(agent)).toMatchObject({ starting: true, workspace: "missing" });
      await on.dropCredential(agent, "anthropic");
      const { profiles } = (await slow.auth.updateAuthProfileStoreWithLock({
        agentDir: join(slow.stateDir, "agents", "fresh", "agent"),
        stateDir: slow.stateDir,
        updater: () => false,
      }))!;
      expect(profiles).toEqual({});
      const { starting, ...health } = await on.inspect(agent);
      expect([starting, health.workspace]).toEqual([undefined, "ok"]);
      expect(slow.file().agents!.entries!.fresh!.model).toMatchObject({ primary: "unassigned/claude-sonnet-3.5" });
    } finally {
      await slow.close();
    }
  });

  test("a key that is taken away leaves no model that another key would be called with, whatever its name", async () => {
    const agent = await planned("routed", {
      model: "anthropic/claude-sonnet-4.5",
      credential: { ...credential, provider: "openrouter", baseUrl: `${proxyBaseUrl}/openrouter` },
    });
    await host.create(agent);
    const { model } = entryOf("routed");
    await host.dropCredential(agent, "openrouter");
    expect(entryOf("routed").model).toEqual({ primary: "unassigned/anthropic/claude-sonnet-4.5", fallbacks: [] });
    expect((await found(host, "routed"))!.model).toBe("anthropic/claude-sonnet-4.5");
    await host.setCredential(agent, agent.credential!);
    expect(entryOf("routed").model).toEqual(model);
  });

  test("confining an agent closes each door that its entry has", async () => {
    const agent = await planned("open", { credential });
    await host.create(agent);
    await openclaw.config.mutate((draft) => {
      const entry = draft.agents!.entries!.open!;
      entry.heartbeat = { every: "1h", model: "shared/m" };
      entry.tts = { summaryModel: "shared/m" };
      entry.model = "shared/m";
    }, []);
    const doors = async () => (await host.openDoors!()).flatMap(({ agentId, setting }) => (agentId ? [setting] : []));
    await expect.poll(doors).toEqual(["model", "heartbeat.model", "tts.summaryModel", "tts"]);
    await host.update(agent, { confinement: "workspace" });
    expect(await doors()).toEqual([]);
    const silent = { auto: "off", prefsPath: expect.stringMatching(/tts\.json$/), maxTextLength: 1 };
    expect([entryOf("open").heartbeat, entryOf("open").tts]).toEqual([{ every: "1h" }, silent]);
  });

  test("a key beside a model of another provider leaves the model, until one is asked for", async () => {
    const agent = await planned("second", { credential });
    await host.create(agent);
    const openai = { provider: "openai", apiKey: "sk-test-second", metered: false };
    await host.setCredential(agent, openai);
    expect(entryOf("second").model).toMatchObject({ primary: "metered-anthropic/claude-sonnet-4-5" });
    await host.update(agent, { model: "gpt-5.1" });
    expect(entryOf("second").model).toEqual({ primary: "own-openai/gpt-5.1", fallbacks: [] });
    expect(openclaw.file().models!.providers!["own-openai"]).toMatchObject({
      baseUrl: "https://api.openai.com/v1",
      models: [{ id: "gpt-5.1" }],
    });
  });

  test("a model for which OpenClaw may load a plugin is not waited for: the plugin would wait for the call", async () => {
    const made = await host.create(await planned("shared", { model: "anthropic/claude-sonnet-4-5" }));
    expect(made.starting).toBe(true);
    expect(entryOf("shared").model).toEqual({ primary: "anthropic/claude-sonnet-4-5", fallbacks: [] });
  });

  const longAgo = new Date(Date.now() - 31_000);
  const almostLongAgo = () => new Date(Date.now() - 29_700);

  test.each([
    ["an empty lock", ".lock", "rm", (path: string) => writeFile(path, "")],
    ["a guard of a stale lock", ".lock.reclaim", "rmdir", (path: string) => mkdir(path)],
  ])(
    "%s that was left behind is named and mended, and a fresh one is waited for",
    async (_, ending, command, leave) => {
      const path = join(openclaw.stateDir, `openclaw.json${ending}`);
      await leave(path);
      await host.create(await planned("fresh"));
      const beside = host.leftBehind!();
      await rm(path, { recursive: true });
      expect(await beside).toEqual([]);
      await leave(path);
      await utimes(path, almostLongAgo(), almostLongAgo());
      expect(await host.leftBehind!()).toHaveLength(1);
      const message = expect.stringContaining(`Remove it: ${command} '${path}'`);
      const source = () => Promise.reject(new Error("the lock is held"));
      const locked = hostOn({ ...openclaw, config: { ...openclaw.config, source } });
      await expect(locked.create(await planned("late"))).rejects.toMatchObject({ code: "host_unavailable", message });
      expect(existsSync(join(openclaw.stateDir, "agents", "late", "provisioning.json"))).toBe(false);
      const found = await host.leftBehind!();
      expect(found).toMatchObject([
        { detail: expect.stringContaining(path), remedy: expect.stringContaining("--fix") },
      ]);
      found[0]!.mend();
      await host.create(await planned("late"));
    },
  );

  test("a lock that names its owner is OpenClaw's to judge", async () => {
    const path = join(openclaw.stateDir, "openclaw.json.lock");
    await writeFile(path, JSON.stringify({ pid: 1 }));
    await utimes(path, longAgo, longAgo);
    await host.create(await planned("owned"));
    expect(await host.leftBehind!()).toEqual([]);
  });

  test("an agent's database with nothing in it is moved away, and no other", async () => {
    const open: DatabaseSync[] = [];
    const databaseOf = async (agentId: string, schema: string) => {
      const path = join(openclaw.stateDir, "agents", agentId, "agent", "openclaw-agent.sqlite");
      await mkdir(dirname(path), { recursive: true });
      const database = new DatabaseSync(path);
      database.exec(`PRAGMA journal_mode = WAL; ${schema}`);
      // SQLite keeps a young database in the log beside it.
      expect(statSync(path).size).toBe(4_096);
      open.push(database);
      return path;
    };
    const empty = await databaseOf("empty", "BEGIN; CREATE TABLE schema_meta (meta_key TEXT)");
    const used = await databaseOf("used", "CREATE TABLE schema_meta (meta_key TEXT)");
    const beside = host.leftBehind!();
    await utimes(used, longAgo, longAgo);
    open[0]!.exec("COMMIT");
    expect(await beside).toEqual([]);
    open[0]!.exec("DROP TABLE schema_meta; BEGIN; CREATE TABLE schema_meta (meta_key TEXT)");
    await utimes(empty, almostLongAgo(), almostLongAgo());
    const found = await host.leftBehind!();
    expect(found).toMatchObject([{ detail: expect.stringContaining(empty) }]);
    found[0]!.mend();
    expect([existsSync(empty), existsSync(`${empty}.half-made`), existsSync(used)]).toEqual([false, true, true]);
    await writeFile(empty, "no database");
    await utimes(empty, longAgo, longAgo);
    await writeFile(join(openclaw.stateDir, "agents", ".DS_Store"), "no agent");
    expect(await host.leftBehind!()).toEqual([]);
    for (const database of open) database.close();
  });

  test("a key at another address does not move the agents of the first", async () => {
    await host.create(await planned("here", { credential }));
    await host.create(
      await planned("there", { credential: { ...credential, baseUrl: "https://plane.example.org/proxy/anthropic" } }),
    );
    const { providers } = openclaw.file().models!;
    expect(providers!["metered-anthropic"]!.baseUrl).toBe(`${proxyBaseUrl}/anthropic`);
    expect(Object.keys(providers!)).toHaveLength(2);
  });
});
