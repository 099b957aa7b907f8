import { beforeAll, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

/** Quotas of money and what is told across agents: the same on every target. */
export function spendTests(target: () => Target): void {
  const get = (path: string, options = {}) => ask(target(), "GET", path, options);
  let key: string;
  let agentId: string;

  const create = (quotas: unknown, name = newName("spender")) =>
    ask(target(), "POST", "/agents/create", {
      key,
      body: {
        name,
        ...(target().hasWorkspaces && { workspace: target().workspace(name) }),
        autoProvisionAiKey: { provider: "anthropic", mode: "virtual", quotas },
        labels: { tenant: "spend-acme" },
      },
    });

  beforeAll(async () => {
    ({ key } = await makeLinkedKey(target()));
  });

  it("takes limits in USD, and shows what is left of them", async () => {
    const made = await create({ maxUsdPerMonth: 20, maxUsdPerDay: 0.5 });
    expect(made.status).toBe(201);
    ({ agentId } = made.body);
    const { body } = await get(`/agents/${agentId}`, { key });
    expect(body.health.aiKey.quotas).toEqual({
      maxUsdPerMonth: {
        limit: 20,
        used: 0,
        reserved: 0,
        left: 20,
        resetAt: expect.stringMatching(/-01T00:00:00\.000Z$/),
      },
      maxUsdPerDay: { limit: 0.5, used: 0, reserved: 0, left: 0.5, resetAt: expect.any(String) },
    });
  });

  it("changes and lifts them", async () => {
    const changed = await ask(target(), "PATCH", `/agents/${agentId}`, {
      key,
      body: { quotas: { maxUsdPerMonth: 12.345678, maxUsdPerDay: null } },
    });
    expect(changed.status).toBe(200);
    const { quotas } = changed.body.health.aiKey;
    expect(Object.keys(quotas)).toEqual(["maxUsdPerMonth"]);
    expect(quotas.maxUsdPerMonth).toMatchObject({ limit: 12.345678, left: 12.345678 });
  });

  it.each([
    [1.2345678, "at most six decimals"],
    [-1, "must not be negative"],
    [2_000_000, "at most 1000000"],
    ["20", "must be an amount in USD"],
  ])("refuses %s with the path", async (maxUsdPerMonth, why) => {
    const refused = await create({ maxUsdPerMonth }, "never");
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    expect(refused.body.errors[0]).toEqual({
      path: "autoProvisionAiKey.quotas.maxUsdPerMonth",
      message: expect.stringContaining(why),
    });
    const patched = await ask(target(), "PATCH", `/agents/${agentId}`, { key, body: { quotas: { maxUsdPerMonth } } });
    expect([patched.status, patched.body.errors[0].path]).toEqual([400, "quotas.maxUsdPerMonth"]);
  });

  it.each(["agent", "model", "provider", "day", "createdBy", "label:tenant"])("sums up usage by %s", async (by) => {
    const { status, body } = await get(`/usage?by=${by}&from=2026-01-01`);
    expect([status, body.by, body.from]).toEqual([200, by, "2026-01-01"]);
    expect(Date.now() - Date.parse(body.asOf)).toBeLessThan(35_000);
    expect(body.rows).toEqual(expect.any(Array));
    expect(body.total).toMatchObject({ requests: expect.any(Number), usd: expect.any(Number) });
    expect(body.labels).toEqual(expect.any(Array));
    const some = await get(`/usage?by=${by}&label=tenant:spend-acme`);
    expect(some).toMatchObject({ status: 200, body: { rows: [], total: { tokens: 0, usd: 0 } } });
  });

  it("answers in CSV", async () => {
    const response = await target().fetch(`${target().api}/usage?by=day&format=csv`, {
      headers: { authorization: `Bearer ${target().token}` },
    });
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect((await response.text()).split("\r\n")[0]).toBe(
      "key,name,requests,inputTokens,cacheReadTokens,cacheWriteTokens,outputTokens,tokens,usd,unpricedRequests",
    );
  });

  it.each([
    ["by=colour", "by"],
    ["from=2026-02-02&to=2026-02-01", "from"],
    ["label=Tenant:x", "label"],
    ["cursor=abc", "cursor"],
  ])("refuses %s", async (query, path) => {
    const { status, body } = await get(`/usage?${query}`);
    expect([status, body.code]).toEqual([400, "invalid_query"]);
    expect(body.errors[0].path).toContain(path);
  });

  it("gives an overview of what the caller may see", async () => {
    const { status, body } = await get("/overview?days=3");
    expect(status).toBe(200);
    expect(body.days).toHaveLength(3);
    expect(body.agents.total).toBeGreaterThanOrEqual(1);
    expect(body).toMatchObject({ today: { usd: expect.any(Number) }, month: { projectedUsd: expect.any(Number) } });
    const own = await makeKey(target(), { scopes: ["agents:create"], reach: "own" });
    const mine = await get("/overview?days=1", { key: own.key });
    expect(mine.body.agents).toEqual({ total: 0, ready: 0, suspended: 0, needsAuth: 0 });
    expect((await get("/usage?by=agent", { key: own.key })).body.rows).toEqual([]);
  });

  it("tells who is near a limit", async () => {
    const { status, body } = await get("/usage/near-limit?minShare=0.9&limit=5");
    expect(status).toBe(200);
    expect(body.agents).toEqual(expect.any(Array));
    expect((await get("/usage/near-limit?minShare=0.2")).status).toBe(400);
  });
}
