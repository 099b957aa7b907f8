import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openDirectoryHost } from "../../../adapters/node/directory-host/directory-host.ts";
import type { HostCreate } from "../../../src/ports.ts";
import { found, refusal } from "../../conformance/agent-host.ts";

let home: string;
let stateDir: string;
let host: ReturnType<typeof openDirectoryHost>;

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "directory-host-")));
  stateDir = join(home, ".openclaw");
  host = openDirectoryHost({ stateDir, home, clock: { now: () => Date.UTC(2026, 10, 22, 18) } });
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(home, { recursive: true, force: true });
});

const agent = (more: Partial<HostCreate> = {}): HostCreate => ({
  agentId: "my-agent",
  name: "My Agent",
  bindings: [],
  skipBootstrap: false,
  awaitReady: true,
  operationId: "op-1",
  ...more,
});
const credential = { provider: "anthropic", apiKey: "sk-test-not-a-real-key", metered: true };
const everything = { workspace: true, sessions: true };
const at = (...path: string[]) => join(stateDir, ...path);
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const homes = () => readdirSync(at("agents")).filter((name) => !name.startsWith("."));
const bootstrap = ["AGENTS.md", "BOOTSTRAP.md", "IDENTITY.md", "SOUL.md", "USER.md"];

test("the layout, its modes and its contents", async () => {
  const identity = { name: "Ada", emoji: "*", avatar: "https://example.com/ada.png" };
  const made = await host.create(
    agent({
      model: "claude-sonnet-3.5",
      bindings: ["telegram:*"],
      identity,
      credential: { ...credential, baseUrl: "http://127.0.0.1:1/p" },
    }),
  );
  expect(made).toEqual({
    workspaceCreated: true,
    profileId: "anthropic:dedicated",
    bindings: { added: ["telegram:*"], updated: [], skipped: [], conflicts: [] },
  });
  for (const directory of [
    "",
    "agents",
    "agents/my-agent",
    "agents/my-agent/agent",
    "agents/my-agent/sessions",
    "workspace-my-agent",
  ]) {
    expect([directory, mode(at(directory))]).toEqual([directory, "700"]);
  }
  const files = [
    "agents/my-agent/agent.json",
    "agents/my-agent/agent/auth-profiles.json",
    ...bootstrap.map((one) => `workspace-my-agent/${one}`),
  ];
  for (const file of files) expect([file, mode(at(file))]).toEqual([file, "600"]);

  expect(JSON.parse(readFileSync(at("agents/my-agent/agent/auth-profiles.json"), "utf8"))).toEqual({
    version: 1,
    profiles: {
      "anthropic:dedicated": {
        type: "api_key",
        provider: "anthropic",
        key: credential.apiKey,
        baseUrl: "http://127.0.0.1:1/p",
      },
    },
    order: { anthropic: ["anthropic:dedicated"] },
  });
  expect(JSON.parse(readFileSync(at("agents/my-agent/agent.json"), "utf8"))).toEqual({
    version: 1,
    agentId: "my-agent",
    name: "My Agent",
    workspace: "workspace-my-agent",
    model: "claude-sonnet-3.5",
    identity,
    bindings: ["telegram:*"],
    createdAt: "2026-11-22T18:00:00.000Z",
    made: { operationId: "op-1", workspace: true, from: "workspace-my-agent", files: [], sessions: true },
  });
  expect(readdirSync(at("agents/my-agent")).sort()).toEqual(["agent", "agent.json", "sessions"]);
  expect(readdirSync(at("workspace-my-agent")).sort()).toEqual(bootstrap);
  expect(readFileSync(at("workspace-my-agent/IDENTITY.md"), "utf8")).toContain(
    "- Name: Ada\n- Emoji: *\n- Avatar: https://example.com/ada.png\n",
  );
});

test("skipBootstrap leaves the workspace empty", async () => {
  await host.create(agent({ skipBootstrap: true }));
  expect(readdirSync(at("workspace-my-agent"))).toEqual([]);
});

