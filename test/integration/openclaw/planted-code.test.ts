import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Hold, holdTools } from "../../../adapters/openclaw/doors/held-entry.ts";
import { codeDoors } from "../../../adapters/openclaw/doors/planted-code.ts";
import type { AgentEntry } from "../../../adapters/openclaw/openclaw-config.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "planted-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const put = async (path: string, content = "x") => {
  await mkdir(dirname(join(stateDir, path)), { recursive: true });
  await writeFile(join(stateDir, path), content);
};
const entry = (confinement: Hold["confinement"]): AgentEntry => {
  const made: AgentEntry = {};
  holdTools(made, "a", { confinement, tools: [], peers: [] });
  return made;
};

test("a workspace from which OpenClaw loads code is named, one of other files is not", async () => {
  const entries = { plain: entry("workspace"), box: entry("sandbox"), hooked: entry("workspace"), t: entry("trusted") };
  const settings = () =>
    codeDoors({ agents: { entries } }, Object.keys(entries), stateDir).map((one) => [one.agentId, one.setting]);
  await put("workspace-plain/hooks/use-it.ts");
  await put("workspace-plain/.openclaw/workspace-state.json");
  await put("workspace-t/.openclaw/extensions/x/index.js");
  expect(settings()).toEqual([]);
  await put("workspace-box/.openclaw/extensions/x/index.js");
  await put("workspace-hooked/hooks/x/HOOK.md");
  expect(settings()).toEqual([
    ["box", ".openclaw/extensions"],
    ["hooked", "hooks"],
  ]);
});

test("a repository that names programs is worth a look, one as OpenClaw makes it is not", async () => {
  const names = ["plain", "filtered", "inline", "bare", "noted"];
  const entries = Object.fromEntries(names.map((name) => [name, entry("workspace")]));
  const core = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n";
  await put("workspace-plain/.git/config", `${core}[remote "origin"]\n\turl = https://example.org/x.git\n`);
  await put("workspace-filtered/.git/config", `${core}[filter "x"]\n\tclean = sh x\n`);
  await put("workspace-inline/.git/config", `${core}[filter "x"] clean = sh x\n`);
  await put("workspace-bare/HEAD", "ref: refs/heads/main\n");
  await put("workspace-bare/config", `${core}[filter "x"]\n\tclean = sh x\n`);
  await put("workspace-noted/config", "editor = vi\n");
  const found = codeDoors({ agents: { entries } }, Object.keys(entries), stateDir);
  expect(found).toMatchObject([
    { agentId: "filtered", setting: ".git/config", isNotice: true },
    { agentId: "inline", setting: ".git/config", isNotice: true },
    { agentId: "bare", setting: "config", isNotice: true },
  ]);
});

test("the workspace of an agent that was adopted is looked at where OpenClaw has it", async () => {
  await put("workspace/hooks/x/HOOK.md");
  await put("common/adopted/hooks/x/HOOK.md");
  const found = (id: string, defaults = {}) =>
    codeDoors({ agents: { defaults, entries: { [id]: entry("workspace") } } }, [id], stateDir).map(
      (one) => one.setting,
    );
  expect(found("main")).toEqual(["hooks"]);
  expect(found("adopted", { workspace: join(stateDir, "common") })).toEqual(["hooks"]);
});

test.each([
  ["behind its section's name", "config", '[core] fsmonitor = "sh x"\n'],
  ["and behind another setting", "config", '[core]\n\tbare = false\n[diff "x"]textconv = sh x\n'],
  ["in the settings of a worktree", "config.worktree", "[core]\n\tfsmonitor = sh x\n"],
])("a program that a repository names %s is found", async (_, file, text) => {
  await put("workspace-one/.git/config", "[extensions]\n\tworktreeConfig = true\n");
  await put(`workspace-one/.git/${file}`, text);
  const found = codeDoors({ agents: { entries: { one: entry("workspace") } } }, ["one"], stateDir);
  expect(found.map(({ setting }) => setting)).toEqual([`.git/${file}`]);
});
