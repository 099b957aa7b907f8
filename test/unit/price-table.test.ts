import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeTable, tableText } from "../../scripts/prices/make-table.ts";
import { matchNames } from "../../scripts/prices/match-names.ts";
import secondSource from "../../scripts/prices/second-source.json" with { type: "json" };
import { fromMicroUsd } from "../../src/domain/micro-usd.ts";
import { type Price, ratesAt } from "../../src/domain/price.ts";
import { createPriceBook } from "../../src/prices/price-book.ts";
import type { PriceRow } from "../../src/prices/price-row.ts";
import { priceTable } from "../../src/prices/table.ts";

const bookOf = (rows: { settings?: PriceRow[]; api?: PriceRow[]; day?: string } = {}) =>
  createPriceBook({ table: priceTable, settings: [], api: [], day: "2026-11-29", hash: "h", ...rows });
const book = bookOf();
const usd = (price: Price | undefined) =>
  price && { input: fromMicroUsd(price.input), output: fromMicroUsd(price.output) };

describe("the price table", () => {
  it("is what the pinned release of its source says", () => {
    expect(readFileSync("src/prices/table.json", "utf8")).toBe(tableText(makeTable().table));
  });

  it("holds whole micro-dollars only, and every tier is above the one before", () => {
    for (const rows of Object.values(priceTable.providers)) {
      for (const { is, begins = [], tiers = [], later = [], media = {}, ...rates } of rows) {
        const all = [rates, media, ...tiers, ...later.map(({ from: _, ...of }) => of)];
        const amounts = all.flatMap((of) => Object.values(of).filter((value) => typeof value === "number"));
        expect(amounts.filter((amount) => !(Number.isSafeInteger(amount) && amount >= 0))).toEqual([]);
        expect(is.length + begins.length).toBeGreaterThan(0);
        const bounds = tiers.map(({ above }) => above);
        expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
      }
    }
  });

  it("reads no rule that it does not know", () => {
    expect(() => matchNames({ regex: "^o[134]" })).toThrow("does not read");
    expect(() => matchNames({ and: [{ contains: "a" }, { contains: "b" }] })).toThrow("does not read");
  });
});

describe("beside a second source", () => {
  const asThere = (price: Price, prompt: number, names: string[]): Record<string, number> => {
    const rates = ratesAt(price, prompt) as unknown as Record<string, number>;
    return Object.fromEntries(names.map((name) => [name, fromMicroUsd(rates[name]!)]));
  };

  it.each(secondSource.models)("$provider $model costs the same, or the difference is explained", (model) => {
    const price = book.priceOf(model.provider, model.model);
    expect(price).toBeDefined();
    const { prompt = 0, ...above } = "above" in model && model.above ? model.above : { prompt: 0 };
    const here = [asThere(price!, 1, Object.keys(model.cost)), asThere(price!, prompt + 1, Object.keys(above))];
    if ("differs" in model) expect(here).not.toEqual([model.cost, above]);
    else expect(here).toEqual([model.cost, above]);
  });

  it("covers the twenty that are used most", () => {
    expect(secondSource.models.length).toBeGreaterThanOrEqual(20);
  });
});