test("a changed identity reaches IDENTITY.md, unless the agent has made it its own", async () => {
  await host.create(agent());
  const file = at("workspace-my-agent/IDENTITY.md");
  await host.update(agent(), { identity: { name: "Ada" } });
  expect(readFileSync(file, "utf8")).toContain("- Name: Ada");
  expect(mode(file)).toBe("600");
  writeFileSync(file, "I am myself");
  await host.update(agent(), { identity: { name: "Bob" } });
  expect(readFileSync(file, "utf8")).toBe("I am myself");
});

test("a changed identity is not written through a link", async () => {
  await host.create(agent());
  const file = at("workspace-my-agent/IDENTITY.md");
  renameSync(file, join(home, "moved.md"));
  symlinkSync(join(home, "moved.md"), file);
  await host.update(agent(), { identity: { name: "Ada" } });
  expect(readFileSync(join(home, "moved.md"), "utf8")).toContain("- Name: My Agent");
});

test("bootstrap files do not follow links in a workspace that was there", async () => {
  mkdirSync(at("workspace-theirs"), { recursive: true });
  writeFileSync(join(home, "precious"), "precious");
  symlinkSync(join(home, "precious"), at("workspace-theirs/AGENTS.md"));
  symlinkSync(join(home, "absent"), at("workspace-theirs/SOUL.md"));
  await host.create(agent({ workspace: at("workspace-theirs") }));
  expect(readFileSync(join(home, "precious"), "utf8")).toBe("precious");
  expect(existsSync(join(home, "absent"))).toBe(false);
});

test("of a workspace that was there only the bootstrap files go, and only where the agent did not change them", async () => {
  mkdirSync(at("workspace-theirs"), { recursive: true });
  writeFileSync(at("workspace-theirs/SOUL.md"), "theirs");
  const guest = agent({ workspace: at("workspace-theirs") });
  await host.create(guest);
  writeFileSync(at("workspace-theirs/USER.md"), "what I learned");
  expect(await host.remove(guest, everything)).toMatchObject({ preserved: ["workspace"] });
  expect(readdirSync(at("workspace-theirs")).sort()).toEqual(["SOUL.md", "USER.md"]);

  await host.create(guest);
  await host.remove(guest, { workspace: false, sessions: true });
  expect(readdirSync(at("workspace-theirs")).sort()).toEqual(bootstrap);
});

test("agents that others made are listed and found, whatever they hold", async () => {
  mkdirSync(at("agents/hand-made"));
  mkdirSync(at("agents/main/agent"), { recursive: true });
  mkdirSync(at("agents/Not An Id"));
  writeFileSync(at("agents/file"), "");
  await host.create(agent());
  const { agents } = await host.list({ limit: 10 });
  expect(agents.map((one) => one.agentId)).toEqual(["hand-made", "main", "my-agent"]);
  expect(agents[0]).toEqual({
    agentId: "hand-made",
    name: "hand-made",
    agentDir: at("agents/hand-made/agent"),
    bindings: [],
  });
  expect(await found(host, "hand-made")).toEqual(agents[0]);
});

test("an agent that others made is neither overwritten nor changed", async () => {
  mkdirSync(at("agents/my-agent/agent"), { recursive: true });
  await expect(host.create(agent())).rejects.toEqual(refusal("agent_exists"));
  await host.remove(agent(), everything);
  expect(existsSync(at("agents/my-agent/agent"))).toBe(true);
  expect(existsSync(at("workspace-my-agent"))).toBe(false);
  await expect(host.update(agent(), { name: "x" })).rejects.toEqual(refusal("agent_not_managed"));
});

test("an agent that others made goes where no operation is named, but for its sessions and workspace", async () => {
  mkdirSync(at("agents/my-agent/agent"), { recursive: true });
  mkdirSync(at("agents/my-agent/sessions"));
  mkdirSync(at("workspace-my-agent"));
  expect(await host.remove({ agentId: "my-agent", operationId: "" }, { workspace: true, sessions: false })).toEqual({
    deleted: ["entry", "agentDir"],
    preserved: ["sessions"],
  });
  expect(await found(host, "my-agent")).toBeUndefined();
  expect(existsSync(at("workspace-my-agent"))).toBe(true);
});

