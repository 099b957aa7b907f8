import { describe, expect, it } from "vitest";
import { readAgentsFile } from "../../src/cli/agents-file.ts";
import { type Answers, type Call, problem, runCli } from "./run-cli.ts";

const create = (...args: string[]) => ["provisioning", "agents", "create", ...args];
const bodies = (content: string) => readAgentsFile(content).entries.map(({ body }) => body);
const two = [{ name: "One", labels: { tenant: "acme" } }, { name: "Two" }];

describe("a file of agents", () => {
  it.each([
    ["a JSON array", JSON.stringify(two, null, 2)],
    ["an object with agents", JSON.stringify({ agents: two })],
    ["JSON lines", `\ufeff${two.map((one) => JSON.stringify(one)).join("\r\n")}\n\n`],
    ["CSV", "name,labels.tenant\r\nOne,acme\r\nTwo,\r\n"],
    ["CSV with the line ends of old spreadsheets", "name,labels.tenant\rOne,acme\rTwo,\r"],
    ["CSV without a last line end", "\ufefflabels.tenant,name\nacme,One\n\n,Two"],
  ])("may be %s", (_, content) => {
    expect(bodies(content)).toEqual(two);
  });

  it("takes from a CSV all that a create takes, as what it is", () => {
    const header =
      "name,bind,skipBootstrap,identity.name,labels.a.b,autoProvisionAiKey.provider,autoProvisionAiKey.models,autoProvisionAiKey.quotas.maxUsdPerMonth,autoProvisionAiKey.quotas.maxTokensPerDay";
    const row = '"Acme, ""Ltd""\nEU",telegram:a; slack:*,true,Ada,x,anthropic,m-1;m-2,12.5,1000';
    const [line] = readAgentsFile(
      `${header}\n"Acme, ""Ltd""",telegram:a; slack:*,true,Ada,x,anthropic,m-1;m-2,12.5,1000\n`,
    ).entries;
    expect(line).toEqual({
      place: "line 2",
      body: {
        name: 'Acme, "Ltd"',
        bind: ["telegram:a", "slack:*"],
        skipBootstrap: true,
        identity: { name: "Ada" },
        labels: { "a.b": "x" },
        autoProvisionAiKey: {
          provider: "anthropic",
          models: ["m-1", "m-2"],
          quotas: { maxUsdPerMonth: 12.5, maxTokensPerDay: 1000 },
        },
      },
    });
    // A line end within quotes is one of the cell's, and the next row's line is counted behind it.
    const { faults } = readAgentsFile(`${header}\n${row}\n,,,,,,,,\nlast,,perhaps`);
    expect(faults.map(({ place, field }) => `${place} ${field}`)).toContain("line 5 skipBootstrap");
  });

  it.each([
    ["[{}]", "entry 1", "name"],
    ['[{"name": "a"}, {"name": "b", "quotas": {}}]', "entry 2", "quotas"],
    ['{"name": "a"}\n\n{"name": "b", "labels": {"A": "x"}}', "line 3", "labels.A"],
    [
      "name,autoProvisionAiKey.provider,autoProvisionAiKey.quotas.maxTokensPerDay\na,openai,lots",
      "line 2",
      "autoProvisionAiKey.quotas.maxTokensPerDay",
    ],
    ["name\nOne\none", "line 3", "name"],
    ['[{"name": "a", "__proto__": {"x": 1}}]', "entry 1", "__proto__"],
  ])("names the fault in %j", (content, place, field) => {
    expect(readAgentsFile(content).faults).toContainEqual({ place, field, why: expect.any(String) });
  });

  it.each([
    ["", "names no agents"],
    ["name\n", "names no agents"],
    ["[", "not valid JSON"],
    ['{"name": "a"}\n{', "line 2 is not valid JSON"],
    ["name,colour\na,red", 'no column "colour"'],
    ["labels.tenant\nacme", 'no column "name"'],
    ["name,name\na,b", "twice"],
    ["name\na,b", "line 2 has more cells"],
    ['name\n"a', "line 2 of the CSV has a quote that does not end"],
    ['name\n"a"b', "line 2 of the CSV has a quote that does not end"],
    ['name,model\r"a\r\nb",m\rc,5" d', "line 4 of the CSV has a quote that does not end"],
    ['name,model\n"a\nb",m\nc,5" d', "line 4 of the CSV has a quote that does not end"],
  ])("as a whole is refused: %j", (content, message) => {
    expect(() => readAgentsFile(content)).toThrow(message);
  });
});

