import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dollars, fromMicroUsd, toMicroUsd, usdText } from "../../src/domain/micro-usd.ts";

describe("USD in whole micro-dollars", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (micro) => {
        expect(toMicroUsd(fromMicroUsd(micro))).toBe(micro);
        expect(toMicroUsd(Number(`${Math.floor(micro / 1e6)}.${String(micro % 1e6).padStart(6, "0")}`))).toBe(micro);
      }),
    );
  });

  it("are written alike from either", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (micro) => {
        expect(dollars(micro / 1e6)).toBe(usdText(micro));
      }),
    );
  });

  it.each([0.1 + 0.2, 0.0000001, 1.0000001, -1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21, 9_007_199_255])(
    "refuse %s",
    (usd) => {
      expect(toMicroUsd(usd)).toBeUndefined();
    },
  );

  it.each([
    [0, 0],
    [0.29, 290_000],
    [1.005, 1_005_000],
    [0.000001, 1],
    [1_000_000, 1_000_000_000_000],
  ])("of %s are %s", (usd, micro) => {
    expect(toMicroUsd(usd)).toBe(micro);
  });
});
