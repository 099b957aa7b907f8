import { describe, expect, it } from "vitest";
import { problem, runCli } from "./run-cli.ts";

const time = "2026-11-22T18:00:00.000Z";
const summary = { agentId: "my-agent", name: "my-agent", status: "ready", bindings: ["telegram:*"], managed: true };
const quota = { limit: 1_000_000, used: 1234, reserved: 0, left: 998_766, resetAt: "2026-12-01T00:00:00.000Z" };
const detail = {
  ...summary,
  createdAt: time,
  health: {
    host: "ok",
    workspace: "ok",
    agentDir: "ok",
    credentials: "ok",
    aiKey: {
      keyId: "v1",
      provider: "anthropic",
      mode: "virtual",
      status: "active",
      quotas: { maxTokensPerMonth: quota },
    },
  },
};
const bindings = { added: ["telegram:*"], updated: [], skipped: [], conflicts: [] };
const created = { agentId: "my-agent", name: "my-agent", bindings, createdAt: time };
const aiKey = { provider: "anthropic", mode: "virtual", keyId: "v1", quotas: { maxTokensPerMonth: 1_000_000 } };
const agents = (...args: string[]) => ["provisioning", "agents", ...args];

describe("agents create", () => {
  it("takes ends that stay the same when it is repeated under an idempotency key", async () => {
    const create = agents("create", "a", "--provision-ai-key", "anthropic", "--idempotency-key", "k");
    const ends = ["--expires", "2027-01-31", "--key-expires", "2027-02-28T01:00:00+01:00"];
    const ran = await runCli([...create, ...ends], { "POST /agents/create": created });
    expect(ran.calls[0]?.body).toMatchObject({
      expiresAt: "2027-01-31T00:00:00.000Z",
      autoProvisionAiKey: { expiresAt: "2027-02-28T00:00:00.000Z" },
    });
  });

  it("sends every option where the API has it", async () => {
    const ran = await runCli(
      agents(
        ...["create", "--name", "My Agent", "--workspace", "~/ws", "--model", "m", "--bind", "telegram:*"],
        ...[
          "--bind",
          "slack",
          "--identity-name",
          "Ada",
          "--identity-emoji",
          "🦞",
          "--skip-bootstrap",
          "--gateway",
          "g1",
        ],
        ...["--provision-ai-key", "anthropic", "--ai-key-mode", "virtual", "--max-tokens-per-month", "1_000_000"],
        ...["--max-requests-per-minute", "5", "--models", "a,b", "--reveal-ai-key", "--idempotency-key", "once"],
      ),
      { "POST /agents/create": { ...created, aiKey } },
    );
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.calls[0]?.headers.get("idempotency-key")).toBe("once");
    expect(ran.calls[0]?.body).toEqual({
      name: "My Agent",
      workspace: "~/ws",
      model: "m",
      bind: ["telegram:*", "slack"],
      identity: { name: "Ada", emoji: "🦞" },
      skipBootstrap: true,
      gateway: "g1",
      autoProvisionAiKey: {
        provider: "anthropic",
        mode: "virtual",
        quotas: { maxTokensPerMonth: 1_000_000, maxRequestsPerMinute: 5 },
        models: ["a", "b"],
      },
      revealAiKey: true,
    });
    expect(ran.stdout).toMatch(/^AI key quotas +maxTokensPerMonth 1,000,000$/m);
  });

  it("takes a budget in USD, and shows it", async () => {
    const args = ["create", "a", "--provision-ai-key", "openrouter", "--ai-key-mode", "minted"];
    const minted = { ...aiKey, provider: "openrouter", mode: "minted", budgetUsdPerMonth: 12.5 };
    const answers = { "POST /agents/create": { ...created, aiKey: minted } };
    const ran = await runCli(agents(...args, "--budget-usd-per-month", "12.5"), answers);
    expect(ran.calls[0]?.body).toMatchObject({ autoProvisionAiKey: { mode: "minted", budgetUsdPerMonth: 12.5 } });
    expect(ran.stdout).toMatch(/^AI key budget +12.5 USD a month$/m);
    for (const wrong of ["0", "-1", "1e3", "0x10", "1000001", "ten", " "]) {
      const refused = await runCli(agents(...args, `--budget-usd-per-month=${wrong}`), answers);
      expect([wrong, refused.exitCode, refused.calls]).toEqual([wrong, 2, []]);
    }
    expect(await runCli(agents("create", "a", "--budget-usd-per-month", "5"))).toMatchObject({ exitCode: 2 });
  });

  it("prints a revealed key alone", async () => {
    const key = "ocv_v1_not-a-real-secret";
    const args = agents("create", "--name", "a", "--provision-ai-key", "anthropic", "--output-key-only");
    const ran = await runCli(args, { "POST /agents/create": { ...created, aiKey: { ...aiKey, key } } });
    expect(ran.stdout).toBe(`${key}\n`);
    expect(ran.calls[0]?.body).toMatchObject({ revealAiKey: true });
  });

  it.each([["--max-tokens-per-month", "5"], ["--models", "a"], ["--ai-key-mode", "virtual"], ["--reveal-ai-key"]])(
    "%s without --provision-ai-key is wrong usage",
    async (...options) => {
      const ran = await runCli(agents("create", "--name", "a", ...options));
      expect(ran).toMatchObject({ exitCode: 2, calls: [] });
      expect(ran.stderr).toMatch(/--provision-ai-key/);
    },
  );

  it("advises no option that it does not have where the provider refuses to mint", async () => {
    const ran = await runCli(
      agents("create", "--name", "a", "--provision-ai-key", "openai", "--ai-key-mode", "minted"),
      {
        "POST /agents/create": problem(422, "provider_refused", "OpenAI refused: no (HTTP 403)."),
      },
    );
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: OpenAI refused: no (HTTP 403)\n" });
  });

  it("passes a refusal on in one line", async () => {
    const ran = await runCli(agents("create", "--name", "a", "--json"), {
      "POST /agents/create": problem(409, "agent_exists", "An agent\nof this id exists"),
    });
    expect(ran).toMatchObject({ exitCode: 1, stdout: "", stderr: "error: An agent of this id exists\n", closed: 1 });
  });
});

