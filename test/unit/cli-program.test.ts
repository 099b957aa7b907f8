import { Command } from "commander";
import { describe, expect, it, vi } from "vitest";
import { attachProvisioning, createProgram } from "../../src/cli/program.ts";
import { fakeService, problem, runCli } from "./run-cli.ts";

const list = ["provisioning", "agent-keys", "list"];
const key = {
  id: "k1",
  name: "n",
  scopes: ["agents:create"],
  agents: 0,
  uses: 0,
  createdAt: "2026-11-22T18:00:00.000Z",
};
const listed = { "GET /provisioning/agent-keys": () => ({ keys: [{ ...key, status: "active" }] }) };

describe("the program", () => {
  it.each([[[]], [["serve"]]])("serves with %j", async (args) => {
    const serve = vi.fn(async () => {});
    expect((await runCli(args, {}, { serve })).exitCode).toBe(0);
    expect(serve).toHaveBeenCalledOnce();
  });

  it.each([
    [["provisionning"], "error: unknown command 'provisionning'\n"],
    [["serve", "now"], /^error: too many arguments/],
    [["--loud"], "error: unknown option '--loud'\n"],
    [["provisioning", "agent-key", "list"], /^error: unknown command 'agent-key'[^\n]*\n$/],
    [["provisioning", "agent-keys"], /Usage: /],
    [["provisioning", "agent-keys", "revoke", "one", "two"], /^error: too many arguments/],
    [["provisioning", "agents", "delete", "one", "two"], /^error: too many arguments/],
    [["provisioning", "agent-keys", "list", "extra"], /^error: too many arguments/],
  ])("%j is wrong usage", async (args, stderr) => {
    const ran = await runCli(args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toMatch(stderr);
  });

  it("shows help and version on stdout", async () => {
    expect(await runCli(["--version"])).toMatchObject({ exitCode: 0, stdout: "1.2.3\n", stderr: "" });
    const help = await runCli(["provisioning", "agent-keys", "create", "--help"]);
    expect(help).toMatchObject({ exitCode: 0, stderr: "" });
    expect(help.stdout).toContain("--output-key-only");
  });

  it("gives every command --json, and --url to all that can work elsewhere", () => {
    const leaves = (command: Command): Command[] =>
      command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
    const noop = async () => {
      throw new Error("not called");
    };
    const program = createProgram({
      version: "0",
      write: () => {},
      writeError: () => {},
      isTerminal: false,
      env: () => undefined,
      readStdin: noop,
      readFile: noop,
      openLocal: noop,
      doctor: noop,
      seal: noop,
      serve: noop,
    });
    const provisioning = program.commands.find((command) => command.name() === "provisioning");
    const found = leaves(provisioning!).map((command) => ({
      name: `${command.parent?.name()} ${command.name()}`,
      flags: command.options.map((option) => option.long),
    }));
    expect(found.length).toBeGreaterThan(40);
    for (const { name, flags } of found) {
      expect(flags, name).toContain("--json");
      expect(flags.includes("--url"), name).toBe(name !== "provisioning seal");
    }
  });

  it("colours on a terminal only, and not against NO_COLOR", async () => {
    const sequence = "\u001b[";
    expect((await runCli(list, listed)).stdout).not.toContain(sequence);
    expect((await runCli(list, listed, { isTerminal: true })).stdout).toContain(`${sequence}32mactive`);
    const asked = await runCli(list, listed, { isTerminal: true, variables: { NO_COLOR: "1" } });
    expect(asked.stdout).not.toContain(sequence);
    expect((await runCli([...list, "--json"], listed, { isTerminal: true })).stdout).not.toContain(sequence);
  });

  it("says in one line why the deployment cannot be opened", async () => {
    const openLocal = async () => Promise.reject(new Error("keys.json is readable by others:\n  chmod 600 it"));
    const ran = await runCli(list, {}, { openLocal });
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: keys.json is readable by others: chmod 600 it\n" });
  });

  it("names the request of an unexpected failure", async () => {
    const ran = await runCli(list, { "GET /provisioning/agent-keys": problem(500, "internal_error", "Unexpected.") });
    expect(ran.stderr).toBe("error: Unexpected; the log has it as request req1\n");
  });

  it.each([
    ["No space.", "No space"],
    ["Something unexpected went wrong; the log has the cause under req1.", "Something unexpected went wrong"],
  ])("names no log that does not have the failure: %s", async (detail, told) => {
    const service = fakeService({ "GET /provisioning/agent-keys": problem(503, "store_unwritable", detail) });
    const logHint = "OPENCLAW_PROVISIONING_DEBUG=1 shows the cause";
    const exclusively = <R>(work: () => Promise<R>) => work();
    const openLocal = async () => ({ ...service, basePath: "/api/v1", exclusively, logHint, close: async () => {} });
    const ran = await runCli(list, {}, { openLocal });
    expect(ran.stderr).toBe(`error: ${told}; ${logHint}\n`);
  });
});

describe("--url", () => {
  const variables = { OPENCLAW_GATEWAY_TOKEN: "t", OPENCLAW_ADMIN_TOKEN: "a", AGENT_PROVISIONING_KEY: "k" };
  const url = ["--url", "https://edge.example/"];
  const openLocal = async () => Promise.reject(new Error("not here"));

  it("prints what it prints locally, for every form of output", async () => {
    for (const form of [[], ["--json"]]) {
      const local = await runCli([...list, ...form], listed);
      const remote = await runCli([...list, ...form, ...url], listed, { variables, openLocal });
      expect(remote.stdout).toBe(local.stdout);
      expect(remote.exitCode).toBe(0);
    }
  });

  it("sends the admin token where an operator is needed, the provisioning key for agents", async () => {
    const keyOf = async (args: string[], at: Record<string, string>) => {
      const { headers } = (await runCli([...args, ...url], {}, { variables: at, openLocal })).calls[0]!;
      expect(headers.get("authorization")).toBe("Bearer t");
      return headers.get("x-agent-provisioning-key");
    };
    const create = ["provisioning", "agents", "create", "--name", "a"];
    expect(await keyOf(list, variables)).toBe("a");
    expect(await keyOf(create, variables)).toBe("k");
    expect(await keyOf(list, { ...variables, OPENCLAW_ADMIN_TOKEN: "" })).toBe("k");
    expect(await keyOf(create, { ...variables, AGENT_PROVISIONING_KEY: "" })).toBe("a");
  });

  it("says which variable has the scope that is missing", async () => {
    const lacks = problem(403, "scope_missing", 'OPENCLAW_ADMIN_TOKEN lacks the scope "agents:create".');
    const args = ["provisioning", "agents", "create", "--name", "a", ...url];
    const answers = { "POST /agents/create": lacks };
    const ran = await runCli(args, answers, { variables: { ...variables, AGENT_PROVISIONING_KEY: "" }, openLocal });
    expect([ran.exitCode, ran.stderr]).toEqual([
      1,
      expect.stringContaining("set AGENT_PROVISIONING_KEY to one for agents"),
    ]);
  });

  it("needs a token and an address", async () => {
    const bare = await runCli([...list, ...url], listed);
    expect(bare.exitCode).toBe(1);
    expect(bare.stderr).toMatch(/^error: OPENCLAW_GATEWAY_TOKEN is not set/);
    expect((await runCli([...list, "--url", "edge"], listed, { variables })).exitCode).toBe(2);
  });

  it("says what cannot be reached", async () => {
    const unreachable = new TypeError("fetch failed", {
      cause: Object.assign(new Error("no"), { code: "ECONNREFUSED" }),
    });
    const fetch = async () => Promise.reject(unreachable);
    vi.spyOn(Math, "random").mockReturnValue(0);
    const ran = await runCli([...list, ...url], {}, { variables, fetch });
    vi.restoreAllMocks();
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: cannot reach https://edge.example (ECONNREFUSED)\n" });
  });
});

describe("audit, doctor, init, seal, openapi", () => {
  const event = (seq: number) => ({
    seq,
    time: "2026-11-22T18:00:00.000Z",
    phase: "outcome",
    action: "agent.create",
    actor: "k1",
    outcome: "success",
    target: "a",
    details: { bindings: ["x", "y"] },
    previous: "",
    hash: "",
  });

  it("audit tail shows the newest last", async () => {
    const answers = {
      "GET /provisioning/audit?limit=3": { events: [event(9), event(8)], nextCursor: "8" },
      "GET /provisioning/audit?limit=3&cursor=8": { events: [event(7), event(6)] },
    };
    const ran = await runCli(["provisioning", "audit", "tail", "-n", "3", "--json"], answers);
    expect(JSON.parse(ran.stdout).events.map((one: { seq: number }) => one.seq)).toEqual([7, 8, 9]);
    const table = await runCli(["provisioning", "audit", "tail", "--limit", "3"], answers);
    expect(table.stdout).toContain("bindings=x,y");
  });

  it("audit tail asks for the lines that are looked for", async () => {
    const tail = (...options: string[]) =>
      runCli(["provisioning", "audit", "tail", ...options], { "GET /provisioning/audit": { events: [] } });
    const ran = await tail("--phase", "outcome", "--outcome", "denied", "--from", "2026-11-01", "--to", "2026-11-30");
    expect(ran.calls[0]!.path).toBe(
      "/provisioning/audit?limit=20&phase=outcome&outcome=denied&from=2026-11-01&to=2026-11-30",
    );
    expect((await tail("--outcome", "fine")).exitCode).toBe(2);
    expect((await tail("--from", "2026-02-31")).exitCode).toBe(2);
  });

  it("audit rotate says which part was closed", async () => {
    const rotate = ["provisioning", "audit", "rotate"];
    const closed = { file: "audit-000000000001-000000001234.jsonl", events: 1234 };
    const ran = await runCli(rotate, { "POST /provisioning/audit/rotate": closed });
    expect(ran).toMatchObject({
      exitCode: 0,
      stdout: `Closed ${closed.file}: 1,234 events. The trail goes on in audit.jsonl.\n`,
    });
    const idle = await runCli(rotate, { "POST /provisioning/audit/rotate": { events: 0 } });
    expect(idle.stdout).toBe("Nothing was written since the last rotation.\n");
  });

  it("audit verify takes parts of a trail that were moved away, and shows its progress on a terminal alone", async () => {
    const asked: (readonly string[])[] = [];
    const world = {
      isTerminal: true,
      verifyAuditFiles: async (paths: readonly string[], onProgress?: (file: string, share: number) => void) => {
        asked.push(paths);
        onProgress?.("a.jsonl", 0.5);
        onProgress?.("a.jsonl", 1);
        return { ok: true, events: 7 };
      },
    };
    const ran = await runCli(["provisioning", "audit", "verify", "a.jsonl", "b.jsonl"], {}, world);
    expect(ran).toMatchObject({ exitCode: 0, stdout: "The audit trail is whole: 7 events.\n" });
    expect(ran.stderr).toContain("a.jsonl 50 %");
    expect(asked).toEqual([["a.jsonl", "b.jsonl"]]);
    const quiet = await runCli(["provisioning", "audit", "verify", "a.jsonl"], {}, { ...world, isTerminal: false });
    expect(quiet.stderr).toBe("");
    const remote = ["provisioning", "audit", "verify", "a.jsonl", "--url", "http://localhost:1"];
    expect((await runCli(remote, {}, world)).exitCode).toBe(2);
    const since = ["provisioning", "audit", "verify", "a.jsonl", "--since", "7"];
    expect((await runCli(since, {}, world)).exitCode).toBe(2);
    expect(asked).toHaveLength(2);
  });

  it("audit verify fails on a broken chain", async () => {
    const verify = ["provisioning", "audit", "verify"];
    const whole = await runCli(verify, { "GET /provisioning/audit/verify": { ok: true, events: 1234 } });
    expect(whole).toMatchObject({ exitCode: 0, stdout: "The audit trail is whole: 1,234 events.\n" });
    const fault = { line: 3, reason: "the hash does not match" };
    const broken = await runCli(verify, { "GET /provisioning/audit/verify": { ok: false, events: 9, fault } });
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toBe("error: the audit trail is broken at line 3: the hash does not match\n");
    const moved = { ok: true, events: 9, movedAway: ["audit-000000000001-000000000005.jsonl"] };
    const since = await runCli([...verify, "--since", "6"], { "GET /provisioning/audit/verify?since=6": moved });
    expect(since.stdout).toContain("Moved away, and stepped over: audit-000000000001-000000000005.jsonl.");
  });

  it("doctor reports each check, and fails when one does", async () => {
    const checks = [
      { name: "modes", status: "failed" as const, detail: "keys.json is 0644", remedy: "chmod 600 keys.json" },
      { name: "chain", status: "ok" as const, detail: "9 events" },
    ];
    const doctor = vi.fn(async () => ({ ok: false, checks }));
    const ran = await runCli(["provisioning", "doctor", "--fix"], {}, { doctor });
    expect(doctor).toHaveBeenCalledWith({ fix: true });
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: failed: modes\n" });
    expect(ran.stdout).toContain("chmod 600 keys.json");
  });

  it("doctor --url asks the deployment's own doctor", async () => {
    const checks = [{ name: "webhooks", status: "failed", detail: "w1 was switched off", remedy: "mend its receiver" }];
    const answers = { "GET /provisioning/doctor": { ok: false, checks } };
    const variables = { OPENCLAW_GATEWAY_TOKEN: "t" };
    const ran = await runCli(["provisioning", "doctor", "--url", "http://edge.example", "--json"], answers, {
      variables,
    });
    expect(JSON.parse(ran.stdout)).toEqual({ ok: false, checks });
    expect(ran.stderr).toBe("error: failed: webhooks\n");
    expect(ran.calls.map(({ path }) => path)).toEqual(["/provisioning/doctor"]);
    const forbidden = { "GET /provisioning/doctor": problem(403, "scope_missing", "provisioning:admin is missing") };
    const refused = await runCli(["provisioning", "doctor", "--url", "http://edge.example"], forbidden, { variables });
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("provisioning:admin is missing")]);
  });

  it("doctor looks at a deployment of an earlier release through the rest of its API", async () => {
    const variables = { OPENCLAW_GATEWAY_TOKEN: "t" };
    const ran = await runCli(
      ["provisioning", "doctor", "--url", "http://edge.example", "--json"],
      {
        ...listed,
        "GET /agents": { agents: [], unreachable: ["east"] },
        "GET /gateways": { gateways: [{ id: "east", reachable: false, agents: 0, cordoned: false }] },
        "GET /provisioning/audit/verify": problem(403, "scope_missing", "provisioning:admin is missing"),
        "GET /provisioning/ai-providers": { keys: [] },
        "GET /provisioning/prices": { prices: [], pricesAsOf: "2026-01-01", hash: "0", unknown: "refuse" },
      },
      { variables },
    );
    const { ok, checks } = JSON.parse(ran.stdout);
    expect(ok).toBe(false);
    expect(checks.map((check: { status: string }) => check.status)).toEqual([
      "failed",
      "warning",
      "failed",
      "warning",
      "ok",
      "warning",
    ]);
    expect(ran.stderr).toBe("error: failed: agents, audit trail\n");
    const fix = await runCli(["provisioning", "doctor", "--url", "http://edge.example", "--fix"], {}, { variables });
    expect(fix.exitCode).toBe(2);
  });

  it("doctor does not call broken what the first release has not", async () => {
    const variables = { OPENCLAW_GATEWAY_TOKEN: "t" };
    const ran = await runCli(
      ["provisioning", "doctor", "--url", "http://edge.example", "--json"],
      {
        ...listed,
        "GET /agents": { agents: [] },
        "GET /provisioning/audit/verify": { ok: true, events: 1 },
        "GET /provisioning/ai-providers": { keys: [{ status: "active" }] },
      },
      { variables },
    );
    const { ok, checks } = JSON.parse(ran.stdout);
    expect([ok, ran.exitCode, ran.stderr]).toEqual([true, 0, ""]);
    expect(checks.map(({ name, status }: { name: string; status: string }) => [name, status])).toEqual([
      ["agents", "ok"],
      ["audit trail", "ok"],
      ["AI providers", "ok"],
      ["provisioning keys", "ok"],
    ]);
    // An address at which there is no service is no such release.
    const nowhere = await runCli(["provisioning", "doctor", "--url", "http://edge.example"], {}, { variables });
    expect(nowhere.exitCode).toBe(1);
  });

  it("seals what comes on stdin", async () => {
    const seal = vi.fn(async () => "sealed.not.really");
    const ran = await runCli(["provisioning", "seal"], {}, { seal, stdin: "secret\n" });
    expect(seal).toHaveBeenCalledWith("secret");
    expect(ran.stdout).toBe("sealed.not.really\n");
  });

  it("prints the OpenAPI document", async () => {
    const ran = await runCli(["provisioning", "openapi"], { "GET /openapi.json": { openapi: "3.1.0" } });
    expect(JSON.parse(ran.stdout)).toEqual({ openapi: "3.1.0" });
  });
});