describe("a model's price", () => {
  it.each([
    ["anthropic", "claude-sonnet-4-5", { input: 3, output: 15 }],
    ["anthropic", "claude-sonnet-4-5-20250929", { input: 3, output: 15 }],
    ["anthropic", "claude-sonnet-4-20250514", { input: 3, output: 15 }],
    ["anthropic", "claude-haiku-4-5@20251001", { input: 1, output: 5 }],
    ["anthropic", "claude-3-5-haiku-latest", { input: 0.8, output: 4 }],
    ["anthropic", "claude-opus-4-20250514", { input: 15, output: 75 }],
    ["anthropic", "claude-opus-4-5-20251101", { input: 5, output: 25 }],
    ["openai", "gpt-4o-2024-05-13", { input: 5, output: 15 }],
    ["openai", "gpt-4o", { input: 2.5, output: 10 }],
    ["openai", "gpt-5.6-sol-2026-09-01", { input: 4, output: 20 }],
    ["openai", "ft:gpt-4o-mini-2024-07-18:acme:support:abc123", { input: 0.3, output: 1.2 }],
    ["openai", "ft:gpt-4o-2024-08-06:acme::abc123", { input: 3.75, output: 15 }],
    ["gemini", "gemini-2.5-pro-preview-05-06", { input: 1.25, output: 10 }],
    ["gemini", "gemini-2.0-flash-001", { input: 0.1, output: 0.4 }],
    ["gemini", "gemini-2.5-pro-preview-tts", { input: 1, output: 20 }],
    ["openrouter", "anthropic/claude-sonnet-4.5", { input: 3, output: 15 }],
    ["openrouter", "anthropic/claude-sonnet-4.5:nitro", { input: 3, output: 15 }],
    ["openrouter", "meta-llama/llama-3.3-70b-instruct:free", { input: 0, output: 0 }],
  ])("is that of its name: %s %s", (provider, model, price) => {
    expect(usd(book.priceOf(provider, model))).toEqual(price);
  });

  it.each([
    // A later one of the family, or another kind of it, has a price of its own.
    ["anthropic", "claude-opus-9"],
    ["anthropic", "claude-opus-4-10"],
    ["anthropic", "claude-sonnet-5-6"],
    ["anthropic", "claude-sonnet-5.5"],
    ["anthropic", "my-claude-sonnet-4-5"],
    ["anthropic", "claude-sonnet-4-5-fast"],
    ["openai", "gpt-4o-2030-01-01"],
    ["openai", "gpt-7"],
    ["openai", "gpt-4o-audio-preview"],
    ["openai", "ft:gpt-4o"],
    ["openai", "ft:gpt-4o-nano-2024-07-18:acme::x"],
    ["openai", "whisper-1"],
    ["gemini", "gemini-2.5-pro-image"],
    ["gemini", "gemma-3-27b-it"],
    ["gemini", "claude-sonnet-4-5"],
    ["openrouter", "anthropic/claude-sonnet-4.5:online"],
    ["litellm", "claude-sonnet-4-5"],
    ["constructor", "gpt-4o"],
    ["openai", "constructor"],
  ])("is not guessed: %s %s", (provider, model) => {
    expect(book.priceOf(provider, model)).toBeUndefined();
    expect(book.sourceOf(provider, model)).toBeUndefined();
  });

  it.each([
    ["anthropic", "claude-2"],
    ["openai", "computer-use"],
    ["gemini", "gemini-2.0-flash"],
    ["openrouter", "openai/gpt-6-sol"],
  ])("is looked up in no time, whatever dates stand behind it: %s %s", (provider, model) => {
    const begun = performance.now();
    expect(book.priceOf(provider, `${model}${"-2024-12-31".repeat(24)}-x`)).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(500);
    expect(book.priceOf(provider, `${model}-2024-12-31`)).toEqual(book.priceOf(provider, `${model}-20241231`));
  });

  it.each(["nitro", "floor"])("that the operator set is that of OpenRouter's :%s too, before the table's", (suffix) => {
    const set = (model: string, input: number): PriceRow => ({ provider: "openrouter", model, input, output: 9 });
    const api = [set("*", 7), set("acme/new", 2), set("anthropic/claude-sonnet-4.5", 4)];
    const settings = [set(`acme/own:${suffix}`, 5), set("acme/own", 6)];
    const stated = bookOf({ api, settings });
    const inputOf = (model: string) => usd(stated.priceOf("openrouter", `${model}:${suffix}`))?.input;
    expect(["acme/new", "anthropic/claude-sonnet-4.5", "acme/own", "acme/other"].map(inputOf)).toEqual([2, 4, 5, 7]);
    expect(bookOf({ api: [set("acme/new", 2)] }).priceOf("openrouter", "acme/new:online")).toBeUndefined();
  });

  it("of a text that is no name is neither searched nor kept", () => {
    const own = bookOf({ settings: [{ provider: "anthropic", model: "*", input: 9, output: 9 }] });
    const dates = "-20241231".repeat(1_000_000);
    expect(usd(own.priceOf("anthropic", `claude-2${dates}`))).toEqual({ input: 9, output: 9 });
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 100; at++) own.priceOf("anthropic", `${at}${"x".repeat(5_000_000)}`);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
  });

  it("is the announced one from its day on", () => {
    expect(usd(bookOf({ day: "2026-12-31" }).priceOf("gemini", "gemini-3.8-flash"))).toEqual({
      input: 0.75,
      output: 3.75,
    });
    expect(usd(bookOf({ day: "2027-01-01" }).priceOf("gemini", "gemini-3.8-flash"))).toEqual({
      input: 1.5,
      output: 7.5,
    });
  });

  it("knows what a cache kept for an hour costs, resold too", () => {
    expect(book.priceOf("anthropic", "claude-haiku-4-5")?.cacheWrite1h).toBe(2_000_000);
    expect(book.priceOf("openrouter", "anthropic/claude-sonnet-4.5")?.cacheWrite1h).toBe(6_000_000);
  });

  it("keeps sound apart where it costs more", () => {
    expect(book.priceOf("gemini", "gemini-2.5-flash")?.media).toEqual({ input: 1_000_000, output: 2_500_000 });
    expect(book.priceOf("gemini", "gemini-2.5-pro")?.media).toBeUndefined();
  });
});

