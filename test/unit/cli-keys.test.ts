import { describe, expect, it } from "vitest";
import { problem, runCli } from "./run-cli.ts";

const view = {
  id: "k1",
  name: "Docker automation",
  scopes: ["agents:create", "agents:onboard"],
  status: "active",
  createdAt: "2026-11-22T18:00:00.000Z",
  agents: 3,
  uses: 7,
};
const issued = { ...view, agents: 0, uses: 0, key: "ocp_k1_not-a-real-secret" };
const revoked = { ...view, status: "revoked", revokedAt: "2026-11-22T19:00:00.000Z" };
const provider = {
  id: "p1",
  provider: "anthropic",
  kind: "anthropic",
  name: "Master Key",
  hint: "sk-test...real",
  status: "active",
  canMint: false,
  createdAt: "2026-11-22T18:00:00.000Z",
};
const added = { ...provider, verification: "verified" };

describe("agent-keys create", () => {
  const create = ["provisioning", "agent-keys", "create", "--name", "Docker automation"];
  const answers = { "POST /provisioning/agent-keys": Response.json(issued, { status: 201 }) };
  const fresh = () => ({ "POST /provisioning/agent-keys": answers["POST /provisioning/agent-keys"].clone() });

  it("sends what was asked and shows the key once, with a notice", async () => {
    const ran = await runCli(
      [...create, "--scopes", "agents:create,agents:onboard", "--ai-provider-key", "p1"],
      fresh(),
    );
    expect(ran).toMatchObject({ exitCode: 0, stderr: "", closed: 1 });
    expect(ran.calls[0]?.body).toEqual({
      name: "Docker automation",
      scopes: ["agents:create", "agents:onboard"],
      aiProviderKeyId: "p1",
    });
    expect(ran.stdout.split("ocp_k1_not-a-real-secret")).toHaveLength(2);
    expect(ran.stdout).toContain("Save this key now");
  });

  it("prints the key and a newline, and nothing else", async () => {
    const ran = await runCli([...create, "--scopes", "agents:create", "--output-key-only"], fresh());
    expect(ran.stdout).toBe("ocp_k1_not-a-real-secret\n");
  });

  it("prints one JSON document", async () => {
    const ran = await runCli([...create, "--scopes", "agents:create", "--json"], fresh());
    expect(JSON.parse(ran.stdout)).toEqual(issued);
  });

  it("turns numbers and durations into the body's fields", async () => {
    const before = Date.now();
    const options = ["--max-agents", "5", "--rate-limit", "60", "--expires", "30d"];
    const ran = await runCli([...create, "--scopes", "agents:create", ...options], fresh());
    const body = ran.calls[0]?.body as { expiresAt: string };
    expect(body).toMatchObject({ maxAgents: 5, rateLimitPerMinute: 60 });
    const left = Date.parse(body.expiresAt) - 30 * 86_400_000;
    expect(left).toBeGreaterThanOrEqual(before);
    expect(left).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    [["--scopes", "agents:crate"], /"agents:crate" is no scope/],
    [["--scopes", "agents:create,"], /nothing empty/],
    [["--scopes", "agents:create", "--expires", "soon"], /--expires/],
    [["--scopes", "agents:create", "--expires", "2020-01-01"], /past/],
    [["--scopes", "agents:create", "--max-agents", "-1"], /whole number/],
    [["--scopes", "agents:create", "--ai-provider-key", ""], /--ai-provider-key .* is empty/],
    [["--scopes", "agents:create", "--reach", "mine"], /"all" or "own"/],
    [["--scopes", "agents:create", "--shout"], /unknown option '--shout'/],
    [[], /--scopes/],
  ])("refuses %j as wrong usage, in one line, without a call", async (options, message) => {
    const ran = await runCli([...create, ...options], fresh());
    expect(ran).toMatchObject({ exitCode: 2, stdout: "", calls: [] });
    expect(ran.stderr).toMatch(/^error: [^\n]*\n$/);
    expect(ran.stderr).toMatch(message);
  });

  it("asks for a reach with --reach own, which the list shows", async () => {
    const ran = await runCli([...create, "--scopes", "agents:create", "--reach", "own"], fresh());
    expect(ran.calls[0]?.body).toMatchObject({ reach: "own" });
    const answer = { "GET /provisioning/agent-keys": () => ({ keys: [{ ...view, reach: "own" }] }) };
    const { stdout } = await runCli(["provisioning", "agent-keys", "list"], answer);
    expect(stdout).toMatch(/ REACH +STATUS .*\n.* own +active /);
  });

  it("reports a refused body with its paths", async () => {
    const ran = await runCli([...create, "--scopes", "agents:create"], {
      "POST /provisioning/agent-keys": problem(400, "invalid_body", "The body is not valid", {
        errors: [{ path: "name", message: "at most 128 characters" }],
      }),
    });
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: The body is not valid; name: at most 128 characters\n" });
  });

  it("says each fault once", async () => {
    const long = { path: "name", message: "at most 128 characters" };
    const errors = [long, { path: "scopes", message: "name at least one scope" }];
    const detail = "name: at most 128 characters (and 1 more).";
    const answer = (body: Record<string, unknown>) => ({
      "POST /provisioning/agent-keys": problem(400, "invalid_body", detail, body),
    });
    const two = await runCli([...create, "--scopes", "agents:create"], answer({ errors }));
    expect(two.stderr).toBe("error: name: at most 128 characters (and 1 more); scopes: name at least one scope\n");
    const one = await runCli(
      [...create, "--scopes", "agents:create"],
      answer({ errors: [{ ...long, path: "other" }] }),
    );
    expect(one.stderr).toBe("error: name: at most 128 characters (and 1 more)\n");
  });
});