describe("init", () => {
  const provider = { provider: "anthropic", kind: "anthropic", status: "active", hint: "sk-...", canMint: false };
  /** Keeps what is posted, so that a second run meets the first. */
  function store() {
    const providers: Record<string, unknown>[] = [];
    const keys: Record<string, unknown>[] = [];
    return {
      "GET /provisioning/ai-providers": () => ({ keys: providers }),
      "POST /provisioning/ai-providers": ({ body }: { body: unknown }) => {
        const { name, provider: slug } = body as { name: string; provider: string };
        const added = { ...provider, id: `p${providers.length + 1}`, name, provider: slug };
        providers.push(added);
        return { ...added, verification: "verified" };
      },
      "GET /provisioning/agent-keys": () => ({ keys }),
      "POST /provisioning/agent-keys": ({ body }: { body: unknown }) => {
        const made = { ...key, ...(body as object), id: `k${keys.length + 1}`, status: "active" };
        keys.push(made);
        return { ...made, key: "ocp_k1_not-a-real-secret" };
      },
    };
  }
  const variables = { OPENAI_MASTER_KEY: "sk-test-openai", ANTHROPIC_MASTER_KEY: "sk-test-anthropic" };

  it("adds the providers it has keys for, and one key linked to the first", async () => {
    const ran = await runCli(["provisioning", "init", "--json"], store(), { variables });
    const { created, key: issued, aiProviders } = JSON.parse(ran.stdout);
    expect(created).toBe(true);
    expect(aiProviders.map((one: { name: string }) => one.name)).toEqual(["Master Anthropic Key", "Master OpenAI Key"]);
    expect(issued).toMatchObject({ aiProviderKeyId: "p1", scopes: ["agents:create", "agents:onboard"] });
    expect(ran.stdout + ran.stderr).not.toContain("sk-test");
  });

  it("changes nothing the second time, and says how to go on", async () => {
    const answers = store();
    await runCli(["provisioning", "init"], answers, { variables });
    const again = await runCli(["provisioning", "init"], answers, { variables });
    expect(again.exitCode).toBe(0);
    expect(again.calls.every((call) => call.method === "GET")).toBe(true);
    expect(again.stdout).toContain("`agent-keys rotate k1`");
    const only = await runCli(["provisioning", "init", "--output-key-only"], answers, { variables });
    expect(only).toMatchObject({ exitCode: 1, stdout: "" });
  });

  it("says when an older key is not linked to a provider that came later", async () => {
    const answers = store();
    await runCli(["provisioning", "init"], answers);
    const later = await runCli(["provisioning", "init"], answers, { variables });
    expect(later.stderr).toContain("`agent-keys create --ai-provider-key p1`");
  });

  it("does it while nobody else does", async () => {
    const service = fakeService(store());
    let inside = 0;
    const exclusively = async <Result>(work: () => Promise<Result>) => {
      inside += 1;
      const result = await work();
      inside -= 1;
      return result;
    };
    const fetch = async (request: Request) => {
      expect(inside).toBe(1);
      return service.fetch(request);
    };
    const openLocal = async () => ({ basePath: "/api/v1", fetch, exclusively, close: async () => {} });
    expect((await runCli(["provisioning", "init"], {}, { openLocal })).exitCode).toBe(0);
    expect(service.calls).toHaveLength(3);
  });
});

