import { describe, expect, it } from "vitest";
import { type Call, problem, runCli } from "./run-cli.ts";

const expiresAt = "2027-01-01T00:00:00.000Z";
const agent = (agentId: string, more: object = {}) => ({
  agentId,
  name: agentId,
  status: "ready",
  bindings: [],
  managed: true,
  ...more,
});
const agents = (...args: string[]) => ["provisioning", "agents", ...args];
const done = (call: Call) => {
  const { agentIds, dryRun } = call.body as { agentIds: string[]; dryRun?: boolean };
  const failed = agentIds.filter((id) => id.startsWith("bad"));
  return {
    batchId: `batch-${agentIds.length}`,
    dryRun,
    succeeded: agentIds.filter((id) => !failed.includes(id)),
    failed: failed.map((agentId) => ({ agentId, code: "ai_key_not_found", detail: "It has no AI key." })),
  };
};
const service = (found: object[]) => ({
  "GET /agents": { agents: found, total: found.length },
  "POST /agents/bulk": done,
});

describe("agents list", () => {
  it("passes its filters on, and says how many more there are", async () => {
    const ran = await runCli(
      agents(
        "list",
        "--label",
        "tenant=acme",
        "--label",
        "plan=pro",
        "--status",
        "suspended",
        "--sort=-createdAt",
        "--limit",
        "1",
      ),
      { "GET /agents": { agents: [agent("one", { labels: { tenant: "acme" } })], total: 1200 } },
    );
    expect(ran.exitCode).toBe(0);
    const query = new URL(`http://x${ran.calls[0]!.path}`).searchParams;
    expect([query.getAll("label"), query.get("status"), query.get("sort")]).toEqual([
      ["tenant:acme", "plan:pro"],
      "suspended",
      "-createdAt",
    ]);
    expect(ran.stdout).toContain("tenant=acme");
    expect(ran.stderr).toContain("1 of 1,200 that match");
  });

  it.each([
    [["--near-limit"], "0.8"],
    [["--near-limit", "95%"], "0.95"],
    [["--near-limit", "90"], "0.9"],
    [["--near-limit", "0.5"], "0.5"],
  ])("%j is a share", async (args, share) => {
    const ran = await runCli(agents("list", ...args), service([]));
    expect(new URL(`http://x${ran.calls[0]!.path}`).searchParams.get("minShare")).toBe(share);
  });

  it.each([
    ["--near-limit", "20%"],
    ["--near-limit", "most"],
    ["--status", "lost"],
    ["--sort", "colour"],
    ["--label", "tenant"],
  ])("refuses %s %s", async (flag, value) => {
    const ran = await runCli(agents("list", flag, value), service([]));
    expect([ran.exitCode, ran.calls]).toEqual([2, []]);
  });

  it("aligns names by the columns that a terminal gives them", async () => {
    const names = ["サーバー", "ｱｲｳ", "（株）", "東京、", "plain", "⭐"];
    const listed = names.map((name, at) => ({ agentId: `a${at}`, name, status: "ready", bindings: [], managed: true }));
    const { stdout } = await runCli(["provisioning", "agents", "list"], { "GET /agents": { agents: listed } });
    const gaps = stdout
      .split("\n")
      .slice(1, -1)
      .map((line) => / +(?=ready)/.exec(line)![0].length);
    expect(gaps).toEqual([8, 3, 6, 6, 5, 2].map((columns) => 10 - columns));
  });
});

