import { describe, expect, it } from "vitest";
import { problem, runCli } from "./run-cli.ts";

const agents = (...args: string[]) => ["provisioning", "agents", ...args];
const listed = (agentId: string, managed: boolean) => ({
  agentId,
  name: agentId,
  status: "ready",
  bindings: [],
  managed,
});
const adopted = (agentId: string, more: object = {}) => ({
  agentId,
  name: agentId,
  bindings: [],
  confinement: "trusted",
  changes: [{ setting: "model.primary", after: '"metered-anthropic/m"' }],
  ...more,
});

describe("agents adopt", () => {
  it("passes the key, its quota, labels and confinement on, and shows what changed", async () => {
    const ran = await runCli(
      agents(
        "adopt",
        "one",
        "--provision-ai-key",
        "anthropic",
        "--max-usd-per-month",
        "20",
        "--label",
        "tenant=acme",
        "--confinement",
        "workspace",
      ),
      { "POST /agents/one/adopt": adopted("one") },
    );
    expect([ran.exitCode, ran.stderr]).toEqual([0, ""]);
    expect(ran.calls[0]!.body).toEqual({
      autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } },
      labels: { tenant: "acme" },
      confinement: "workspace",
    });
    expect(ran.stdout).toContain("model.primary");
  });

  it("--all is every agent of others but main, and a dry run changes nothing", async () => {
    const ran = await runCli(agents("adopt", "--all", "--dry-run", "--json"), {
      "GET /agents": {
        agents: [listed("main", false), listed("ours", true), listed("theirs", false), listed("bad", false)],
      },
      "POST /agents/theirs/adopt": ({ body }: { body: unknown }) => adopted("theirs", body as object),
      "POST /agents/bad/adopt": problem(409, "agent_busy", "It is being changed."),
    });
    expect(ran.exitCode).toBe(1);
    expect(ran.calls.map(({ path }) => path)).not.toContain("/agents/main/adopt");
    expect(JSON.parse(ran.stdout)).toMatchObject({
      adopted: [{ agentId: "theirs", dryRun: true }],
      failed: [{ agentId: "bad", code: "agent_busy" }],
    });
    expect(ran.stderr).toContain("1 of the agents would be refused");
  });

  it.each([
    [[], "give agents' ids, or --all"],
    [["one", "--all"], "give agents' ids, or --all"],
    [["one", "--max-usd-per-month", "20"], "--provision-ai-key"],
  ])("refuses %j", async (args, told) => {
    const ran = await runCli(agents("adopt", ...args));
    expect([ran.exitCode, ran.calls.length]).toEqual([2, 0]);
    expect(ran.stderr).toContain(told);
  });

  it("releases by name", async () => {
    const ran = await runCli(agents("release", "one"), {
      "POST /agents/one/release": { agentId: "one", preserved: ["aiKey"] },
    });
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain("one is released");
    expect(ran.stderr).toContain("still to be revoked");
  });
});

describe("agents ai-key", () => {
  const aiKey = { keyId: "k1", provider: "openai", mode: "virtual", quotas: {} };
  it.each(["add", "move"] as const)(
    "%s passes the provider, the account, the model and the quotas on",
    async (name) => {
      const call = `${name === "add" ? "POST" : "PUT"} /agents/one/ai-key`;
      const more = ["--ai-provider-key", "acc2", "--model", "gpt-5.1", "--max-usd-per-day", "3"];
      const ran = await runCli(agents("ai-key", name, "one", "--provider", "openai", ...more), {
        [call]: { agentId: "one", model: "gpt-5.1", aiKey },
      });
      expect([ran.exitCode, ran.stderr]).toEqual([0, ""]);
      expect(ran.calls[0]!.body).toEqual({
        provider: "openai",
        aiProviderId: "acc2",
        model: "gpt-5.1",
        quotas: { maxUsdPerDay: 3 },
      });
      expect(ran.stdout).toContain("k1 (openai, virtual)");
    },
  );

  it("removes by name, and asks for a provider otherwise", async () => {
    const ran = await runCli(agents("ai-key", "remove", "one"), {
      "DELETE /agents/one/ai-key": { agentId: "one", preserved: [] },
    });
    expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringContaining("no AI key any more")]);
    const wrong = await runCli(agents("ai-key", "add", "one"));
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining("--provider")]);
  });
});