describe("attachProvisioning", () => {
  it("ends another program with our exit codes and our single line", async () => {
    const stderr: string[] = [];
    const service = fakeService({ "GET /provisioning/agent-keys": problem(503, "store_unreadable", "no store") });
    const unused = async () => Promise.reject(new Error("unused"));
    const exits: number[] = [];
    const exit = (code: number): never => {
      exits.push(code);
      throw new Error("exit");
    };
    const attached = () => {
      const program = new Command("host");
      const cli = { version: "0", write: () => {}, isTerminal: false, env: () => undefined };
      const open = async () => ({ ...service, basePath: "/api/v1", exclusively: unused, close: async () => {} });
      const never = { readStdin: unused, readFile: unused, doctor: unused, seal: unused, serve: unused };
      const writeError = (text: string) => stderr.push(text);
      attachProvisioning(program, { ...cli, ...never, writeError, openLocal: open }, exit);
      return program;
    };
    const parse = (args: string[]) => attached().parseAsync(args, { from: "user" });
    await expect(parse(list)).rejects.toThrow("exit");
    await expect(parse(["provisioning", "agent-keys", "list", "--shout"])).rejects.toThrow("exit");
    expect(exits).toEqual([1, 2]);
    expect(stderr).toEqual(["error: no store; the log has it as request req1\n", "error: unknown option '--shout'\n"]);
  });
});

