import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../../unit/run-cli.ts";

const key = "ocv_test_not-a-real-secret";
const home = mkdtempSync(join(tmpdir(), "print-env-"));
afterAll(() => rmSync(home, { recursive: true }));

const created = (provider: string, more: object = { key }) => ({
  "POST /agents/create": {
    agentId: "a",
    name: "a",
    bindings: { added: [], updated: [], skipped: [], conflicts: [] },
    createdAt: "2026-11-22T18:00:00.000Z",
    aiKey: { provider, mode: "virtual", keyId: "v1", quotas: {}, baseUrl: `http://h/proxy/${provider}`, ...more },
  },
});
const create = (provider: string, ...more: string[]) => [
  ...["provisioning", "agents", "create", "a", "--provision-ai-key", provider],
  ...more,
];

/** The variables that a shell has after the printed lines, and what a command there is. */
function inShell(lines: string, look: string): string {
  return execFileSync("bash", ["-euc", `${lines}\n${look}`], {
    env: { PATH: process.env.PATH, HOME: home },
    encoding: "utf8",
    // A socket, which pipes of Node are, would have bash read its start-up files.
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe("agents create --print-env", () => {
  it.each([
    ["claude-code", "anthropic", "$ANTHROPIC_BASE_URL $ANTHROPIC_AUTH_TOKEN"],
    ["codex", "openai", "$(declare -f codex | grep -o 'http://[^\"]*') $OPENCLAW_AI_KEY"],
    ["gemini-cli", "gemini", "$GOOGLE_GEMINI_BASE_URL $GEMINI_API_KEY"],
    ["openai", "openrouter", "$OPENAI_BASE_URL $OPENAI_API_KEY"],
    ["openai", "a-service-of-ours", "$OPENAI_BASE_URL $OPENAI_API_KEY"],
    ["anthropic", "anthropic", "$ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY"],
  ])("gives %s the address and the key", async (client, provider, look) => {
    const ran = await runCli(create(provider, "--print-env", client), created(provider));
    expect(ran).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^warning: .*not shown again\n$/) });
    expect(ran.calls[0]?.body).toMatchObject({ revealAiKey: true });
    expect(inShell(ran.stdout, `echo "${look}"`)).toBe(`http://h/proxy/${provider} ${key}\n`);
  });

  it.each([
    ["anthropic", { anthropic: { options: { baseURL: "http://h/proxy/anthropic/v1", apiKey: key } } }],
    ["gemini", { google: { options: { baseURL: "http://h/proxy/gemini/v1beta", apiKey: key } } }],
    ["openai", { openai: { options: { baseURL: "http://h/proxy/openai", apiKey: key } } }],
    [
      "a-service",
      {
        "a-service": {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: "http://h/proxy/a-service", apiKey: key },
        },
      },
    ],
  ])("gives opencode its settings for %s", async (provider, settings) => {
    const ran = await runCli(create(provider, "--print-env", "opencode"), created(provider));
    expect(JSON.parse(inShell(ran.stdout, 'printf %s "$OPENCODE_CONFIG_CONTENT"'))).toEqual({ provider: settings });
  });

  it("leaves settings of gemini-cli that are there as they are", async () => {
    const { stdout } = await runCli(create("gemini", "--print-env", "gemini-cli"), created("gemini"));
    const file = "~/.gemini/settings.json";
    expect(JSON.parse(inShell(stdout, `cat ${file}`))).toEqual({
      security: { auth: { selectedType: "gemini-api-key" } },
    });
    expect(inShell(`echo mine > ${file}\n${stdout}`, `cat ${file}`)).toBe("mine\n");
  });

  it.each([
    ["another client", create("openai", "--print-env", "emacs"), /claude-code, codex/],
    ["JSON", create("openai", "--print-env", "codex", "--json"), /leave --json/],
    ["the key alone", create("openai", "--print-env", "codex", "--output-key-only"), /--output-key-only/],
    ["a minted key", create("openai", "--print-env", "codex", "--ai-key-mode", "minted"), /virtual/],
    ["no key", ["provisioning", "agents", "create", "a", "--print-env", "codex"], /--provision-ai-key/],
    ["another provider's client", create("openai", "--print-env", "claude-code"), /speaks to anthropic only/],
    ["a service of another shape", create("a-service", "--print-env", "gemini-cli"), /speaks to gemini only/],
  ])("is wrong usage with %s, before anything is made", async (_, args, message) => {
    const ran = await runCli(args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "", calls: [] });
    expect(ran.stderr).toMatch(message);
  });

  it("says of a repeated command that the key is gone", async () => {
    const ran = await runCli(create("openai", "--print-env", "codex"), created("openai", {}));
    expect(ran).toMatchObject({ exitCode: 1, stdout: "" });
    expect(ran.stderr).toMatch(/shown only once/);
  });
});
