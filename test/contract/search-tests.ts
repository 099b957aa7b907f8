import { beforeAll, describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, makeLinkedKey, type Target } from "./target.ts";

/** Agents are found by what is known of them, on every target at once. */
export function searchTests(target: () => Target): void {
  const tenant = `t${Date.now().toString(36)}`;
  const ids: Record<"plain" | "keyed" | "stopped" | "named", string> = { plain: "", keyed: "", stopped: "", named: "" };
  let maker: { id: string; key: string };
  let linked: Awaited<ReturnType<typeof makeLinkedKey>>;

  const create = async (key: string, name: string, more: object = {}): Promise<string> => {
    const place = target().hasWorkspaces ? { workspace: target().workspace(name) } : {};
    const made = await ask(target(), "POST", "/agents/create", { key, body: { name, ...place, ...more } });
    expect(made.status).toBe(201);
    return made.body.agentId;
  };
  const search = async (query: string, key?: string) =>
    await ask(target(), "GET", `/agents?${query}`, key === undefined ? {} : { key });
  const found = async (query: string, key?: string): Promise<string[]> => {
    const { status, body } = await search(query, key);
    expect(status).toBe(200);
    return body.agents.map(({ agentId }: { agentId: string }) => agentId);
  };
  const mine = `label=tenant:${tenant}`;

  beforeAll(async () => {
    maker = await makeKey(target());
    linked = await makeLinkedKey(target());
    const labels = { tenant };
    ids.plain = await create(maker.key, newName("search-a"), { labels, model: "claude-haiku-4-5" });
    ids.keyed = await create(linked.key, newName("search-b"), {
      labels: { ...labels, plan: "pro" },
      autoProvisionAiKey: { provider: "anthropic" },
      bind: [`telegram:${newName("account")}`],
    });
    ids.stopped = await create(linked.key, newName("search-c"), {
      labels: { ...labels, plan: "pro" },
      autoProvisionAiKey: { provider: "anthropic" },
    });
    await ask(target(), "POST", `/agents/${ids.stopped}/suspend`, { key: linked.key });
    ids.named = await create(maker.key, newName("Zebra Crossing"), { labels });
  }, 60_000);

  it("finds agents by labels, all of which must match, and says how many", async () => {
    const { body } = await search(`${mine}&label=plan:pro`);
    expect(body).toMatchObject({ total: 2, agents: [{ labels: { tenant, plan: "pro" } }, { status: "suspended" }] });
    expect(await found(mine)).toEqual([ids.plain, ids.keyed, ids.stopped, ids.named]);
    expect(await search(`${mine}&label=plan:free`)).toMatchObject({ body: { agents: [], total: 0 } });
  });

  it("finds by status, model, maker and provider", async () => {
    expect(await found(`${mine}&status=suspended`)).toEqual([ids.stopped]);
    expect(await found(`${mine}&status=needs_auth`)).toEqual([ids.plain, ids.named]);
    expect(await found(`${mine}&status=ready`)).toEqual([ids.keyed]);
    expect(await found(`${mine}&model=claude-haiku-4-5`)).toEqual([ids.plain]);
    expect(await found(`createdBy=${maker.id}`)).toEqual([ids.plain, ids.named]);
    expect(await found(`${mine}&provider=anthropic`)).toEqual([ids.keyed, ids.stopped]);
    expect(await found(`${mine}&provider=openai`)).toEqual([]);
  });

  it("searches names, ids, models, AI keys and bindings, whatever their case", async () => {
    expect(await found(`${mine}&q=zebra%20cross`)).toEqual([ids.named]);
    expect(await found(`${mine}&q=HAIKU`)).toEqual([ids.plain]);
    const { body } = await ask(target(), "GET", `/agents/${ids.keyed}`);
    expect(await found(`q=${body.aiKeyId}`)).toEqual([ids.keyed]);
    expect(await found(`q=${encodeURIComponent(body.bindings[0])}`)).toEqual([ids.keyed]);
  });

  it("sorts, page by page, and goes on behind an agent that is gone", async () => {
    const byAge = [ids.plain, ids.keyed, ids.stopped, ids.named];
    expect(await found(`${mine}&sort=createdAt`)).toEqual(byAge);
    expect(await found(`${mine}&sort=-createdAt`)).toEqual(byAge.toReversed());
    const gone = await create(linked.key, newName("search-gone"), { labels: { tenant } });
    const first = (await search(`${mine}&sort=-createdAt&limit=1`)).body;
    expect(first).toMatchObject({ agents: [{ agentId: gone }], total: 5 });
    await ask(target(), "DELETE", `/agents/${gone}`, { key: linked.key });
    const rest: string[] = [];
    for (let cursor = first.nextCursor as string | undefined; cursor !== undefined; ) {
      const { body } = await search(`${mine}&sort=-createdAt&limit=2&cursor=${encodeURIComponent(cursor)}`);
      rest.push(...body.agents.map(({ agentId }: { agentId: string }) => agentId));
      cursor = body.nextCursor;
    }
    expect(rest).toEqual(byAge.toReversed());
  });

  it("tells what each AI key has and spent, for a whole page in one call", async () => {
    const quotas = { maxTokensPerMonth: 1000, maxUsdPerDay: 2.5, maxRequestsPerDay: 0 };
    await ask(target(), "PATCH", `/agents/${ids.keyed}`, { key: linked.key, body: { quotas } });
    const { body } = await search(`${mine}&include=quotas,usage`);
    expect(body.agents.map(({ agentId }: { agentId: string }) => agentId)).toEqual([
      ids.plain,
      ids.keyed,
      ids.stopped,
      ids.named,
    ]);
    expect(body.agents[1]).toMatchObject({
      quotas: {
        maxTokensPerMonth: { limit: 1000, used: 0, reserved: 0, left: 1000 },
        maxUsdPerDay: { limit: 2.5, left: 2.5 },
        maxRequestsPerDay: { limit: 0, left: 0 },
      },
      // A limit of nothing is reached.
      share: 1,
      usage: { requests: 0, tokens: 0, usd: 0, unpricedRequests: 0 },
    });
    expect(body.agents[0]).not.toHaveProperty("quotas");
    expect(body.agents[0]).not.toHaveProperty("usage");
    const listed = await search("limit=100&include=quotas");
    expect(listed.body.agents.some(({ quotas: of }: { quotas?: object }) => of !== undefined)).toBe(true);
    await ask(target(), "PATCH", `/agents/${ids.keyed}`, {
      key: linked.key,
      body: { quotas: { maxRequestsPerDay: null } },
    });
  });

  it("finds none near a limit where nothing was spent, and says as of when", async () => {
    const { status, body } = await search(`${mine}&minShare=0.8&sort=-share`);
    expect([status, body.agents, body.total]).toEqual([200, [], 0]);
    expect(Math.abs(Date.now() - Date.parse(body.asOf))).toBeLessThan(60_000);
    for (const sort of ["-tokens", "-usd"]) {
      expect(await found(`${mine}&sort=${sort}`)).toEqual([ids.plain, ids.keyed, ids.stopped, ids.named]);
    }
  });

  it("puts what has no such field last, in either order", async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    await ask(target(), "PATCH", `/agents/${ids.keyed}`, { key: linked.key, body: { expiresAt: at } });
    for (const sort of ["expiresAt", "-expiresAt"]) {
      expect((await found(`${mine}&sort=${sort}`))[0]).toBe(ids.keyed);
    }
  });

  it("finds only its own with a key of reach own", async () => {
    const own = await makeKey(target(), { reach: "own" });
    expect(await search(`${mine}&sort=name`, own.key)).toMatchObject({ body: { agents: [], total: 0 } });
    const agentId = await create(own.key, newName("search-own"), { labels: { tenant } });
    expect(await found(mine, own.key)).toEqual([agentId]);
    await ask(target(), "DELETE", `/agents/${agentId}`, { key: linked.key });
  });

  it("knows a change at once, and an agent no more that was deleted", async () => {
    await ask(target(), "PATCH", `/agents/${ids.plain}`, { key: maker.key, body: { name: "Renamed Ibex" } });
    expect(await found(`${mine}&q=ibex`)).toEqual([ids.plain]);
    const agentId = await create(maker.key, newName("search-short"), { labels: { tenant } });
    expect(await found(`q=${agentId}`)).toEqual([agentId]);
    await ask(target(), "DELETE", `/agents/${agentId}`, { key: maker.key });
    expect(await search(`q=${agentId}`)).toMatchObject({ body: { agents: [], total: 0 } });
  });

  describe.each([
    ["label=tenant", "label.0"],
    ["label=Tenant:acme", "label.0"],
    ["status=lost", "status"],
    ["sort=tokens", "sort"],
    ["q=", "q"],
    ["sort=name&cursor=nothing", "cursor"],
    ["sort=name&cursor=~bm90aGluZw", "cursor"],
    ["colour=red", "colour"],
    ["minShare=0.2", "minShare"],
    ["minShare=most", "minShare"],
    ["sort=share", "sort"],
    ["include=secrets", "include"],
    ["include=quotas&limit=101", "limit"],
  ])("%s", (query, path) => {
    it("is a 400 that names the field", async () => {
      const { status, body } = await search(query);
      expect([status, body.code]).toEqual([400, "invalid_query"]);
      expect(body.errors.map((error: { path: string }) => error.path)).toContain(path);
    });
  });

  it("refuses the cursor of another order", async () => {
    const { body } = await search(`${mine}&sort=name&limit=1`);
    const { status } = await search(`${mine}&sort=createdAt&cursor=${encodeURIComponent(body.nextCursor)}`);
    expect(status).toBe(400);
  });

  it("refuses the cursor of a search without what was sought, as it ends no list", async () => {
    const { nextCursor } = (await search(`${mine}&limit=1`)).body;
    const { status, body } = await search(`limit=1&cursor=${encodeURIComponent(nextCursor)}`);
    expect([status, body.errors?.[0]?.path]).toEqual([400, "cursor"]);
  });

  it("finds a name whichever way its accents are written", async () => {
    const agentId = await create(linked.key, `${newName("search")} cafe\u0301`, { labels: { tenant } });
    for (const q of ["CAF\u00c9", "cafe\u0301"])
      expect(await found(`${mine}&q=${encodeURIComponent(q)}`)).toEqual([agentId]);
    await ask(target(), "DELETE", `/agents/${agentId}`, { key: linked.key });
  });
}