it("names the line of an open quote in a file of many megabytes", () => {
  const rows = "name,claude-sonnet-4-5\n".repeat(500_000);
  expect(() => readAgentsFile(`name,model\n"a,m\n${rows}`)).toThrow("line 2 of the CSV has a quote that does not end");
});

const made = (call: Call) => {
  const { agents, dryRun } = call.body as { agents: { name: string }[]; dryRun?: boolean };
  const results = agents.map(({ name }, index) =>
    name.startsWith("bad")
      ? { index, code: "agent_limit_reached", detail: "The key is full." }
      : { index, agentId: name, ...(!dryRun && { aiKey: { key: `secret-of-${name}` } }) },
  );
  return { batchId: "b", dryRun, results };
};
const there = (agentId: string, more: object = {}) => ({
  agentId,
  name: agentId,
  managed: true,
  bindings: [],
  health: {},
  ...more,
});
const service = (...existing: ReturnType<typeof there>[]): Answers => ({
  "GET /agents": { agents: existing },
  ...Object.fromEntries(existing.map((one) => [`GET /agents/${one.agentId}`, one])),
  "POST /agents/bulk": made,
});
const from = (content: string, answers: Answers, ...args: string[]) =>
  runCli(create("--from", "agents.json", ...args), answers, { readFile: async () => content });
const names = (count: number) => JSON.stringify(Array.from({ length: count }, (_, at) => ({ name: `a-${at}` })));