test("an entry that does not parse hides no agent, and is named where it matters", async () => {
  await host.create(agent());
  writeFileSync(at("agents/my-agent/agent.json"), "{");
  expect((await host.list({ limit: 10 })).agents.map((one) => one.agentId)).toEqual(["my-agent"]);
  expect((await host.inspect(agent())).detail).toContain("agents/my-agent/agent.json");
  await expect(host.bind(agent(), ["slack"])).rejects.toEqual(refusal("store_unreadable"));
  await expect(host.remove(agent(), everything)).rejects.toEqual(refusal("store_unreadable"));
  expect(readFileSync(at("agents/my-agent/agent.json"), "utf8")).toBe("{");
});

test("credentials that are damaged, or open to others, are seen", async () => {
  await host.create(agent({ credential }));
  const file = at("agents/my-agent/agent/auth-profiles.json");
  chmodSync(file, 0o644);
  expect(await host.inspect(agent())).toMatchObject({
    credentials: "unknown",
    detail: expect.stringContaining("open to others"),
  });
  chmodSync(file, 0o600);
  writeFileSync(file, `{"key":"${credential.apiKey}`);
  const health = await host.inspect(agent());
  expect(health.credentials).toBe("unknown");
  expect(JSON.stringify(health)).not.toContain(credential.apiKey);
  const error = await host.setCredential(agent(), credential).catch((one: unknown) => one);
  expect(error).toEqual(refusal("store_unreadable"));
  expect((error as Error).cause).toBeUndefined();
});

test("a store of credentials keeps what others put into it", async () => {
  await host.create(agent());
  const file = at("agents/my-agent/agent/auth-profiles.json");
  const theirs = { type: "oauth", provider: "other", access: "x" };
  writeFileSync(
    file,
    JSON.stringify({ version: 1, profiles: { "other:me": theirs }, lastGood: { other: "other:me" } }),
  );
  await host.setCredential(agent(), credential);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    profiles: { "other:me": theirs, "anthropic:dedicated": { key: credential.apiKey } },
    lastGood: { other: "other:me" },
    order: { anthropic: ["anthropic:dedicated"] },
  });
  expect(mode(file)).toBe("600");
});

test("directories made on the way to a workspace go with it, unless something else is in them", async () => {
  await host.create(agent({ workspace: at("workspaces/team/a/deep") }));
  await host.remove(agent(), everything);
  expect(existsSync(at("workspaces/team"))).toBe(false);

  await host.create(agent({ workspace: at("workspaces/team/a/deep") }));
  writeFileSync(at("workspaces/team/note"), "");
  await host.remove(agent(), everything);
  expect(readdirSync(at("workspaces/team"))).toEqual(["note"]);
});

/** Makes an agent whose workspace overlaps another's, as a release before this one would have. */
async function createOverlapping(inner: HostCreate, by = host): Promise<void> {
  const elsewhere = at(`workspaces/elsewhere-${inner.operationId}`);
  await by.create({ ...inner, workspace: elsewhere });
  const entry = at(`agents/${inner.agentId}/agent.json`);
  const { made, ...rest } = JSON.parse(readFileSync(entry, "utf8"));
  const there = existsSync(inner.workspace!);
  const moved = {
    ...made,
    workspace: !there,
    ...(there ? {} : { from: inner.workspace }),
    files: there ? bootstrap : [],
  };
  writeFileSync(entry, JSON.stringify({ ...rest, workspace: inner.workspace, made: moved }));
  if (!there) mkdirSync(join(inner.workspace!, ".."), { recursive: true });
  if (there) rmSync(elsewhere, { recursive: true });
  else renameSync(elsewhere, inner.workspace!);
}

test("a workspace in which another agent's lies is preserved", async () => {
  await host.create(agent({ workspace: at("workspaces/team") }));
  await createOverlapping(agent({ agentId: "inner", operationId: "op-2", workspace: at("workspaces/team/inner") }));
  expect((await host.remove(agent(), everything)).preserved).toEqual(["workspace"]);
  expect(existsSync(at("workspaces/team/inner/AGENTS.md"))).toBe(true);
});

