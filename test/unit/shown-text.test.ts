import { describe, expect, it } from "vitest";
import { createConsoleLog } from "../../adapters/cloudflare/console-log.ts";
import { createJsonLog } from "../../adapters/node/json-log.ts";
import { hasHiddenCharacters } from "../../src/domain/hidden-characters.ts";
import { problem, runCli } from "./run-cli.ts";

/** As somebody may have it stored by a release before this one, or another program. */
const hostile = "a\u001b[31m\u009b2J\u202eb\u2028c\u200bd\u0007\u007f\u{e0041}";
const agent = {
  agentId: "my-agent",
  name: hostile,
  status: "ready",
  workspace: `/w/${hostile}`,
  model: hostile,
  identity: { name: hostile, emoji: hostile },
  bindings: [hostile],
  gateway: hostile,
  managed: true,
  createdBy: `jwt:${hostile}`,
  createdAt: "2026-11-22T18:00:00.000Z",
  health: { host: "ok", workspace: "ok", agentDir: "ok", credentials: "ok", detail: hostile },
};
const withoutBreaks = (text: string) => text.replaceAll("\n", "");

describe("the command line shows what is hidden as an escape", () => {
  it.each([
    ["a table", ["agents", "list"], { "GET /agents": { agents: [agent] } }],
    ["details", ["agents", "get", "my-agent"], { "GET /agents/my-agent": agent }],
    ["a document", ["agents", "get", "my-agent", "--json"], { "GET /agents/my-agent": agent }],
    ["a list as a document", ["agents", "list", "--json"], { "GET /agents": { agents: [agent] } }],
    ["an error", ["agents", "get", "my-agent"], { "GET /agents/my-agent": problem(404, "agent_not_found", hostile) }],
    [
      "an error's parts",
      ["agents", "get", "my-agent"],
      { "GET /agents/my-agent": problem(400, "invalid_body", "no", { errors: [{ path: hostile, message: hostile }] }) },
    ],
    [
      "a server's failure",
      ["agents", "get", "my-agent"],
      { "GET /agents/my-agent": problem(503, "not_ready", hostile) },
    ],
    ["usage", ["agents", hostile], {}],
    ["an option's value", ["agents", "list", "--limit", hostile], {}],
    ["an argument", ["agents", "get", hostile], {}],
  ])("%s", async (_, args, answers) => {
    const { stdout, stderr } = await runCli(["provisioning", ...args], answers as never);
    expect(stdout + stderr).not.toBe("");
    expect(hasHiddenCharacters(withoutBreaks(stdout))).toBe(false);
    expect(hasHiddenCharacters(withoutBreaks(stderr))).toBe(false);
    if (args.includes("--json"))
      expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(hostile).slice(1, -1));
    else if (stdout.includes("my-agent")) expect(stdout).toContain("\\u001b[31m\\u009b2J\\u202eb");
  });
});

describe("the log escapes what is hidden, and is JSON still", () => {
  const fields = { detail: hostile, cause: new Error(hostile), list: [hostile], [hostile]: hostile };

  it("on Node", () => {
    const lines: string[] = [];
    createJsonLog("debug", (line) => void lines.push(line))("info", hostile, fields);
    expect(lines).toHaveLength(1);
    expect(hasHiddenCharacters(lines[0]!.trimEnd())).toBe(false);
    expect(JSON.parse(lines[0]!)).toMatchObject({ message: hostile, detail: hostile, list: [hostile] });
  });

  it("on the Worker", () => {
    const lines: string[] = [];
    const { info } = console;
    console.info = (line: string) => void lines.push(line);
    try {
      createConsoleLog("debug")("info", hostile, fields);
    } finally {
      console.info = info;
    }
    expect(hasHiddenCharacters(lines[0]!)).toBe(false);
    expect(JSON.parse(lines[0]!)).toMatchObject({ message: hostile, detail: hostile });
  });
});
