import { describe, expect, it } from "vitest";
import { ask, makeKey, type Target } from "./target.ts";

/** The models' prices, stated over the API: the same on every target. */
export function priceTests(target: () => Target): void {
  const admin = () => ({ key: target().adminToken });
  const set = (prices: unknown) => ask(target(), "PUT", "/provisioning/prices", { ...admin(), body: { prices } });
  const list = async (query = "") => (await ask(target(), "GET", `/provisioning/prices${query}`, admin())).body;
  const unset = (provider: string, model: string) =>
    ask(target(), "DELETE", `/provisioning/prices/${provider}/${encodeURIComponent(model)}`, admin());

  it("lists the table's, page by page, with its day", async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: Awaited<ReturnType<typeof list>> = await list(
        `?provider=anthropic&limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
      );
      expect(page).toMatchObject({ pricesAsOf: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), unknown: "refuse" });
      expect(page.prices.length).toBeLessThanOrEqual(20);
      seen.push(...page.prices.map(({ model }: { model: string }) => model));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toContain("claude-haiku-4-5");
  });

  it("answers which price counts for a name", async () => {
    expect((await list("?provider=anthropic&model=claude-haiku-4-5-20251001")).prices).toEqual([
      expect.objectContaining({
        input: 1,
        output: 5,
        cacheRead: 0.1,
        cacheWrite: 1.25,
        cacheWrite1h: 2,
        source: "table",
      }),
    ]);
    expect((await list("?provider=anthropic&model=claude-opus-99")).prices).toEqual([]);
  });

  it("merges what is set, which counts at once, and gives the table's back", async () => {
    const before = await list("?provider=openai&model=gpt-4o");
    const done = await set([
      { provider: "openai", model: "gpt-4o", input: 2.25, output: 9.000001, cacheRead: 0 },
      { provider: "contract-llm", model: "org/model:free", input: 0, output: 0 },
    ]);
    expect(done).toMatchObject({
      status: 200,
      body: {
        prices: [
          { input: 2.25, output: 9.000001, cacheRead: 0, cacheWrite: 2.25, cacheWrite1h: 2.25, source: "api" },
          { provider: "contract-llm", model: "org/model:free", input: 0, output: 0, source: "api" },
        ],
      },
    });
    expect(done.body.hash).not.toBe(before.hash);
    await set([{ provider: "openai", model: "gpt-4o", input: 3, output: 9 }]);
    expect((await list("?source=api")).prices).toMatchObject([
      { provider: "contract-llm", model: "org/model:free" },
      { provider: "openai", model: "gpt-4o", input: 3 },
    ]);

    expect(await unset("contract-llm", "org/model:free")).toMatchObject({
      status: 200,
      body: { model: "org/model:free" },
    });
    const back = await unset("openai", "gpt-4o");
    expect(back).toMatchObject({ status: 200, body: { price: { input: 2.5, source: "table" }, hash: before.hash } });
    expect(await unset("openai", "gpt-4o")).toMatchObject({
      status: 404,
      body: { code: "price_not_found", detail: expect.stringContaining("the table's") },
    });
  });

  it("keeps what others set at the same time", async () => {
    const models = Array.from({ length: 8 }, (_, at) => `at-once-${at}`);
    const all = await Promise.all(
      models.map((model) => set([{ provider: "contract-llm", model, input: 1, output: 1 }])),
    );
    expect(all.map(({ status }) => status)).toEqual(models.map(() => 200));
    const kept = (await list("?source=api&provider=contract-llm")).prices as { model: string }[];
    expect(kept.map(({ model }) => model)).toEqual(models);
    await Promise.all(models.map((model) => unset("contract-llm", model)));
    expect((await list("?source=api")).prices).toEqual([]);
  });

  describe.each([
    [{ input: -1 }, "prices.0.input"],
    [{ input: 0.0000001 }, "prices.0.input"],
    [{ output: 1_000_000.5 }, "prices.0.output"],
    [{ output: "3" }, "prices.0.output"],
    [{ cacheRead: null }, "prices.0.cacheRead"],
    [{ model: "" }, "prices.0.model"],
    [{ model: "a b" }, "prices.0.model"],
    [{ provider: "Not A Slug" }, "prices.0.provider"],
    [{ perImage: 3 }, "prices.0.perImage"],
  ])("refuses %j", (wrong, path) => {
    it("with its path, and sets nothing", async () => {
      const good = { provider: "contract-llm", model: "m", input: 1, output: 1 };
      const refused = await set([{ ...good, ...wrong }]);
      expect(refused).toMatchObject({ status: 400, body: { code: "invalid_body" } });
      expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(path);
      expect((await list("?source=api")).prices).toEqual([]);
    });
  });

  it("takes a thousand, and not one more", async () => {
    const row = (at: number) => ({ provider: "contract-llm", model: `m-${at}`, input: 1, output: 1 });
    expect((await set(Array.from({ length: 1000 }, (_, at) => row(at)))).status).toBe(200);
    expect(await set([row(1000)])).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect((await set([row(999)])).status).toBe(200);
    const rest = (await list("?source=api&limit=1000")).prices as { model: string }[];
    expect(rest).toHaveLength(1000);
    // A thousand calls to unset them would say nothing more.
    await Promise.all(rest.slice(0, 5).map(({ model }) => unset("contract-llm", model)));
    expect((await list("?source=api&limit=1000")).prices).toHaveLength(995);
  });

  it("leaves each change in the trail, with the hash of the prices that it made", async () => {
    const done = await set([{ provider: "contract-llm", model: "audited", input: 1.5, output: 2 }]);
    const { body } = await ask(target(), "GET", "/provisioning/audit?action=prices.set&limit=2", admin());
    const [outcome, intent] = body.events;
    expect(outcome).toMatchObject({ phase: "outcome", outcome: "success", details: { hash: done.body.hash } });
    expect(intent).toMatchObject({
      phase: "intent",
      operationId: outcome.operationId,
      details: { count: 1, prices: ["contract-llm/audited input 1.5 output 2"] },
    });
  });

  it("is the administration's alone", async () => {
    const { key } = await makeKey(target());
    for (const [method, body] of [
      ["GET", undefined],
      ["PUT", { prices: [{ provider: "x", model: "m", input: 0, output: 0 }] }],
    ] as const) {
      const refused = await ask(target(), method, "/provisioning/prices", { key, body });
      expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
    }
  });
}
