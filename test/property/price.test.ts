import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  costMicroUsd,
  dearestPrice,
  isFree,
  mostMicroUsd,
  type Price,
  type Rates,
  ratesAt,
} from "../../src/domain/price.ts";
import { promptTokens, type UsageParts } from "../../src/domain/usage-parts.ts";

const tokens = fc.oneof(fc.nat(2000), fc.nat(400_000), fc.integer({ min: 0, max: 100_000_000 }));
const parts: fc.Arbitrary<UsageParts> = fc.record({
  input: tokens,
  cacheRead: tokens,
  cacheWrite: tokens,
  cacheWrite1h: tokens,
  output: tokens,
});
const rate = fc.oneof(fc.constant(0), fc.nat(1000), fc.nat(600_000_000));
const rates: fc.Arbitrary<Rates> = fc.record({
  input: rate,
  output: rate,
  cacheRead: rate,
  cacheWrite: rate,
  cacheWrite1h: rate,
});
const tiers = fc
  .uniqueArray(fc.integer({ min: 1, max: 500_000 }), { maxLength: 3 })
  .chain((bounds) =>
    fc
      .tuple(...bounds.toSorted((a, b) => a - b).map((above) => rates.map((of) => ({ above, ...of }))))
      .map((all) => (all.length === 0 ? undefined : all)),
  );
const price: fc.Arbitrary<Price> = fc
  .record({
    rates,
    tiers,
    media: fc.option(fc.record({ input: rate, output: rate }), { nil: undefined }),
    webSearch: fc.nat(40_000),
  })
  .map(({ rates: of, ...rest }) => ({ ...of, ...rest }));
const extras = fc.record({ media: fc.boolean(), webSearches: fc.nat(10) });

const sonnet: Price = {
  input: 3_000_000,
  output: 15_000_000,
  cacheRead: 300_000,
  cacheWrite: 3_750_000,
  cacheWrite1h: 6_000_000,
  tiers: [
    {
      above: 200_000,
      input: 6_000_000,
      output: 22_500_000,
      cacheRead: 600_000,
      cacheWrite: 7_500_000,
      cacheWrite1h: 12_000_000,
    },
  ],
  webSearch: 10_000,
};
const none: UsageParts = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0 };

describe("the cost of one request", () => {
  it("is the sum of its parts at their rates, rounded up by less than a micro-dollar", () => {
    fc.assert(
      fc.property(parts, price, extras, (usage, of, more) => {
        const at = ratesAt(of, promptTokens(usage), more);
        const pico =
          BigInt(usage.input) * BigInt(at.input) +
          BigInt(usage.cacheRead) * BigInt(at.cacheRead) +
          BigInt(usage.cacheWrite) * BigInt(at.cacheWrite) +
          BigInt(usage.cacheWrite1h) * BigInt(at.cacheWrite1h) +
          BigInt(usage.output) * BigInt(at.output) +
          BigInt(more.webSearches) * BigInt(of.webSearch ?? 0) * 1_000_000n;
        const cost = costMicroUsd(usage, of, more);
        expect(Number.isSafeInteger(cost)).toBe(true);
        const over = BigInt(cost) * 1_000_000n - pico;
        expect(over >= 0n && over < 1_000_000n).toBe(true);
      }),
    );
  });

  it("is that of litellm#9812's invoice, where cache writes were counted twice", () => {
    const usage = { ...none, input: 3, cacheWrite: 12_304, output: 550 };
    expect(costMicroUsd(usage, sonnet)).toBe(54_399);
  });

  it("is exact where numbers are not", () => {
    const dear = { ...sonnet, input: 600_000_000, cacheRead: 1, tiers: undefined };
    expect(costMicroUsd({ ...none, input: 100_000_000, cacheRead: 1 }, dear)).toBe(60_000_000_001);
  });

  it("changes for the whole request above a tier's bound, cached tokens counted", () => {
    expect(costMicroUsd({ ...none, input: 200_000 }, sonnet)).toBe(600_000);
    expect(costMicroUsd({ ...none, input: 1, cacheRead: 200_000, output: 2 }, sonnet)).toBe(120_000 + 6 + 45);
  });

  it("counts sound and images as the dearest kind only where they may be there", () => {
    const live = { ...sonnet, tiers: undefined, media: { input: 10_000_000, output: 20_000_000 } };
    const usage = { ...none, input: 10, cacheRead: 10, output: 10 };
    expect(costMicroUsd(usage, live)).toBe(30 + 3 + 150);
    expect(costMicroUsd(usage, live, { media: true })).toBe(100 + 100 + 200);
  });

  it("refuses what it cannot know", () => {
    expect(() => costMicroUsd(none, { ...sonnet, webSearch: undefined }, { webSearches: 1 })).toThrow(RangeError);
    expect(() => costMicroUsd({ ...none, input: -1 }, sonnet)).toThrow(RangeError);
    expect(() => costMicroUsd({ ...none, input: 1.5 }, sonnet)).toThrow(RangeError);
    expect(() => costMicroUsd({ ...none, output: Number.NaN }, sonnet)).toThrow(RangeError);
  });
});

describe("what is reserved", () => {
  it("covers every usage within the bound", () => {
    fc.assert(
      fc.property(parts, price, extras, fc.nat(1000), (usage, of, more, slack) => {
        const most = mostMicroUsd(
          { input: promptTokens(usage) + slack, output: usage.output + slack, cache: "1h", ...more },
          of,
        );
        expect(costMicroUsd(usage, of, more)).toBeLessThanOrEqual(most);
      }),
    );
  });

  it("covers the caches that the request may write to, and no others", () => {
    const bound = { input: 1_000_000, output: 0 };
    const flat = { ...sonnet, tiers: undefined };
    expect(mostMicroUsd({ ...bound, cache: "none" }, flat)).toBe(3_000_000);
    expect(mostMicroUsd(bound, flat)).toBe(3_750_000);
    expect(mostMicroUsd({ ...bound, cache: "1h" }, flat)).toBe(6_000_000);
  });

  it("reaches a tier only where the prompt may", () => {
    expect(mostMicroUsd({ input: 200_000, output: 1000, cache: "none" }, sonnet)).toBe(615_000);
    expect(mostMicroUsd({ input: 200_001, output: 1000, cache: "none" }, sonnet)).toBe(1_200_006 + 22_500);
  });
});

describe("the dearest of several prices", () => {
  it("is below none of them for any usage", () => {
    fc.assert(
      fc.property(fc.array(price, { minLength: 1, maxLength: 4 }), parts, extras, (all, usage, more) => {
        const dearest = dearestPrice(all as [Price, ...Price[]]);
        for (const one of all) {
          expect(costMicroUsd(usage, one, more)).toBeLessThanOrEqual(costMicroUsd(usage, dearest, more));
        }
      }),
    );
  });

  it("is the one where there is one", () => {
    fc.assert(
      fc.property(price, parts, extras, (one, usage, more) => {
        expect(costMicroUsd(usage, dearestPrice([one]), more)).toBe(costMicroUsd(usage, one, more));
      }),
    );
  });
});

describe("a free price", () => {
  it("charges nothing, and no other is free", () => {
    const free = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0 };
    expect(isFree(free)).toBe(true);
    expect(isFree({ ...free, cacheRead: 1 })).toBe(false);
    expect(isFree({ ...free, webSearch: 10_000 })).toBe(false);
    expect(isFree({ ...free, tiers: [{ above: 10, ...free, output: 1 }] })).toBe(false);
    expect(isFree({ ...free, media: { input: 0, output: 1 } })).toBe(false);
  });
});