describe("agent-keys list, revoke, rotate", () => {
  const list = { "GET /provisioning/agent-keys": () => ({ keys: [view] }) };

  it("lists as a table and as {keys}", async () => {
    const table = await runCli(["provisioning", "agent-keys", "list"], list);
    const [header, row] = table.stdout.split("\n");
    expect(header).toMatch(/^ID {2}NAME +SCOPES +STATUS +AGENTS {2}USES {2}CREATED$/);
    expect(row?.indexOf("active")).toBe(header?.indexOf("STATUS"));
    const json = await runCli(["provisioning", "agent-keys", "list", "--json"], list);
    expect(JSON.parse(json.stdout)).toEqual({ keys: [view] });
  });

  it("says that there are none, and how to make one", async () => {
    const ran = await runCli(["provisioning", "agent-keys", "list"], { "GET /provisioning/agent-keys": { keys: [] } });
    expect(ran.stdout).toBe("No agent provisioning keys. `agent-keys create` makes one.\n");
  });

  it("revokes a key", async () => {
    const ran = await runCli(["provisioning", "agent-keys", "revoke", "k1"], {
      ...list,
      "POST /provisioning/agent-keys/k1/revoke": revoked,
    });
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'Agent provisioning key k1 ("Docker automation") is revoked.\n' });
  });

  it("says that it was already revoked, and leaves it so", async () => {
    const ran = await runCli(["provisioning", "agent-keys", "revoke", "k1"], {
      "GET /provisioning/agent-keys": { keys: [revoked] },
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("already revoked at 2026-11-22T19:00:00Z");
    expect(ran.calls.map((call) => call.method)).toEqual(["GET"]);
  });

  it.each(["revoke", "rotate"])("%s of an unknown id says where the ids are", async (command) => {
    const ran = await runCli(["provisioning", "agent-keys", command, "nope"], {
      ...list,
      [`POST /provisioning/agent-keys/nope/${command}`]: problem(404, "key_not_found", "There is no such key."),
    });
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toBe("error: There is no such key; `agent-keys list` shows the ids\n");
  });

  it.each([
    ["24h", 86_400],
    ["0", 0],
    ["90s", 90],
  ])("rotates with a grace of %s", async (grace, graceSeconds) => {
    const ran = await runCli(["provisioning", "agent-keys", "rotate", "k1", "--grace", grace, "--output-key-only"], {
      "POST /provisioning/agent-keys/k1/rotate": issued,
    });
    expect(ran.stdout).toBe(`${issued.key}\n`);
    expect(ran.calls[0]?.body).toEqual({ graceSeconds });
  });

  it("needs an id", async () => {
    const ran = await runCli(["provisioning", "agent-keys", "rotate"]);
    expect(ran).toMatchObject({ exitCode: 2, stderr: "error: missing required argument 'key-id'\n" });
  });
});

