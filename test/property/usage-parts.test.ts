import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ceilMicroUsd } from "../../src/domain/micro-usd.ts";
import { addReport, noCounts, tokenUsage, type UsageFormat } from "../../src/domain/usage.ts";
import { promptTokens } from "../../src/domain/usage-parts.ts";

const count = fc.nat({ max: 1_000_000 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** The values that an upstream may write where a count belongs. */
const odd = fc.oneof(count, count, fc.constantFrom(null, -1, 1.5, "7", {}, []));

const creation = fc.record({ ephemeral_5m_input_tokens: odd, ephemeral_1h_input_tokens: odd }, { requiredKeys: [] });
const claude = {
  input_tokens: count,
  cache_creation_input_tokens: maybe(count),
  cache_read_input_tokens: maybe(count),
  cache_creation: maybe(creation),
  output_tokens: count,
};
const reports: Record<UsageFormat, fc.Arbitrary<object>> = {
  anthropic: fc.record({
    ...claude,
    server_tool_use: maybe(fc.record({ web_search_requests: odd })),
    iterations: maybe(
      fc.array(fc.record({ type: fc.constantFrom("compaction", "advisor_message", "message"), ...claude }), {
        maxLength: 3,
      }),
    ),
  }),
  openai: fc.record({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: maybe(count),
    prompt_tokens_details: maybe(
      fc.record(
        {
          cached_tokens: odd,
          cache_write_tokens: odd,
          cache_creation_tokens: odd,
          cache_creation_token_details: maybe(fc.record({ ephemeral_1h_input_tokens: odd })),
        },
        { requiredKeys: [] },
      ),
    ),
  }),
  "openai-responses": fc.record({
    input_tokens: count,
    output_tokens: count,
    total_tokens: maybe(count),
    input_tokens_details: maybe(fc.record({ cached_tokens: odd, cache_write_tokens: odd }, { requiredKeys: [] })),
  }),
  gemini: fc.record({
    promptTokenCount: count,
    toolUsePromptTokenCount: maybe(count),
    candidatesTokenCount: maybe(count),
    thoughtsTokenCount: maybe(count),
    totalTokenCount: count,
    cachedContentTokenCount: odd,
  }),
};

describe("a usage report in parts", () => {
  it.each(Object.keys(reports) as UsageFormat[])("%s: adds up to what token quotas charge", (format) => {
    fc.assert(
      fc.property(fc.array(reports[format], { minLength: 1, maxLength: 3 }), (told) => {
        const counts = noCounts();
        for (const report of told) addReport(format, counts, report);
        const { input, output, total, parts } = tokenUsage(format, counts);
        for (const part of Object.values(parts)) {
          expect(Number.isSafeInteger(part)).toBe(true);
          expect(part).toBeGreaterThanOrEqual(0);
        }
        expect(promptTokens(parts)).toBe(input);
        expect(parts.output).toBe(output);
        expect(promptTokens(parts) + parts.output).toBe(total);
      }),
      { numRuns: 500 },
    );
  });

  const of = (format: UsageFormat, ...told: object[]) => {
    const counts = noCounts();
    for (const report of told) addReport(format, counts, report);
    return tokenUsage(format, counts);
  };
  const none = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0 };

  it("reads what each provider sets apart", () => {
    const claudeReport = {
      input_tokens: 10,
      cache_creation_input_tokens: 1_200,
      cache_read_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 200 },
      output_tokens: 5,
      server_tool_use: { web_search_requests: 2 },
    };
    expect(of("anthropic", claudeReport)).toMatchObject({
      parts: { input: 10, cacheRead: 30, cacheWrite: 1_000, cacheWrite1h: 200, output: 5 },
      total: 1_245,
      webSearches: 2,
    });
    const unsplit = { input_tokens: 10, cache_creation_input_tokens: 7, output_tokens: 5 };
    expect(of("anthropic", unsplit)).toMatchObject({
      parts: { ...none, input: 10, cacheWrite: 7, output: 5 },
      cacheIsUnsplit: true,
    });
    const chat = {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: { cached_tokens: 64, cache_write_tokens: 6 },
    };
    expect(of("openai", chat).parts).toEqual({ ...none, input: 30, cacheRead: 64, cacheWrite: 6, output: 20 });
    const litellm = {
      prompt_tokens: 100,
      completion_tokens: 20,
      total_tokens: 120,
      prompt_tokens_details: {
        cached_tokens: 50,
        cache_creation_tokens: 40,
        cache_creation_token_details: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 25 },
      },
    };
    expect(of("openai", litellm).parts).toEqual({
      input: 10,
      cacheRead: 50,
      cacheWrite: 15,
      cacheWrite1h: 25,
      output: 20,
    });
    const answer = {
      input_tokens: 100,
      output_tokens: 20,
      input_tokens_details: { cached_tokens: 64, cache_write_tokens: 30 },
    };
    expect(of("openai-responses", answer).parts).toEqual({
      ...none,
      input: 6,
      cacheRead: 64,
      cacheWrite: 30,
      output: 20,
    });
    const gemini = {
      promptTokenCount: 100,
      toolUsePromptTokenCount: 8,
      cachedContentTokenCount: 40,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 3,
      totalTokenCount: 131,
    };
    expect(of("gemini", gemini).parts).toEqual({ ...none, input: 68, cacheRead: 40, output: 23 });
  });

  it("takes the last word on a detail, and none that cannot be true", () => {
    const chunk = (cached_tokens: unknown) => ({
      prompt_tokens: 100,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens },
    });
    expect(of("openai", chunk(80), chunk(60)).parts.cacheRead).toBe(60);
    expect(of("openai", chunk(80), chunk(-1), chunk("x")).parts.cacheRead).toBe(80);
    expect(of("openai", chunk(500)).parts).toMatchObject({ input: 0, cacheRead: 100 });
  });

  it("reads OpenRouter's own charge, and the provider's beside it under a key of the operator's", () => {
    const report = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12, cost: 0.00014 };
    expect(of("openai", report).costMicroUsd).toBe(140);
    const details = { cost_details: { upstream_inference_cost: 0.0019 } };
    expect(of("openai", { ...report, ...details, is_byok: true }).costMicroUsd).toBe(2_040);
    expect(of("openai", { ...report, ...details, is_byok: false }).costMicroUsd).toBe(140);
    expect(of("openai", { ...report, cost: undefined }).costMicroUsd).toBeUndefined();
    expect(of("openai", { ...report, cost: -1 }).costMicroUsd).toBeUndefined();
  });
});

describe("an amount that another has computed", () => {
  it.each([
    [0, 0],
    [0.29, 290_000],
    [0.1 + 0.2, 300_001],
    [1e-7, 1],
    [2.5e-7, 1],
    [0.000001, 1],
    [0.0000011, 2],
    [12, 12_000_000],
    [0.02159625, 21_597],
  ])("%d USD is %d micro-dollars, rounded up", (usd, micro) => {
    expect(ceilMicroUsd(usd)).toBe(micro);
  });

  it.each([[-0.1], [Number.NaN], [Number.POSITIVE_INFINITY], [1e9], ["1"], [null], [undefined]])(
    "%s is none",
    (usd) => {
      expect(ceilMicroUsd(usd)).toBeUndefined();
    },
  );

  it("is never below what was told, and less than a micro-dollar above", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1_000, noNaN: true }), (usd) => {
        const micro = ceilMicroUsd(usd)!;
        expect(micro / 1e6).toBeGreaterThanOrEqual(usd - 1e-9);
        expect(micro / 1e6).toBeLessThan(usd + 1.001e-6);
      }),
    );
  });
});