describe("stated prices", () => {
  const row = (input: number, model = "claude-haiku-4-5"): PriceRow => ({
    provider: "anthropic",
    model,
    input,
    output: 7,
  });

  it("go before the table, those of the API before those of the settings", () => {
    const both = bookOf({ settings: [row(2)], api: [row(3)] });
    expect(usd(both.priceOf("anthropic", "claude-haiku-4-5"))).toEqual({ input: 3, output: 7 });
    expect(both.sourceOf("anthropic", "claude-haiku-4-5")).toBe("api");
    const settings = bookOf({ settings: [row(1.5), row(2)] });
    expect(usd(settings.priceOf("anthropic", "claude-haiku-4-5"))).toEqual({ input: 2, output: 7 });
    expect(settings.sourceOf("anthropic", "claude-haiku-4-5")).toBe("settings");
    // The price holds for that name alone.
    expect(settings.sourceOf("anthropic", "claude-haiku-4-5-20251001")).toBe("table");
  });

  it("of absent cache prices are the input price, and a search stays what it is", () => {
    expect(bookOf({ api: [row(3)] }).priceOf("anthropic", "claude-haiku-4-5")).toEqual({
      input: 3_000_000,
      output: 7_000_000,
      cacheRead: 3_000_000,
      cacheWrite: 3_000_000,
      cacheWrite1h: 3_000_000,
      webSearch: 10_000,
    });
  });

  it("of zero have to be said, for one model or for all of a provider", () => {
    const free = bookOf({ settings: [{ provider: "ollama", model: "*", input: 0, output: 0 }] });
    expect(usd(free.priceOf("ollama", "llama3.2"))).toEqual({ input: 0, output: 0 });
    expect(free.sourceOf("ollama", "llama3.2")).toBe("settings");
    expect(free.priceOf("vllm", "llama3.2")).toBeUndefined();
  });

  it("of every model yield to the table's", () => {
    const all = bookOf({ api: [row(99, "*")] });
    expect(usd(all.priceOf("anthropic", "claude-haiku-4-5"))).toEqual({ input: 1, output: 5 });
    expect(usd(all.priceOf("anthropic", "claude-opus-9"))).toEqual({ input: 99, output: 7 });
  });
});

describe("the dearest", () => {
  it("of several models covers each, and is unknown where one is", () => {
    expect(usd(book.dearestOf("anthropic", ["claude-haiku-4-5", "claude-opus-4-1"]))).toEqual({
      input: 15,
      output: 75,
    });
    expect(book.dearestOf("anthropic", ["claude-haiku-4-5", "claude-opus-9"])).toBeUndefined();
    expect(book.dearestOf("anthropic", [])).toBeUndefined();
    expect(book.dearestOf("anthropic", Array(150_000).fill("claude-haiku-4-5"))).toEqual(
      book.priceOf("anthropic", "claude-haiku-4-5"),
    );
  });

  it("of a provider covers every known one of it, stated ones too", () => {
    expect(usd(book.highest("openai"))).toEqual({ input: 150, output: 600 });
    expect(book.highest("openai")?.media).toEqual({ input: 150_000_000, output: 600_000_000 });
    const stated = bookOf({ api: [{ provider: "openai", model: "gpt-7", input: 200, output: 10 }] });
    expect(usd(stated.highest("openai"))).toEqual({ input: 200, output: 600 });
    expect(book.highest("ollama")).toBeUndefined();
  });
});