test.each(["one process", "two processes"])(
  "a workspace that is made inside of one being removed is there when its creation says so: %s",
  async (where) => {
    const maker = where === "one process" ? host : openDirectoryHost({ stateDir, home });
    const seen = { removed: 0, preserved: 0 };
    for (let round = 0; round < 48; round++) {
      const outer = agent({ operationId: `outer-${round}`, workspace: at("workspaces/team") });
      const inner = agent({
        agentId: "inner",
        operationId: `inner-${round}`,
        workspace: at("workspaces/team/a/inner"),
      });
      await host.create(outer);
      const removal = host.remove(outer, everything);
      // Until then the workspace is the other's.
      while (existsSync(at("agents/my-agent/agent.json"))) await new Promise((resolve) => setImmediate(resolve));
      if (round % 6 > 0) await new Promise((resolve) => setTimeout(resolve, (round % 6) * 3 - 3));
      const creation = maker.create(inner);
      const [removed] = await Promise.all([removal, creation]);
      expect([round, existsSync(at("workspaces/team/a/inner/AGENTS.md"))]).toEqual([round, true]);
      seen[removed.deleted.includes("workspace") ? "removed" : "preserved"]++;
      await host.remove(inner, everything);
      rmSync(at("workspaces/team"), { recursive: true, force: true });
    }
    expect(seen.removed).toBeGreaterThan(0);
    expect(seen.preserved).toBeGreaterThan(0);
  },
  30_000,
);

test("a workspace that another process has made inside is seen, however short or long ago", async () => {
  const other = openDirectoryHost({ stateDir, home });
  await host.create(agent({ workspace: at("workspaces/team") }));
  const inner = agent({ agentId: "inner", operationId: "op-2" });
  await other.create(inner);
  // The host remembers the agents from here on, if it remembers anything of them.
  await host.create(agent({ agentId: "third", operationId: "op-3", bindings: ["slack"] }));
  await other.remove(inner, everything);
  await createOverlapping({ ...inner, operationId: "op-4", workspace: at("workspaces/team/inner") }, other);
  expect((await host.remove(agent(), everything)).preserved).toEqual(["workspace"]);
  expect(existsSync(at("workspaces/team/inner/AGENTS.md"))).toBe(true);
});

test("a workspace inside is seen also while its agent is half made, and where its entry is damaged", async () => {
  const inner = agent({ agentId: "inner", operationId: "op-2", workspace: at("workspaces/team/inner") });
  for (const spoil of [
    () => renameSync(at("agents/inner/agent.json"), at("agents/inner/agent.pending.json")),
    () => writeFileSync(at("agents/inner/agent.json"), `{"workspace": "${at("workspaces/team/inner")}"`),
  ]) {
    await host.create(agent({ workspace: at("workspaces/team") }));
    await createOverlapping(inner);
    spoil();
    expect((await host.remove(agent(), everything)).preserved).toEqual(["workspace"]);
    expect(existsSync(at("workspaces/team/inner/AGENTS.md"))).toBe(true);
    for (const path of ["agents/inner", "workspaces/team"]) rmSync(at(path), { recursive: true });
  }
});

test("an agent that others made holds its default workspace", async () => {
  mkdirSync(at("agents/hand-made/agent"), { recursive: true });
  for (const workspace of ["workspace-hand-made", "workspace-hand-made/a", "workspace-Hand-Made"]) {
    await expect(host.create(agent({ workspace: at(workspace) }))).rejects.toEqual(refusal("workspace_taken"));
  }
  await host.create(agent());
});

test("a workspace is another agent's also while nothing of it is on the disk, or it is half made", async () => {
  await host.create(agent({ agentId: "inner", operationId: "op-2", workspace: at("workspace-team/inner") }));
  rmSync(at("workspace-team"), { recursive: true });
  const outer = agent({ workspace: at("workspace-team") });
  for (const by of [host, openDirectoryHost({ stateDir, home })]) {
    await expect(by.create(outer)).rejects.toEqual(refusal("workspace_taken"));
    expect(existsSync(at("workspace-team"))).toBe(false);
    expect(await found(by, "my-agent")).toBeUndefined();
  }
  renameSync(at("agents/inner/agent.json"), at("agents/inner/agent.pending.json"));
  mkdirSync(at("workspace-team/inner"), { recursive: true });
  await expect(openDirectoryHost({ stateDir, home }).create(outer)).rejects.toEqual(refusal("workspace_taken"));
  expect(existsSync(at("workspace-team/inner"))).toBe(true);
});

