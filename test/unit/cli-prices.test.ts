import { describe, expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

const view = {
  provider: "anthropic",
  model: "claude-sonnet-4-5",
  input: 3,
  output: 15,
  cacheRead: 0.3,
  cacheWrite: 3.75,
  cacheWrite1h: 6,
  source: "table",
  tiers: [{ above: 200_000, input: 6, output: 22.5, cacheRead: 0.6, cacheWrite: 7.5, cacheWrite1h: 12 }],
};
const list = { prices: [view], pricesAsOf: "2026-09-23", hash: "0".repeat(64), unknown: "refuse" };
const prices = (...args: string[]) => ["provisioning", "prices", ...args];
const set = (...args: string[]) => prices("set", "anthropic", "claude-new", ...args);
const answered = { "PUT /provisioning/prices": { ...list, prices: [{ ...view, model: "claude-new", source: "api" }] } };

describe("prices list", () => {
  it("reads every page, and shows the tiers", async () => {
    const pages = {
      "GET /provisioning/prices": ({ path }: { path: string }) =>
        path.includes("cursor=")
          ? list
          : { ...list, prices: [{ ...view, model: "claude-haiku-4-5", tiers: undefined }], nextCursor: "anthropic/x" },
    };
    const ran = await runCli(prices("list", "--provider", "anthropic"), pages);
    expect(ran.calls.map(({ path }) => path)).toEqual([
      "/provisioning/prices?limit=1000&provider=anthropic",
      "/provisioning/prices?limit=1000&provider=anthropic&cursor=anthropic%2Fx",
    ]);
    expect(ran.stdout).toMatch(/claude-sonnet-4-5 +3 +15 +0.3 +3.75 +6 +table/);
    expect(ran.stdout).toMatch(/claude-sonnet-4-5 +6 +22.5 +0.6 +7.5 +12 +above 200,000 +table/);
    expect(ran.stdout).toContain("USD per million tokens; the table is of 2026-09-23");
    const json = await runCli(prices("list", "--json"), pages);
    expect(JSON.parse(json.stdout).prices).toHaveLength(2);
  });

  it("says how a model that has no price gets one", async () => {
    const ran = await runCli(prices("list", "--model", "claude-new"), {
      "GET /provisioning/prices": { ...list, prices: [] },
    });
    expect(ran.stdout).toContain('No price is known for "claude-new"; `prices set` sets one.');
  });
});

describe("prices set", () => {
  it("sends the amounts that were given, and no others", async () => {
    const ran = await runCli(set("--input", "3", "--output", "15", "--cache-write-1h", "6"), answered);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.calls[0]?.body).toEqual({
      prices: [{ provider: "anthropic", model: "claude-new", input: 3, output: 15, cacheWrite1h: 6 }],
    });
    const all = await runCli(
      set("--input", "0", "--output", "0", "--cache-read", "0.000001", "--cache-write", "3.75"),
      answered,
    );
    expect(all.calls[0]?.body).toEqual({
      prices: [
        { provider: "anthropic", model: "claude-new", input: 0, output: 0, cacheRead: 0.000001, cacheWrite: 3.75 },
      ],
    });
  });

  it.each(["-1", "0.0000001", "3e2", "NaN", "1000001", "$3"])("refuses %s", async (amount) => {
    const ran = await runCli(set(`--input=${amount}`, "--output", "15"), answered);
    expect([ran.exitCode, ran.calls]).toEqual([2, []]);
    expect(ran.stderr).toContain("USD per million tokens");
  });
});

describe("prices import", () => {
  const imported = (text: string) => runCli(prices("import", "prices.json"), answered, { readFile: async () => text });

  it("sets the rows of the file in one call", async () => {
    const rows = [{ provider: "anthropic", model: "claude-new", input: 3, output: 15 }];
    const ran = await imported(JSON.stringify(rows));
    expect(ran.calls).toMatchObject([{ method: "PUT", body: { prices: rows } }]);
  });

  it("takes them from stdin too, since a container has none of its host's files", async () => {
    const rows = [{ provider: "anthropic", model: "claude-new", input: 3, output: 15 }];
    const ran = await runCli(prices("import", "-"), answered, { stdin: JSON.stringify(rows) });
    expect(ran.calls).toMatchObject([{ method: "PUT", body: { prices: rows } }]);
  });

  it.each(["{", '{"prices": []}'])("refuses a file that holds %s", async (text) => {
    const ran = await imported(text);
    expect([ran.exitCode, ran.calls]).toEqual([2, []]);
    expect(ran.stderr).toContain("prices.json");
  });
});

describe("prices unset", () => {
  it("names the price that counts again", async () => {
    const ran = await runCli(prices("unset", "openrouter", "meta/llama"), {
      "DELETE /provisioning/prices/openrouter/meta%2Fllama": {
        ...{ provider: "openrouter", model: "meta/llama", hash: "0", pricesAsOf: "2026-09-23" },
        price: { ...view, source: "settings" },
      },
    });
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toContain("openrouter/meta/llama is that of the settings again: 3 and 15 USD");
  });
});