describe("agents list", () => {
  const pages = {
    "GET /agents?limit=100": { agents: [summary], nextCursor: "my-agent", unreachable: ["east"] },
    "GET /agents?limit=100&cursor=my-agent": { agents: [{ ...summary, agentId: "other" }], unreachable: ["east"] },
  };

  it("follows every page", async () => {
    const ran = await runCli(agents("list", "--json"), pages);
    const { agents: found, unreachable } = JSON.parse(ran.stdout);
    expect(found.map((agent: { agentId: string }) => agent.agentId)).toEqual(["my-agent", "other"]);
    expect(unreachable).toEqual(["east"]);
  });

  it("warns of gateways that do not answer, beside the table", async () => {
    const ran = await runCli(agents("list"), pages);
    expect(ran.stdout.split("\n")).toHaveLength(4);
    expect(ran.stderr).toContain("east");
  });

  it("stops at the limit", async () => {
    const ran = await runCli(agents("list", "--limit", "1", "--json"), {
      "GET /agents?limit=1": { agents: [summary], nextCursor: "my-agent" },
    });
    expect(JSON.parse(ran.stdout).agents).toHaveLength(1);
    expect(ran.calls).toHaveLength(1);
    expect(await runCli(agents("list", "--limit", "0"), {})).toMatchObject({ exitCode: 2, calls: [] });
  });

  it("shows no control characters of somebody else's name", async () => {
    const ran = await runCli(agents("list"), {
      "GET /agents": { agents: [{ ...summary, name: "a\u001b[2Jb\u202e" }] },
    });
    expect(ran.stdout).toContain("a\\u001b[2Jb\\u202e");
  });
});

