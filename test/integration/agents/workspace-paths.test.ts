import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createWorkspacePaths } from "../../../adapters/node/directory-host/workspace-paths.ts";
import { Problem } from "../../../src/errors.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";

let home: string;
let stateDir: string;

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "workspace-paths-")));
  stateDir = join(home, ".openclaw");
  for (const name of ["agents", "provisioning"]) mkdirSync(join(stateDir, name), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const paths = (workspaceRoots?: string[]) => createWorkspacePaths({ stateDir, home, workspaceRoots });
const place = (workspace: string | undefined, roots?: string[]) => paths(roots).place("my-agent", workspace).path;

function refused(workspace: string, roots?: string[]): Problem {
  try {
    place(workspace, roots);
  } catch (error) {
    if (error instanceof Problem && error.code === "workspace_not_allowed") return error;
    throw error;
  }
  throw new Error(`accepted: ${workspace}`);
}

test("the default lies in the state directory", () => {
  expect(place(undefined)).toBe(join(stateDir, "workspace-my-agent"));
});

test("the default is right wherever the roots are, and only for the agent whose default it is", () => {
  expect(place(undefined, [join(home, "elsewhere")])).toBe(join(stateDir, "workspace-my-agent"));
  refused(join(stateDir, "workspace-other"), [join(home, "elsewhere")]);
});

test("absolute, and from the home directory", () => {
  expect(place(join(stateDir, "workspaces", "b"))).toBe(join(stateDir, "workspaces", "b"));
  expect(place("~/.openclaw/workspace-a")).toBe(join(stateDir, "workspace-a"));
});

test("superfluous slashes and dots are nothing", () => {
  expect(place(`${stateDir}//workspaces/./b/`)).toBe(join(stateDir, "workspaces", "b"));
});

test("a root may be from the home directory, and need not be there yet", () => {
  expect(place("~/projects/a", ["~/projects"])).toBe(join(home, "projects", "a"));
});

test.each(["", "/", "//", "/./"])("a root that ends in %j is the same one, there or not", (end) => {
  for (const [root, path] of [
    ["~/projects", join(home, "projects")],
    [join(home, "work"), join(home, "work")],
  ] as const) {
    expect(place(join(path, "a"), [root + end])).toBe(join(path, "a"));
    mkdirSync(path, { recursive: true });
    expect(place(join(path, "a"), [root + end])).toBe(join(path, "a"));
    rmSync(path, { recursive: true });
  }
  expect(place(join(home, "work", "a"), [home + end])).toBe(join(home, "work", "a"));
});

test("a relative root is a wrong setting", () => {
  expect(() => paths(["work"])).toThrow(SettingsError);
  expect(() => paths(["work"])).toThrow(/workspaceRoots\.0 is "work"/);
});

test("tells what is there already", () => {
  const a = join(stateDir, "workspaces", "a");
  mkdirSync(a, { recursive: true });
  expect(paths().place("x", join(a, "b", "c"))).toEqual({ path: join(a, "b", "c"), existing: a });
  expect(paths().place("x", a).existing).toBe(a);
});

test.each([
  ["relative", "work"],
  ["empty", ""],
  ["another's home", "~root/x"],
  ["the home directory's sign alone", "~"],
  ["a Windows path", "C:\\work"],
])("not absolute: %s", (_, workspace) => {
  expect(refused(workspace).message).toContain("must be an absolute path");
});

test.each(["/..", "~/..", "~/.openclaw/../x", "/a/b/..", "~/.openclaw/a/../../../etc"])(
  "dot segments: %s",
  (workspace) => {
    expect(refused(workspace).message).toContain('must not contain ".."');
  },
);

test("dot segments that stay inside are refused too", () => {
  refused(`${stateDir}/a/../b`);
});

test.each(["\0", "\n", "\u001b[31m", "\u007f"])("control characters: %j", (character) => {
  const problem = refused(`${stateDir}/a${character}b`);
  expect(problem.message).toContain("control character");
  expect(problem.message).not.toContain(character);
});

test("outside of the roots, without telling where they are", () => {
  for (const workspace of ["/", "/etc", "/etc/openclaw", "/tmp", home, join(home, "x"), `${stateDir}-other/x`]) {
    const problem = refused(workspace, [join(stateDir, "work")]);
    expect(problem.message.replaceAll(`"${workspace}"`, "")).not.toContain(home);
  }
});

test("a root is not inside itself", () => {
  refused(join(home, "work"), [join(home, "work")]);
});

test("the state directory, what contains it, and what is the service's in it", () => {
  for (const workspace of [stateDir, `${stateDir}/`, home, "/"]) refused(workspace, ["/"]);
  for (const name of [
    "agents",
    "agents/other",
    "agents/my-agent/agent",
    "provisioning",
    "provisioning/x",
    "config.json",
  ]) {
    expect(refused(join(stateDir, name)).message).toContain('"workspace-<name>"');
  }
  // A file system that ignores case would take them for the same.
  refused(join(stateDir, "Agents"));
  refused(join(stateDir, "PROVISIONING", "x"));
});

test("an existing file, and a path below one", () => {
  writeFileSync(join(stateDir, "workspace-file"), "");
  expect(refused(join(stateDir, "workspace-file")).message).toContain("is a file");
  refused(join(stateDir, "workspace-file", "below"));
});

test("a symlink as last component, wherever it leads", () => {
  mkdirSync(join(stateDir, "workspace-real"));
  symlinkSync(join(stateDir, "workspace-real"), join(stateDir, "workspace-link"));
  expect(refused(join(stateDir, "workspace-link")).message).toContain("symbolic link");
  refused(`${stateDir}/workspace-link/`);
});

test("through a symlink: allowed where it stays inside, and resolved", () => {
  mkdirSync(join(stateDir, "workspace-real"));
  symlinkSync(join(stateDir, "workspace-real"), join(stateDir, "workspace-link"));
  expect(place(join(stateDir, "workspace-link", "a"))).toBe(join(stateDir, "workspace-real", "a"));
});

test("through a symlink that leads out, into the service's files, nowhere, or to itself", () => {
  mkdirSync(join(stateDir, "extensions"));
  for (const [name, target] of [
    ["workspace-out", home],
    ["workspace-agents", join(stateDir, "agents")],
    ["workspace-extensions", join(stateDir, "extensions")],
    ["workspace-dead", join(stateDir, "nothing")],
    ["workspace-loop", join(stateDir, "workspace-loop")],
    ["workspace-up", ".."],
  ] as const) {
    symlinkSync(target, join(stateDir, name));
    refused(join(stateDir, name, "a"));
    refused(join(stateDir, name, "a", "b"));
  }
});

test("below a directory that lies behind a symlink", () => {
  mkdirSync(join(home, "outside", "sub"), { recursive: true });
  symlinkSync(join(home, "outside"), join(stateDir, "workspace-out"));
  symlinkSync(join(stateDir, "agents"), join(stateDir, "workspace-agents"));
  mkdirSync(join(stateDir, "agents", "other"));
  for (const path of [
    "workspace-out/sub",
    "workspace-out/sub/a",
    "workspace-agents/other",
    "workspace-agents/other/a/b",
  ])
    refused(join(stateDir, path));
});

test("a name or a path that is too long", () => {
  refused(join(stateDir, "workspaces", "a".repeat(300)));
  refused(`${stateDir}/workspaces/${"a/".repeat(3000)}`);
});

test("a path so long that the files in the workspace would have none", () => {
  const long = (bytes: number, letter = "a") => {
    let path = join(stateDir, "workspaces");
    while (Buffer.byteLength(path) < bytes) {
      const room = Math.floor((bytes - Buffer.byteLength(path) - 1) / Buffer.byteLength(letter));
      path += `/${letter.repeat(Math.max(1, Math.min(room, 80)))}`;
    }
    return path;
  };
  expect(place(long(3800))).toBe(long(3800));
  for (const path of [long(3950), long(4090), long(4200), long(3950, "é")]) {
    expect(refused(path).message).toContain("too long");
  }
});

test("a new directory right in a root lies in no workspace; anything else may", () => {
  const work = join(home, "work");
  const mayBe = (path: string, roots?: string[]) => paths(roots).mayBeAnothers(paths(roots).place("x", path));
  expect(mayBe(join(stateDir, "workspace-x"))).toBe(false);
  expect(mayBe(join(stateDir, "workspace-x"), ["/"])).toBe(false);
  expect(mayBe(join(work, "a"), [work])).toBe(false);
  expect(mayBe(join(work, "a", "b"), [work])).toBe(true);
  expect(mayBe(join(work, "a"), [work, home])).toBe(true);
  expect(mayBe(join(stateDir, "workspaces", "a"))).toBe(true);
  mkdirSync(join(work, "a"), { recursive: true });
  expect(mayBe(join(work, "a"), [work])).toBe(true);
});

test.each([
  ...["extensions/x", "hooks/x", "skills/x", "plugins/x", "workspace", "workspace/x", "workspaces", "workspace-"],
  ...["devices", "identity", ".ssh", "credentials/x", "agents/x", "agents/other/agent", "provisioning/x", "team/a"],
  ...["config.json", "openclaw.json", "Workspaces/x", "Workspace-x", "WORKSPACES/x", "workspace\u200b-x", "new"],
])("of the state directory only workspace-* and workspaces/* may be workspaces, so not %s", (name) => {
  for (const roots of [undefined, ["/"], ["~/"], [stateDir], [`${stateDir}/`], [join(home, "elsewhere"), stateDir]]) {
    const { message } = refused(join(stateDir, name), roots);
    expect(message).toMatch(/"workspace-<name>"|must not contain/);
  }
});

test("the state directory in another spelling is the state directory, as some file systems take it", () => {
  for (const spelling of [".OpenClaw", ".OPENCLAW", ".open\uff43law"]) {
    for (const name of ["", "/extensions/x", "/workspace-x", "/agents/x"]) {
      refused(join(home, spelling) + name, [home]);
      refused(join(home, spelling) + name, ["/"]);
    }
  }
  expect(place(join(home, ".OpenClaw-other", "x"), [home])).toBe(join(home, ".OpenClaw-other", "x"));
});

test("of the state directory workspace-* and workspaces/* may be workspaces, as the document has it", () => {
  for (const roots of [undefined, ["/"], [stateDir], [join(home, "elsewhere"), home]]) {
    for (const name of ["workspace-my-agent", "workspace-auto", "workspaces/a", "workspaces/team/a", "workspace-a/b"]) {
      expect(place(join(stateDir, name), roots)).toBe(join(stateDir, name));
    }
  }
});

test("a root that an operator put into the state directory is one, unless the service keeps it for itself", () => {
  expect(place(join(stateDir, "work", "a"), [join(stateDir, "work")])).toBe(join(stateDir, "work", "a"));
  for (const name of ["agents", "provisioning", "extensions", "hooks", "skills", "plugins", "credentials"]) {
    expect(() => paths([join(stateDir, name)])).toThrow(SettingsError);
    expect(() => paths([join(stateDir, name, "x")])).toThrow(/workspaceRoots\.0 .*kept/);
  }
  mkdirSync(join(stateDir, "extensions"));
  symlinkSync(join(stateDir, "extensions"), join(home, "link"));
  expect(refused(join(home, "link", "a"), [join(home, "link")]).message).toContain("kept");
});

test("where the new rule has no room for what was once given, its agent still holds it", () => {
  expect(paths().holds("x", join(stateDir, "team", "a"))).toBe(true);
  expect(paths().holds("x", join(stateDir, "provisioning"))).toBe(false);
  expect(paths().mayBeGiven("x", join(stateDir, "team", "a"))).toBe(false);
  expect(paths().mayBeGiven("x", join(stateDir, "workspace-a"))).toBe(true);
});

test("a root that is reached through a symlink is where it leads", () => {
  mkdirSync(join(home, "disk", "work"), { recursive: true });
  symlinkSync(join(home, "disk"), join(home, "mount"));
  expect(place(join(home, "mount", "work", "a"), [join(home, "mount", "work")])).toBe(join(home, "disk", "work", "a"));
});

test("a message names the caller's input, shortened, and no other path", () => {
  const problem = refused(`/etc/${"x".repeat(3000)}`);
  expect(problem.message.length).toBeLessThan(600);
  expect(problem.message).not.toContain(home);
});