describe("ai-providers", () => {
  it("take credentials from stdin, beside a key that is not there too", async () => {
    const gemini = ["provisioning", "ai-providers", "add", "--provider", "gemini", "--name", "g", "--credentials", "-"];
    const answers = { "POST /provisioning/ai-providers": () => Response.json(added, { status: 201 }) };
    const ran = await runCli(gemini, answers, { variables: { GEMINI_MASTER_KEY: "k" }, stdin: '{"type":"t"}' });
    expect(ran.calls).toMatchObject([{ body: { key: "k", credentials: '{"type":"t"}' } }]);
    const both = await runCli([...gemini, "--key", "-"], answers, { stdin: "k" });
    expect(both).toMatchObject({ exitCode: 2, calls: [], stderr: expect.stringContaining("stdin holds one of them") });
  });

  const add = ["provisioning", "ai-providers", "add", "--provider", "anthropic", "--name", "Master Key"];
  const accepts = { "POST /provisioning/ai-providers": () => Response.json(added, { status: 201 }) };

  it("takes the key from the option, from stdin, and from the environment, in this order", async () => {
    const variables = { ANTHROPIC_MASTER_KEY: "sk-test-variable", OPENCLAW_AI_PROVIDER_KEY: "sk-test-general" };
    const world = { variables, stdin: "sk-test-stdin\n" };
    const keyOf = async (args: string[], at = world) =>
      ((await runCli([...add, ...args], accepts, at)).calls[0]!.body as { key: string }).key;
    expect(await keyOf(["--key", "sk-test-option"])).toBe("sk-test-option");
    expect(await keyOf(["--key", "-"])).toBe("sk-test-stdin");
    expect(await keyOf([])).toBe("sk-test-variable");
    expect(await keyOf([], { ...world, variables: { ...variables, ANTHROPIC_MASTER_KEY: "" } })).toBe(
      "sk-test-general",
    );
  });

  it.each([
    [[], {}, /ANTHROPIC_MASTER_KEY or OPENCLAW_AI_PROVIDER_KEY/],
    [["--key", ""], {}, /'--key <key>' is empty/],
    [["--key", "-"], {}, /nothing on stdin/],
  ])("without a key (%j) it is wrong usage", async (args, variables, message) => {
    const ran = await runCli([...add, ...args], accepts, { variables });
    expect(ran).toMatchObject({ exitCode: 2, calls: [] });
    expect(ran.stderr).toMatch(message);
  });

  it("rotates a master key, with a grace in seconds, and says until when the one before stands in", async () => {
    const rotated = { ...added, rotatedAt: added.createdAt, fallbackUntil: "2026-11-22T19:00:00.000Z" };
    const ran = await runCli(
      ["provisioning", "ai-providers", "rotate", "p1", "--key", "-", "--grace", "1h"],
      { "POST /provisioning/ai-providers/p1/rotate": Response.json(rotated) },
      { stdin: "sk-test-new\n" },
    );
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.calls[0]?.body).toEqual({ key: "sk-test-new", graceSeconds: 3_600 });
    expect(ran.stdout).toMatch(/from its next request on\.\nUntil 2026-11-22T19:00:00Z the key before stands in/);
  });

  it("sends a custom provider whole", async () => {
    const ran = await runCli(
      [
        ...["provisioning", "ai-providers", "add", "--provider", "custom", "--slug", "my-llm", "--name", "Mine"],
        ...["--base-url", "http://127.0.0.1:9/v1", "--no-verify", "--project", "proj", "--credentials", "account.json"],
        ...["--default-quota", "maxTokensPerMonth=1000000", "--default-quota", "maxRequestsPerDay=10"],
      ],
      accepts,
      { variables: { MY_LLM_MASTER_KEY: "sk-test-not-a-real-key" }, readFile: async (path) => `{"from":"${path}"}` },
    );
    expect(ran.exitCode).toBe(0);
    expect(ran.calls[0]?.body).toEqual({
      provider: "custom",
      slug: "my-llm",
      name: "Mine",
      key: "sk-test-not-a-real-key",
      baseUrl: "http://127.0.0.1:9/v1",
      verify: false,
      project: "proj",
      credentials: '{"from":"account.json"}',
      defaultQuotas: { maxTokensPerMonth: 1_000_000, maxRequestsPerDay: 10 },
    });
  });

  it("refuses an unknown quota, and a file that is not there", async () => {
    const quota = await runCli([...add, "--key", "-", "--default-quota", "maxTokens=1"], accepts, { stdin: "k" });
    expect(quota.exitCode).toBe(2);
    const twice = ["--default-quota", "maxTokensPerMonth=5=7"];
    expect((await runCli([...add, "--key", "-", ...twice], accepts, { stdin: "k" })).exitCode).toBe(2);
    const file = await runCli([...add, "--key", "-", "--credentials", "gone.json"], accepts, {
      stdin: "k",
      readFile: async () => Promise.reject(new Error("gone.json is not there")),
    });
    expect(file).toMatchObject({ exitCode: 2, stderr: "error: --credentials: gone.json is not there\n", calls: [] });
  });

  it("prints a warning beside the answer", async () => {
    const answer = { ...added, verification: "unreachable", warning: "anthropic could not be reached" };
    const ran = await runCli([...add, "--key", "-"], { "POST /provisioning/ai-providers": answer }, { stdin: "k" });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "warning: anthropic could not be reached\n" });
    expect(ran.stdout).toMatch(/^verification +unreachable$/m);
  });

  it("never prints the master key", async () => {
    const stdin = "sk-test-not-a-real-key";
    for (const answers of [accepts, { "POST /provisioning/ai-providers": problem(422, "provider_refused", "no") }]) {
      const ran = await runCli([...add, "--key", "-"], answers, { stdin });
      expect(ran.stdout + ran.stderr).not.toContain(stdin);
    }
  });

  it("says why the provider refuses, and does not repeat what the service advises", async () => {
    const detail = "anthropic refused the key: invalid x-api-key. Correct it, or store it unchecked with --no-verify.";
    const ran = await runCli(
      [...add, "--key", "-"],
      { "POST /provisioning/ai-providers": problem(422, "provider_refused", detail) },
      { stdin: "k" },
    );
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toBe(`error: ${detail.slice(0, -1)}\n`);
  });

  it("lists and revokes", async () => {
    const answers = {
      "GET /provisioning/ai-providers": () => ({ keys: [provider] }),
      "POST /provisioning/ai-providers/p1/revoke": { ...provider, status: "revoked" },
    };
    const list = await runCli(["provisioning", "ai-providers", "list", "--json"], answers);
    expect(JSON.parse(list.stdout).keys[0].id).toBe("p1");
    const revoke = await runCli(["provisioning", "ai-providers", "revoke", "p1"], answers);
    expect(revoke.stdout).toBe('AI provider p1 ("Master Key") is revoked.\n');
  });
});