describe("agents create --from", () => {
  it("makes them, 20 a call, and shows the keys that came back", async () => {
    const ran = await from(names(30), service(), "--reveal-ai-key");
    const posts = ran.calls.filter(({ method }) => method === "POST").map(({ body }) => body as { agents: object[] });
    expect(posts.map(({ agents }) => agents.length)).toEqual([20, 10]);
    expect(posts[0]!.agents[0]).toEqual({ name: "a-0", revealAiKey: true });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/^30 agents are created\.\n[\s\S]+a-29 +secret-of-a-29/);
  });

  it("makes fewer a call where the service says how many it can make", async () => {
    const fewer = (call: Call) =>
      (call.body as { agents: object[] }).agents.length > 12
        ? problem(400, "invalid_body", "agents: too many agents; send several times.", {
            errors: [{ path: "agents", message: "too many agents", most: 12 }],
          })
        : made(call);
    const ran = await from(names(30), { ...service(), "POST /agents/bulk": fewer });
    const posts = ran.calls.filter(({ method }) => method === "POST").map(({ body }) => body as { agents: object[] });
    expect(posts.map(({ agents }) => agents.length)).toEqual([20, 12, 12, 6]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^30 agents are created\./) });
  });

  it("asks no more of a service that refuses as many as it says it can make", async () => {
    let calls = 0;
    const never = () => {
      // A command that goes on would never end.
      if (++calls > 3) throw new Error("asked again");
      const errors = [{ path: "agents", message: "at most 25 agents" }];
      return problem(400, "invalid_body", "agents: at most 25 agents in one call here; send several.", { errors });
    };
    const ran = await from(names(30), { ...service(), "POST /agents/bulk": never });
    expect([ran.exitCode, calls]).toEqual([1, 1]);
  });

  it("hands over a key of the file, and shows it in no fault and no answer", async () => {
    const apiKey = "sk-test-not-a-real-key";
    const auth = { provider: "anthropic", credentials: { apiKey } };
    const ran = await from(JSON.stringify([{ name: "keyed", auth }]), service());
    const posts = ran.calls.filter(({ method }) => method === "POST").map(({ body }) => body);
    expect(posts).toEqual([{ action: "create", agents: [{ name: "keyed", auth }] }]);
    const refused = await from(
      JSON.stringify([{ name: "keyed", auth: { ...auth, credentials: { apiKey: `${apiKey} and more` } } }]),
      service(),
    );
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("nothing was made") });
    expect(refused.stdout).toContain("auth.credentials.apiKey");
    expect(JSON.stringify([ran.stdout, ran.stderr, refused.stdout, refused.stderr])).not.toContain(apiKey);
  });

  it("ends with 1 where some were refused, and says which and why", async () => {
    const ran = await from('[{"name": "one"}, {"name": "bad-two"}]', service());
    expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("1 of the agents were refused") });
    expect(ran.stdout).toMatch(/entry 2 +bad-two +agent_limit_reached +The key is full/);
  });

  it("leaves those alone that are there as the file has them, and refuses those that differ", async () => {
    const quotas = { maxRequestsPerDay: { limit: 9 } };
    const health = { aiKey: { provider: "openai", mode: "virtual", quotas } };
    const key = (limit: number) => ({ provider: "openai", quotas: { maxRequestsPerDay: limit } });
    const content = JSON.stringify([
      { name: "same", model: "m", labels: { a: "b" }, autoProvisionAiKey: key(9) },
      { name: "other", model: "m", labels: { a: "c" }, autoProvisionAiKey: key(10) },
      { name: "strange" },
      { name: "new" },
    ]);
    const labels = { a: "b", more: "x" };
    const ran = await from(
      content,
      service(
        there("same", { model: "m", labels, health }),
        there("other", { model: "n", labels, health }),
        there("strange", { managed: false }),
      ),
    );
    const posts = ran.calls.filter(({ method }) => method === "POST");
    expect(posts.map(({ body }) => body)).toEqual([{ action: "create", agents: [{ name: "new" }] }]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain("1 agent is created. 1 was there already.");
    expect(ran.stdout).toMatch(
      /entry 2 +other +agent_exists .*differs in model, labels, autoProvisionAiKey\.quotas\.maxRequestsPerDay;/,
    );
    expect(ran.stdout).toMatch(/entry 3 +strange +agent_exists .*differs in who made it;/);
  });

  it("refuses one that lacks a binding, an identity, a kind of key, its AI provider, its gateway or its name", async () => {
    const asked = { bind: ["telegram:ops"], identity: { name: "Ada" } };
    const autoProvisionAiKey = { provider: "openai", mode: "minted" };
    const has = { bindings: ["telegram:ops", "slack"], identity: { name: "Ada", emoji: "x" } };
    const key = (provider: string, mode: string) => ({ health: { aiKey: { provider, mode, quotas: {} } } });
    const ran = await from(
      JSON.stringify([
        { name: "same", ...asked, autoProvisionAiKey },
        { name: "bare", ...asked },
        { name: "named", ...asked },
        { name: "keyless", autoProvisionAiKey: { provider: "openai" } },
        { name: "other", autoProvisionAiKey },
        {
          name: "Moved",
          gateway: "gw1",
          confinement: "sandbox",
          expiresAt: "2099-01-31T00:00:00Z",
          autoProvisionAiKey: { provider: "openai" },
        },
      ]),
      service(
        there("same", { ...has, ...key("openai", "minted") }),
        there("bare", { ...has, bindings: ["slack"] }),
        there("named", { ...has, identity: { name: "Eve" } }),
        there("keyless"),
        there("other", key("anthropic", "virtual")),
        there("moved", { gateway: "gw2", confinement: "workspace", ...key("openai", "virtual") }),
      ),
    );
    expect(ran.stdout).toContain("0 agents are created. 1 was there already.");
    const differing = [...ran.stdout.matchAll(/^entry \d +(\w+) .* differs in ([^;]+);/gm)].map(
      ([, ...found]) => found,
    );
    expect(differing).toEqual([
      ["bare", "bind"],
      ["named", "identity"],
      ["keyless", "autoProvisionAiKey.provider"],
      ["other", "autoProvisionAiKey.provider, autoProvisionAiKey.mode"],
      ["Moved", "name, gateway, confinement, expiresAt"],
    ]);
  });

  it("refuses an agent whose workspace is another, and not one whose path leads over a link", async () => {
    const entry = (name: string, workspace: string) => ({ name, workspace });
    const ran = await from(
      JSON.stringify([
        entry("same", "~/workspaces/same/"),
        entry("linked", "/var/run/agents/linked/."),
        entry("other", "/home/node/.openclaw/workspace-mine"),
        entry("none", "/home/node/.openclaw/workspace-none"),
      ]),
      service(
        there("same", { workspace: "/home/node/workspaces/same" }),
        there("linked", { workspace: "/run/agents/linked" }),
        there("other", { workspace: "/home/node/.openclaw/workspace-other" }),
        there("none"),
      ),
    );
    expect(ran.stdout).toContain("0 agents are created. 3 were there already.");
    expect(ran.stdout).toMatch(/entry 3 +other +agent_exists .*differs in workspace;/);
    expect(ran.exitCode).toBe(1);
  });

  it("compares the terms of a key, the tools and the peers too, in whatever order", async () => {
    const asked = {
      tools: ["web", "cron"],
      peers: ["b"],
      confinement: "workspace",
      autoProvisionAiKey: {
        provider: "openai",
        models: ["m", "n"],
        expiresAt: "2027-01-31T00:00:00Z",
        budgetUsdPerMonth: 5,
      },
    };
    const aiKey = { provider: "openai", mode: "virtual", quotas: {}, models: ["n", "m"], budgetUsdPerMonth: 5 };
    const agent = (id: string, tools: string[], more: object) =>
      there(id, {
        confinement: "workspace",
        tools,
        peers: ["b"],
        health: { aiKey: { ...aiKey, expiresAt: "2027-01-31T00:00:00.000Z", ...more } },
      });
    const ran = await from(
      JSON.stringify(["same", "wide", "free"].map((name) => ({ name, ...asked }))),
      service(
        agent("same", ["cron", "web"], {}),
        agent("wide", ["cron", "web", "exec"], { models: undefined, budgetUsdPerMonth: 50, expiresAt: undefined }),
        there("free", { confinement: "workspace", health: { aiKey } }),
      ),
    );
    expect(ran.stdout).toContain("1 was there already.");
    const key = (field: string) => `autoProvisionAiKey\\.${field}`;
    expect(ran.stdout).toMatch(
      new RegExp(
        `entry 2 .* differs in tools, ${key("models")}, ${key("expiresAt")}, ${key("budgetUsdPerMonth")};.*\nentry 3 .* differs in tools, peers, ${key("expiresAt")};`,
      ),
    );
    expect(ran.exitCode).toBe(1);
  });

  it("shows what was made though a later call fails", async () => {
    let calls = 0;
    const answers = {
      ...service(),
      "POST /agents/bulk": (call: Call) =>
        ++calls === 1 ? made(call) : Response.json({ detail: "no" }, { status: 403 }),
    };
    const ran = await from(names(30), answers);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toContain("secret-of-a-19");
  });

  it("makes nothing in a dry run, nor where the file has a fault", async () => {
    const dry = await from(names(2), service(), "--dry-run", "--json");
    expect(dry.calls.at(-1)!.body).toMatchObject({ action: "create", dryRun: true });
    expect(JSON.parse(dry.stdout)).toEqual({
      dryRun: true,
      created: [{ agentId: "a-0" }, { agentId: "a-1" }],
      existing: [],
      failed: [],
    });
    const bad = await from('[{"name": "one"}, {"nam": "two"}]', service());
    expect([bad.exitCode, bad.calls]).toEqual([1, []]);
    expect(bad.stdout).toMatch(/entry 2 +nam +is not a field/);
    const { stdout } = await from('[{"name": "one"}, {"nam": "two"}]', service(), "--json");
    const faults = JSON.parse(stdout).faults as { place: string; field: string }[];
    expect(faults).toContainEqual({ place: "entry 2", field: "nam", why: expect.stringContaining("is not a field") });
  });

  it.each([
    [["one", "--from", "x"], "--from takes everything from the file"],
    [["--from", "x", "--model", "m"], "--from takes everything from the file"],
    [["one", "--dry-run"], "--dry-run goes with --from"],
  ])("refuses %j", async (args, message) => {
    const ran = await runCli(create(...args), service());
    expect([ran.exitCode, ran.calls]).toEqual([2, []]);
    expect(ran.stderr).toContain(message);
  });
});