it.each([{ items: [] }, [[]], {}])("says where other JSON than this API's came from: %j", async (answer) => {
  const url = "https://elsewhere.example.org";
  const variables = { OPENCLAW_GATEWAY_TOKEN: "a-gateway-token" };
  const { exitCode, stderr } = await runCli(
    ["provisioning", "agents", "list", "--url", url],
    { "GET /agents": Response.json(answer) },
    { variables },
  );
  expect(exitCode).toBe(1);
  expect(stderr).toBe(`error: ${url} answered without the fields of this API: is it the address of the service?\n`);
});

const pasted = `sk-ant-api03-${"a1B2c3D4e5F6g7H8i9J0".repeat(3)}`;

it.each([
  ["ai-providers", "add", "--provider", "anthropic", "--name", "a", `--kye=${pasted}`],
  ["ai-providers", "add", "--provider", "anthropic", "--name", "a", pasted],
  ["webhooks", "create", "https://receiver.example", "--format", pasted],
  ["agent-keys", "create", "--name", "a", "--scopes", pasted],
  ["events", "--types", pasted],
  [pasted],
])("repeats no key that was given in a wrong place: %s %s", async (...args) => {
  const { exitCode, stdout, stderr } = await runCli(["provisioning", ...args]);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("[key]");
  expect(stderr).not.toContain(pasted.slice(0, 24));
});

