import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { periodOf, quotaCharges, quotaState, resetOf, stricterQuotas } from "../../src/domain/quota.ts";
import { type QuotaLimits, type QuotaSpan, quotaNames } from "../../src/domain/quota-rules.ts";

const limit = fc.option(fc.nat(), { nil: undefined });
const quotas: fc.Arbitrary<QuotaLimits> = fc.record({
  maxTokensPerMonth: limit,
  maxTokensPerDay: limit,
  maxRequestsPerDay: limit,
  maxRequestsPerMinute: limit,
});
const span = fc.constantFrom<QuotaSpan>("month", "day", "minute");
const moment = fc.integer({ min: Date.parse("1971-01-01T00:00:00Z"), max: Date.parse("9998-01-01T00:00:00Z") });

describe("the stricter of two quotas", () => {
  it("is the lower of each, and keeps what only one has", () => {
    fc.assert(
      fc.property(quotas, quotas, (a, b) => {
        const both = stricterQuotas(a, b);
        for (const name of quotaNames) {
          const given = [a[name], b[name]].filter((one) => one !== undefined);
          expect(both[name]).toBe(given.length === 0 ? undefined : Math.min(...given));
        }
      }),
    );
  });

  it("does not depend on the order, and asking again changes nothing", () => {
    fc.assert(
      fc.property(quotas, quotas, quotas, (a, b, c) => {
        expect(stricterQuotas(a, b)).toEqual(stricterQuotas(b, a));
        expect(stricterQuotas(stricterQuotas(a, b), c)).toEqual(stricterQuotas(a, stricterQuotas(b, c)));
        expect(stricterQuotas(stricterQuotas(a, b), a)).toEqual(stricterQuotas(a, b));
      }),
    );
  });
});

describe("a period", () => {
  it("ends at its reset, and not a millisecond before", () => {
    fc.assert(
      fc.property(span, moment, (of, now) => {
        const reset = resetOf(of, now);
        expect(reset).toBeGreaterThan(now);
        expect(periodOf(of, reset - 1)).toBe(periodOf(of, now));
        expect(periodOf(of, reset)).not.toBe(periodOf(of, now));
        expect(resetOf(of, reset - 1)).toBe(reset);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[QuotaSpan, string, string, string]>([
    ["month", "2026-12-31T23:59:59.999Z", "2026-12", "2027-01-01T00:00:00.000Z"],
    ["month", "2027-01-01T00:00:00.000Z", "2027-01", "2027-02-01T00:00:00.000Z"],
    ["month", "2028-01-31T12:00:00.000Z", "2028-01", "2028-02-01T00:00:00.000Z"],
    ["day", "2028-02-28T23:59:59.999Z", "2028-02-28", "2028-02-29T00:00:00.000Z"],
    ["day", "2027-02-28T23:59:59.999Z", "2027-02-28", "2027-03-01T00:00:00.000Z"],
    // A change of summer time somewhere moves nothing.
    ["day", "2026-03-29T01:30:00.000Z", "2026-03-29", "2026-03-30T00:00:00.000Z"],
    ["minute", "2026-12-31T23:59:59.999Z", "2026-12-31T23:59", "2027-01-01T00:00:00.000Z"],
    ["minute", "2026-11-22T17:05:00.000Z", "2026-11-22T17:05", "2026-11-22T17:06:00.000Z"],
  ])("%s at %s is %s, until %s", (of, now, period, reset) => {
    expect(periodOf(of, Date.parse(now))).toBe(period);
    expect(new Date(resetOf(of, Date.parse(now))).toISOString()).toBe(reset);
  });
});

it("every limit is charged, and tokens and the day's requests are counted without one too", () => {
  fc.assert(
    fc.property(quotas, moment, (limits, now) => {
      const charges = quotaCharges(limits, now);
      for (const name of quotaNames) {
        const charge = charges.find((one) => one.name === name);
        if (name === "maxRequestsPerMinute" && limits[name] === undefined) expect(charge).toBeUndefined();
        else expect(charge).toMatchObject({ limit: limits[name] ?? null });
      }
    }),
  );
});

it("what is left is the limit less what is used and reserved, and never below zero", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (of, used, reserved) => {
      const { left } = quotaState("maxTokensPerDay", of, { used, reserved }, 0);
      expect(left).toBe(Math.max(0, of - used - reserved));
    }),
  );
});