test("of overlapping workspaces asked for at one time by several processes one is made", async () => {
  const names = ["workspace-w", "workspace-w/a", "workspace-w/a/b", "workspace-w", "workspace-W/A"];
  const hosts = names.map(() => openDirectoryHost({ stateDir, home }));
  const winners = new Set<number>();
  for (let round = 0; round < 24; round++) {
    const wanting = names.map((name, at_) =>
      agent({ agentId: `w-${at_}`, operationId: `op-${round}-${at_}`, workspace: at(name) }),
    );
    const order = wanting.map((_, at_) => (at_ + round) % names.length);
    const results = await Promise.allSettled(order.map((at_) => hosts[at_]!.create(wanting[at_]!)));
    const made = order.filter((_, at_) => results[at_]!.status === "fulfilled");
    const overlapping = made.filter((one) => !(names[one] === "workspace-W/A" && made.length > 1));
    expect([round, overlapping.length]).toEqual([round, 1]);
    for (const one of results) if (one.status === "rejected") expect(one.reason).toEqual(refusal("workspace_taken"));
    for (const one of made) {
      winners.add(one);
      expect(existsSync(join(at(names[one]!), "AGENTS.md"))).toBe(true);
      await hosts[one]!.remove(wanting[one]!, everything);
    }
    expect(readdirSync(stateDir).filter((name) => /^workspace-/i.test(name))).toEqual([]);
  }
  expect(winners.size).toBeGreaterThan(1);
});

test("a workspace that two agents came to share goes with neither", async () => {
  const second = agent({ agentId: "second", operationId: "op-2", workspace: at("workspaces/team") });
  await host.create(agent({ workspace: at("workspaces/team") }));
  await createOverlapping(second);
  expect((await host.remove(agent(), everything)).preserved).toEqual(["workspace"]);
  expect(readdirSync(at("workspaces/team")).sort()).toEqual(bootstrap);
  expect((await host.remove(second, everything)).preserved).toEqual(["workspace"]);
});

test.each(["symlink", "file", "under a link"])("a workspace that has become a %s is not removed", async (what) => {
  await host.create(agent({ workspace: at("workspaces/team/a") }));
  mkdirSync(join(home, "precious", "a"), { recursive: true });
  writeFileSync(join(home, "precious", "a", "file"), "");
  const replaced = what === "under a link" ? at("workspaces/team") : at("workspaces/team/a");
  renameSync(replaced, join(home, "moved"));
  if (what === "file") writeFileSync(replaced, "");
  else symlinkSync(what === "symlink" ? join(home, "precious", "a") : join(home, "precious"), replaced);
  const { deleted } = await host.remove(agent(), everything);
  expect(deleted).not.toContain("workspace");
  expect(existsSync(join(home, "precious", "a", "file"))).toBe(true);
});

test("an entry that claims another directory as made here does not get it removed", async () => {
  await host.create(agent());
  mkdirSync(join(home, "precious"));
  const path = at("agents/my-agent/agent.json");
  const entry = JSON.parse(readFileSync(path, "utf8"));
  for (const workspace of [join(home, "precious"), at("provisioning"), stateDir]) {
    mkdirSync(workspace, { recursive: true });
    writeFileSync(path, JSON.stringify({ ...entry, workspace }));
    await host.remove(agent(), { workspace: true, sessions: false });
    expect(existsSync(workspace)).toBe(true);
    renameSync(at("agents/my-agent/agent.removed.json"), path);
  }
});

test("a directory that turns into a link while the workspace is made leads nowhere", async () => {
  mkdirSync(at("workspaces/team"), { recursive: true });
  mkdirSync(join(home, "outside"));
  const { mkdirSync: real } = fs;
  vi.spyOn(fs, "mkdirSync").mockImplementation((path, options) => {
    if (path === at("workspaces/team/a")) {
      rmSync(at("workspaces/team"), { recursive: true });
      symlinkSync(join(home, "outside"), at("workspaces/team"));
    }
    return real(path, options as fs.MakeDirectoryOptions & { recursive: true });
  });
  syncBuiltinESMExports();
  await expect(host.create(agent({ workspace: at("workspaces/team/a"), credential }))).rejects.toEqual(
    refusal("workspace_not_allowed"),
  );
  expect(existsSync(join(home, "outside/a/AGENTS.md"))).toBe(false);
  expect(await found(host, "my-agent")).toBeUndefined();
});