it("tells a fault once, whose detail begins with its path", async () => {
  const detail = "from (2026-12-02) lies after to (2026-12-01).";
  const errors = [{ path: "from", message: "must not lie after to" }];
  const { stderr } = await runCli(["provisioning", "usage"], {
    "GET /usage": problem(400, "invalid_query", detail, { errors }),
  });
  expect(stderr).toBe("error: from (2026-12-02) lies after to (2026-12-01)\n");
});

it.each([
  [["usage", "--by", "x"], "--by must be agent, model, provider, day, createdBy or label:<name>"],
  [["usage", "--json", "--csv"], "--csv and --json print two things: give one of them"],
  [["agents", "create", "a", "--idempotency-key", "k", "--expires", "30d"], "30d from now is another time"],
  [["agents", "create", "a", "--idempotency-key", "k", "--key-expires", "1w"], "give the time itself, as in 20"],
  [["agents", "create", "a", "--idempotency-key", "ключ"], "It must be at most 255 printable ASCII characters"],
  [["agents", "create", "a", "--bind", "telegram:*", "--bind", ""], "option '--bind <binding>' is empty"],
  [["agents", "create", "M\ufffdller"], "an argument is not UTF-8"],
  [["agents", "update", "a", "--label", "city=Z\ufffdrich"], "an argument is not UTF-8"],
  [["init", "--json", "--output-key-only"], "--output-key-only and --json print two things"],
  [["agent-keys", "rotate", "key_1", "--output-key-only", "--json"], "--output-key-only and --json print two things"],
  [["agents", "rotate-key", "a", "--output-key-only", "--json"], "--output-key-only and --json print two things"],
])("refuses %j as wrong usage, without a call", async (args, message) => {
  const { exitCode, stdout, stderr, calls } = await runCli(["provisioning", ...args], {});
  expect([exitCode, stdout, stderr, calls]).toEqual([2, "", expect.stringContaining(message), []]);
});