describe("agents get, update, delete, suspend, resume, rotate-key, usage, onboard", () => {
  it("get shows status, health and what is left", async () => {
    const ran = await runCli(agents("get", "my-agent"), { "GET /agents/my-agent": detail });
    expect(ran.stdout).toMatch(/^status +ready$/m);
    expect(ran.stdout).toMatch(/^maxTokensPerMonth +1,000,000 +1,234 +0 +998,766 +2026-12-01T00:00:00Z$/m);
  });

  it("get shows a minted key's budget", async () => {
    const { health } = detail;
    const minted = { ...health.aiKey, mode: "minted", budgetUsdPerMonth: 20 };
    const ran = await runCli(agents("get", "my-agent"), {
      "GET /agents/my-agent": { ...detail, health: { ...health, aiKey: minted } },
    });
    expect(ran.stdout).toMatch(/^AI key budget +20 USD a month$/m);
  });

  it("an unknown agent says where the ids are", async () => {
    const ran = await runCli(agents("get", "a/b"), {
      "GET /agents/a%2Fb": problem(404, "agent_not_found", "There is no such agent"),
    });
    expect(ran).toMatchObject({ exitCode: 1, stderr: "error: There is no such agent; `agents list` shows the ids\n" });
  });

  it("confine changes each of the agents that were made here, and says what each loses and who refused", async () => {
    const listed = [
      { ...summary, agentId: "old", managed: true },
      { ...summary, agentId: "kept", managed: true, confinement: "trusted" },
      { ...summary, agentId: "theirs", managed: false },
      { ...summary, agentId: "away", managed: true },
    ];
    const answers = {
      "GET /agents": { agents: listed },
      "PATCH /agents/old": detail,
      "PATCH /agents/kept": detail,
      "PATCH /agents/away": problem(502, "gateway_failed", "It does not answer."),
    };
    const ran = await runCli(agents("confine", "--all"), answers);
    expect(ran.exitCode).toBe(1);
    expect(ran.stdout).toMatch(/^old: workspace\. It loses programs, .*\nkept: trusted, as before/);
    expect(ran.stderr).toMatch(/away: not confined: It does not answer\.[\s\S]*1 of 3 agents are not confined/);
    const changes = ran.calls.filter(({ method }) => method === "PATCH").map(({ path, body }) => [path, body]);
    expect(changes).toContainEqual(["/agents/old", { confinement: "workspace" }]);
    expect(changes).toContainEqual(["/agents/kept", { confinement: "trusted" }]);
    expect(changes).toHaveLength(3);
    const named = await runCli(agents("confine", "one", "two", "--confinement", "sandbox"), {
      "GET /agents/one": { ...detail, agentId: "one" },
      "GET /agents/two": { ...detail, agentId: "two" },
      "PATCH /agents/one": detail,
      "PATCH /agents/two": detail,
    });
    expect([named.exitCode, named.stdout.split("\n").length]).toEqual([0, 3]);
    for (const wrong of [[], ["one", "--all"], ["one", "--confinement", "loose"]]) {
      expect((await runCli(agents("confine", ...wrong))).exitCode).toBe(2);
    }
  });

  it("confine sends no more at a time than a service and this machine's sockets bear", async () => {
    const ids = Array.from({ length: 60 }, (_, at) => `a-${at}`);
    let [open, most] = [0, 0];
    const change = async () => {
      most = Math.max(most, ++open);
      await new Promise(setImmediate);
      open--;
      return detail;
    };
    const ran = await runCli(agents("confine", "--all", "--json"), {
      "GET /agents": { agents: ids.map((agentId) => ({ ...summary, agentId, managed: true })) },
      ...Object.fromEntries(ids.map((id) => [`PATCH /agents/${id}`, change])),
    });
    expect([ran.exitCode, JSON.parse(ran.stdout).agents.length, most]).toEqual([0, 60, 25]);
  });

  it("update merges quotas, and none lifts one", async () => {
    const options = ["--max-tokens-per-month", "5", "--max-requests-per-day", "none"];
    const ran = await runCli(agents("update", "my-agent", ...options), { "PATCH /agents/my-agent": detail });
    expect(ran.calls[0]?.body).toEqual({ quotas: { maxTokensPerMonth: 5, maxRequestsPerDay: null } });
    expect((await runCli(agents("update", "my-agent"))).exitCode).toBe(2);
  });

  it("delete says what went and what stayed", async () => {
    const ran = await runCli(agents("delete", "my-agent", "--delete-workspace"), {
      "DELETE /agents/my-agent": { agentId: "my-agent", deleted: ["workspace"], preserved: ["sessions"] },
    });
    expect(ran.calls[0]?.body).toEqual({ deleteWorkspace: true });
    expect(ran.stdout).toBe("Agent my-agent deleted\ndeleted    workspace\npreserved  sessions\n");
  });

  it.each([[], ["--json"]])("delete warns of a key that is still to be revoked %j", async (...options) => {
    const ran = await runCli(agents("delete", "my-agent", ...options), {
      "DELETE /agents/my-agent": { agentId: "my-agent", deleted: ["entry"], preserved: ["workspace", "aiKey"] },
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toMatch(/^warning: [^\n]*still to be revoked at its provider[^\n]*tried again[^\n]*\n$/);
  });

  it("delete names the setting that forbids it", async () => {
    const ran = await runCli(agents("delete", "my-agent"), {
      "DELETE /agents/my-agent": problem(403, "delete_not_allowed", "Deleting agents is switched off"),
    });
    expect(ran.stderr).toContain("gateway.provisioning.allowDelete");
  });

  it.each(["suspend", "resume"])("%s", async (command) => {
    const ran = await runCli(agents(command, "my-agent", "--json"), { [`POST /agents/my-agent/${command}`]: detail });
    expect(JSON.parse(ran.stdout)).toEqual(detail);
  });

  it("rotate-key hides the new key unless it is asked for", async () => {
    const answers = {
      "POST /agents/my-agent/ai-key/rotate": ({ body }: { body: unknown }) =>
        (body as { revealAiKey?: boolean }).revealAiKey
          ? { agentId: "my-agent", aiKey: { ...aiKey, key: "ocv_v1_new" } }
          : { agentId: "my-agent", aiKey },
    };
    const hidden = await runCli(agents("rotate-key", "my-agent", "--grace", "0"), answers);
    expect(hidden.stdout).toBe("AI key v1 of agent my-agent is rotated.\n");
    expect(hidden.calls[0]?.body).toEqual({ graceSeconds: 0 });
    const shown = await runCli(agents("rotate-key", "my-agent", "--output-key-only"), answers);
    expect(shown.stdout).toBe("ocv_v1_new\n");
  });

  it("shows what an agent has used", async () => {
    const parts = { inputTokens: 1000, cacheReadTokens: 800, cacheWriteTokens: 0, outputTokens: 234 };
    const use = { requests: 2, tokens: 1234, usd: 0.0045, unpricedRequests: 1, ...parts };
    const usage = {
      agentId: "my-agent",
      from: "2026-11-01",
      to: "2026-11-22",
      quotas: { maxTokensPerMonth: quota },
      total: use,
      days: [{ day: "2026-11-22", ...use, models: [{ model: "m", ...use }] }],
      months: [],
      models: [],
    };
    const ran = await runCli(agents("usage", "my-agent", "--from", "2026-11-01"), {
      "GET /agents/my-agent/usage?from=2026-11-01": usage,
    });
    expect(ran.stdout).toContain("1,234 tokens in 2 requests, $0.0045");
    expect(ran.stdout).toContain("1 requests had no known price and are not in it");
    expect(ran.stdout).toMatch(/^2026-11-22 {2}m +2 +1,000 +800 +234 +1,234 +\$0\.0045$/m);
    expect((await runCli(agents("usage", "my-agent", "--to", "2026-02-31"))).exitCode).toBe(2);
  });

  it("usage shows what is estimated apart, and how to give it back", async () => {
    const parts = { inputTokens: 1000, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 234 };
    const use = { requests: 2, tokens: 1234, estimated: 1000, usd: 1, unpricedRequests: 0, ...parts };
    const usage = {
      ...{ agentId: "my-agent", from: "2026-11-01", to: "2026-11-22", quotas: {}, total: use, months: [], models: [] },
      days: [{ day: "2026-11-22", ...use, models: [{ model: "m", ...use }] }],
    };
    const ran = await runCli(agents("usage", "my-agent"), { "GET /agents/my-agent/usage": usage });
    expect(ran.stdout).toMatch(/^1,000 of them are estimates, .*`agents credit my-agent --estimates`/m);
    expect(ran.stdout).toMatch(/^2026-11-22 {2}m +2 +1,000 +0 +234 +1,234 +\$1\.00 +1,000$/m);
  });

  it("credit gives estimates back, since a time or for a while", async () => {
    const credited = { agentId: "my-agent", credited: { tokens: 1234 }, quotas: { maxTokensPerMonth: quota } };
    const answers = { "POST /agents/my-agent/credit": credited };
    const ran = await runCli(
      agents("credit", "my-agent", "--estimates", "--since", "2026-11-22T18:00:00+01:00"),
      answers,
    );
    expect(ran.calls[0]?.body).toEqual({ estimates: true, since: "2026-11-22T17:00:00.000Z" });
    expect(ran.stdout).toMatch(/^1,234 estimated tokens of agent my-agent are given back\.$/m);
    expect(ran.stdout).toMatch(/^maxTokensPerMonth +1,000,000/m);
    const late = await runCli(agents("credit", "my-agent", "--estimates", "--since", "2h", "--json"), answers);
    expect(JSON.parse(late.stdout)).toEqual(credited);
    const { since } = late.calls[0]!.body as { since: string };
    expect(Date.now() - Date.parse(since)).toBeGreaterThanOrEqual(7_200_000);
    expect(Date.now() - Date.parse(since)).toBeLessThan(7_260_000);
    expect(await runCli(agents("credit", "my-agent"))).toMatchObject({ exitCode: 2 });
    expect((await runCli(agents("credit", "my-agent", "--estimates", "--since", "soon"))).exitCode).toBe(2);
  });

  it("onboard runs the steps that its options name, and fails if one fails", async () => {
    const answers = {
      "POST /agents/my-agent/onboard": {
        agentId: "my-agent",
        completed: ["model"],
        failed: ["auth"],
        errors: [{ step: "auth", code: "credential_not_stored", message: "nothing here can hold it" }],
      },
    };
    const args = agents("onboard", "my-agent", "--provider", "anthropic", "--key", "-", "--model", "m");
    const ran = await runCli(args, answers, { stdin: "sk-test-not-a-real-key\n" });
    expect(ran.calls[0]?.body).toEqual({
      steps: ["auth", "model"],
      auth: { provider: "anthropic", credentials: { apiKey: "sk-test-not-a-real-key" } },
      model: "m",
    });
    expect(ran).toMatchObject({
      exitCode: 1,
      stdout: "Agent my-agent: model done.\n",
      stderr: "error: onboarding failed at auth; auth: nothing here can hold it\n",
    });
    expect((await runCli(agents("onboard", "my-agent"), answers)).exitCode).toBe(2);
    expect((await runCli(agents("onboard", "my-agent", "--key", "-"), answers)).exitCode).toBe(2);
  });
});