test("a directory that somebody makes while the workspace is made is theirs", async () => {
  const { mkdirSync: real } = fs;
  vi.spyOn(fs, "mkdirSync").mockImplementation((path, options) => {
    if (path === at("workspace-my-agent")) real(path);
    return real(path, options as fs.MakeDirectoryOptions & { recursive: true });
  });
  syncBuiltinESMExports();
  expect((await host.create(agent())).workspaceCreated).toBe(false);
  expect((await host.remove(agent(), everything)).preserved).toEqual(["workspace"]);
});

test("crafted ids reach no path", async () => {
  for (const agentId of ["../x", "..", "", "a/b", "A", ".x", "a\0", "a".repeat(65)]) {
    await expect(host.create(agent({ agentId }))).rejects.toEqual(refusal("invalid_name"));
    await expect(host.plan({ agentId })).rejects.toEqual(refusal("invalid_name"));
    expect(await found(host, agentId)).toBeUndefined();
    expect(await host.remove({ agentId, operationId: "op" }, everything)).toEqual({ deleted: [], preserved: [] });
    await expect(host.setCredential(agent({ agentId }), credential)).rejects.toEqual(refusal("agent_not_found"));
  }
  expect(readdirSync(home)).toEqual([".openclaw"]);
  expect(homes()).toEqual([]);
});

test("bindings of agents that were there at the start are known", async () => {
  await host.create(agent({ bindings: ["telegram:*"] }));
  const next = openDirectoryHost({ stateDir, home });
  const other = agent({ agentId: "other", operationId: "op-2", bindings: ["telegram:*"] });
  await expect(next.create(other)).rejects.toEqual(refusal("binding_taken"));
  expect(homes()).toEqual(["my-agent"]);
});

test("what another process makes and removes is seen at the next read", async () => {
  const other = openDirectoryHost({ stateDir, home });
  for (let round = 0; round < 5; round++) {
    await other.create(agent({ operationId: `op-${round}` }));
    expect((await host.list({ limit: 10 })).agents).toHaveLength(1);
    await other.remove({ agentId: "my-agent", operationId: `op-${round}` }, everything);
    expect((await host.list({ limit: 10 })).agents).toHaveLength(0);
  }
});

test("the list is the same from memory as from the disk", async () => {
  await host.create(agent());
  const past = new Date(Date.now() - 10_000);
  utimesSync(at("agents"), past, past);
  const first = await host.list({ limit: 10 });
  const spy = vi.spyOn(fs, "readdirSync");
  syncBuiltinESMExports();
  expect(await host.list({ limit: 10 })).toEqual(first);
  expect(spy).not.toHaveBeenCalled();
});

test("sessions of an earlier agent survive the undoing of a creation that failed", async () => {
  await host.create(agent());
  writeFileSync(at("agents/my-agent/sessions/one.jsonl"), "");
  await host.remove(agent(), { workspace: true, sessions: false });
  const { renameSync: real } = fs;
  vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
    if (String(to).endsWith("/agent.json"))
      throw Object.assign(new Error("full"), { code: "ENOSPC", syscall: "rename" });
    real(from, to);
  });
  syncBuiltinESMExports();
  await expect(host.create(agent({ operationId: "op-2" }))).rejects.toEqual(refusal("store_unwritable"));
  expect(existsSync(at("agents/my-agent/sessions/one.jsonl"))).toBe(true);
  expect(await found(host, "my-agent")).toBeUndefined();
});

test("a host whose directory is gone cannot be used", async () => {
  rmSync(at("agents"), { recursive: true });
  await expect(host.check()).rejects.toEqual(refusal("host_unavailable"));
});

test("an entry of a newer release is told of by its version, and left as it is", async () => {
  await host.create(agent());
  const path = at("agents/my-agent/agent.json");
  const text = readFileSync(path, "utf8").replace('"version": 1', '"version": 2');
  writeFileSync(path, text);
  const { agents } = await host.find("my-agent");
  expect((await host.inspect(agents[0]!)).detail).toMatch(
    /agent\.json was written by a newer release \(version 2.*run that/,
  );
  await expect(host.update(agent(), { name: "x" })).rejects.toThrow(/newer release/);
  expect(readFileSync(path, "utf8")).toBe(text);
});