describe("agents bulk", () => {
  it("changes those that are named, in one call", async () => {
    const ran = await runCli(agents("bulk", "suspend", "one", "two", "one"), service([]));
    expect(ran).toMatchObject({ exitCode: 0, stdout: "2 agents are suspended.\n" });
    expect(ran.calls).toMatchObject([{ method: "POST", body: { action: "suspend", agentIds: ["one", "two"] } }]);
  });

  it("changes those that match, as many calls as it takes", async () => {
    const found = Array.from({ length: 30 }, (_, at) => agent(`a-${at}`));
    const ran = await runCli(
      agents("bulk", "update", "--label", "tenant=acme", "--set-label", "plan=", "--max-tokens-per-month", "none"),
      service(found),
    );
    expect(ran.calls[0]!.path).toContain("label=tenant%3Aacme");
    const posts = ran.calls.slice(1).map(({ body }) => body as { agentIds: string[] });
    expect(posts.map(({ agentIds }) => agentIds.length)).toEqual([20, 10]);
    expect(posts[0]).toMatchObject({ action: "update", labels: { plan: null }, quotas: { maxTokensPerMonth: null } });
    expect(ran.stdout).toBe("30 agents are updated.\n");
  });

  it.each([[[]], [["--json"]]])("tells what was changed though a later call fails: %j", async (options) => {
    const found = Array.from({ length: 30 }, (_, at) => agent(`a-${at}`));
    const answers = {
      ...service(found),
      "POST /agents/bulk": (call: Call) =>
        (call.body as { agentIds: string[] }).agentIds.length === 20 ? done(call) : problem(403, "scope_missing", "no"),
    };
    const ran = await runCli(agents("bulk", "suspend", "--all", ...options), answers);
    expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("no") });
    if (options.length === 0) expect(ran.stdout).toBe("20 agents are suspended.\n");
    else expect(JSON.parse(ran.stdout).succeeded).toHaveLength(20);
  });

  it("ends with 1 where some were refused, and says why", async () => {
    const ran = await runCli(agents("bulk", "rotate", "one", "bad-two", "--grace", "2h"), service([]));
    expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("1 of the agents were refused") });
    expect(ran.stdout).toMatch(/1 agent is given new AI keys[\s\S]+bad-two +ai_key_not_found +It has no AI key/);
    expect(ran.calls[0]!.body).toMatchObject({ graceSeconds: 7200 });
  });

  it("says what a dry run would do", async () => {
    const ran = await runCli(
      agents("bulk", "delete", "--all", "--dry-run", "--delete-workspace"),
      service([agent("one")]),
    );
    expect(ran.stdout).toBe("1 agent would be deleted.\n");
    expect(ran.calls[1]!.body).toEqual({ action: "delete", agentIds: ["one"], deleteWorkspace: true, dryRun: true });
  });

  it.each([
    [["suspend"], "which agents"],
    [["suspend", "one", "--label", "tenant=acme"], "not both"],
    [["delete", "--label", "tenant=acme", "--label", "tenant=other"], '"tenant" is given twice'],
    [["suspend", "one", "--all"], "not both"],
    [["explode", "one"], "must be one of suspend"],
  ])("refuses %j", async (args, message) => {
    const ran = await runCli(agents("bulk", ...args), service([]));
    expect([ran.exitCode, ran.calls]).toEqual([2, []]);
    expect(ran.stderr).toContain(message);
  });
});

describe("labels and an end", () => {
  const detail = {
    ...agent("one", { labels: { tenant: "acme" }, expiresAt }),
    health: { host: "ok", workspace: "ok", agentDir: "ok", credentials: "ok" },
  };

  it("are given at a create", async () => {
    const ran = await runCli(
      agents(
        "create",
        "one",
        "--label",
        "tenant=acme",
        "--provision-ai-key",
        "openai",
        "--expires",
        "2099-01-01T00:00:00Z",
      ),
      {
        "POST /agents/create": Response.json(
          { ...detail, bindings: { added: [], updated: [], skipped: [], conflicts: [] }, createdAt: expiresAt },
          { status: 201 },
        ),
      },
    );
    expect(ran.exitCode).toBe(0);
    expect(ran.calls[0]!.body).toMatchObject({ labels: { tenant: "acme" }, expiresAt: "2099-01-01T00:00:00.000Z" });
    expect(ran.stdout).toMatch(/labels +tenant=acme/);
  });

  it.each([
    [["--expires", "never"], { expiresAt: null }],
    [["--label", "plan=pro", "--label", "tenant="], { labels: { plan: "pro", tenant: null } }],
  ])("are changed by %j", async (args, body) => {
    const ran = await runCli(agents("update", "one", ...args), { "PATCH /agents/one": detail });
    expect(ran.calls[0]!.body).toEqual(body);
    expect(ran.stdout).toMatch(/expires +2027-01-01T00:00:00Z/);
  });
});

describe("usage", () => {
  const row = (key: string, usd: number) => ({
    ...{ key, requests: 1, inputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, tokens: 1 },
    ...{ usd, unpricedRequests: 0 },
  });
  const page = (rows: object[], nextCursor?: string) => ({
    ...{ from: "2026-11-01", to: "2026-11-30", by: "agent", asOf: expiresAt, total: row("", 9) },
    ...{ rows, nextCursor },
  });
  const usage = async (...args: string[]) => {
    const ran = await runCli(["provisioning", "usage", "--json", ...args], {
      "GET /usage": ({ path }: Call) =>
        path.includes("cursor=") ? page([row("b", 2), row("c", 5)]) : page([row("a", 2)], "~next"),
    });
    const orders = ran.calls.map(({ path }) => new URL(`http://x${path}`).searchParams.get("orderBy"));
    return { keys: JSON.parse(ran.stdout).rows.map(({ key }: { key: string }) => key), orders };
  };

  it("is read in the order of keys, which misses no row, and shown in the order that is asked for", async () => {
    expect(await usage()).toEqual({ keys: ["c", "a", "b"], orders: ["key", "key"] });
    expect(await usage("--by", "day")).toEqual({ keys: ["a", "b", "c"], orders: ["key", "key"] });
    expect(await usage("--order-by", "key")).toEqual({ keys: ["a", "b", "c"], orders: ["key", "key"] });
    expect(await usage("--limit", "1", "--order-by", "usd")).toEqual({ keys: ["a"], orders: ["usd"] });
  });
});
