import { describe, expect, it } from "vitest";
import { periodOf, quotaCharges, quotaState, resetOf, stricterQuotas } from "../../src/domain/quota.ts";
import { type DeniedRequest, quotaDenial } from "../../src/domain/quota-denial.ts";

const iso = (text: string): number => Date.parse(text);

describe("periods", () => {
  it("are calendar periods in UTC", () => {
    const now = iso("2026-11-22T17:05:59.999Z");
    expect(periodOf("month", now)).toBe("2026-11");
    expect(periodOf("day", now)).toBe("2026-11-22");
    expect(periodOf("minute", now)).toBe("2026-11-22T17:05");
    expect(periodOf("minute", now + 1)).toBe("2026-11-22T17:06");
  });

  it.each([
    ["month", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"],
    ["month", "2028-02-29T12:00:00.000Z", "2028-03-01T00:00:00.000Z"],
    ["day", "2028-02-28T00:00:00.000Z", "2028-02-29T00:00:00.000Z"],
    ["day", "2026-12-31T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
    ["minute", "2026-12-31T23:59:00.000Z", "2027-01-01T00:00:00.000Z"],
  ] as const)("a %s that holds %s ends at %s", (span, now, reset) => {
    expect(resetOf(span, iso(now))).toBe(iso(reset));
    expect(periodOf(span, iso(reset) - 1)).not.toBe(periodOf(span, iso(reset)));
  });
});

it("of two limits the stricter wins, whichever has it", () => {
  const a = { maxTokensPerMonth: 10, maxRequestsPerDay: 0 };
  const b = { maxTokensPerMonth: 5, maxTokensPerDay: 7, maxRequestsPerDay: 3 };
  const stricter = { maxTokensPerMonth: 5, maxTokensPerDay: 7, maxRequestsPerDay: 0 };
  expect(stricterQuotas(a, b)).toEqual(stricter);
  expect(stricterQuotas(b, a)).toEqual(stricter);
  expect(stricterQuotas({}, {})).toEqual({});
});

it("counts tokens and the day's requests without a limit too, for a quota that is added later", () => {
  const charges = (quotas: Parameters<typeof quotaCharges>[0]) =>
    quotaCharges(quotas, iso("2026-11-22T17:05:00Z")).map(({ name, period, limit }) => [name, period, limit]);
  expect(charges({})).toEqual([
    ["maxTokensPerMonth", "2026-11", null],
    ["maxUsdPerMonth", "2026-11", null],
    ["maxTokensPerDay", "2026-11-22", null],
    ["maxUsdPerDay", "2026-11-22", null],
    ["maxRequestsPerDay", "2026-11-22", null],
  ]);
  expect(charges({ maxUsdPerMonth: 0.29 })[1]).toEqual(["maxUsdPerMonth", "2026-11", 290_000]);
  expect(charges({ maxRequestsPerMinute: 0 }).at(-1)).toEqual(["maxRequestsPerMinute", "2026-11-22T17:05", 0]);
});

it("shows money in USD, exact to the micro-dollar", () => {
  const now = iso("2026-11-22T17:05:00Z");
  expect(quotaState("maxUsdPerDay", 0.3, { used: 100_001, reserved: 199_998 }, now)).toEqual({
    limit: 0.3,
    used: 0.100001,
    reserved: 0.199998,
    left: 0.000001,
    resetAt: "2026-11-23T00:00:00.000Z",
  });
});

it("shows nothing left, not less, where a provider charged more than was reserved", () => {
  const now = iso("2026-11-22T17:05:00Z");
  expect(quotaState("maxTokensPerMonth", 100, { used: 70, reserved: 20 }, now)).toEqual({
    limit: 100,
    used: 70,
    reserved: 20,
    left: 10,
    resetAt: "2026-12-01T00:00:00.000Z",
  });
  expect(quotaState("maxTokensPerMonth", 100, { used: 120, reserved: 0 }, now).left).toBe(0);
});

describe("a denial", () => {
  const now = iso("2026-11-22T17:05:30Z");
  const denied = (change: Partial<DeniedRequest>) =>
    quotaDenial(
      { name: "maxTokensPerMonth", limit: 1_000_000, used: 1_000_000, reserved: 0, amount: 900, ...change },
      now,
    );
  /** The words that OpenClaw (2026.9.6) takes for a longer quota, and shows at once. */
  const surfaces = /daily|weekly|monthly|per day|per month|usage limit|quota exceeded|current quota/i;
  const perMinute = /requests? per minute|per-minute|\brpm\b|\btpm\b/i;

  it("names the quota and its reset where it is spent", () => {
    expect(denied({})).toEqual({
      reason: "exhausted",
      message: "Monthly token quota exceeded (usage limit 1,000,000; resets 2026-12-01T00:00:00Z)",
      retryAfter: (iso("2026-12-01T00:00:00Z") - now) / 1000,
      transient: false,
      limit: 1_000_000,
      used: 1_000_000,
      left: 0,
      resetAt: iso("2026-12-01T00:00:00Z"),
    });
    expect(denied({ name: "maxTokensPerDay" }).message).toMatch(/^Daily token quota exceeded \(.*2026-11-23T00:00:00Z/);
    expect(denied({ name: "maxRequestsPerDay" }).message).toMatch(/^Daily request quota exceeded/);
  });

  it("names what is left and what was asked where the request is too large", () => {
    const { reason, message } = denied({ used: 999_000, amount: 9_000 });
    expect(reason).toBe("too_large");
    expect(message).toContain("up to 9,000 tokens, 1,000 are left");
  });

  it("judges a request that can shrink by the least it can do with", () => {
    const shrinks = { used: 10_000, amount: 989_900, least: 100 };
    const waits = denied({ ...shrinks, reserved: 989_950 });
    expect([waits.reason, waits.retryAfter]).toEqual(["in_flight", 2]);
    expect(waits.message).toContain("50 tokens are left for now, this request needs at least 100;");
    const { reason, message } = denied({ ...shrinks, used: 999_950 });
    expect(reason).toBe("too_large");
    expect(message).toContain("this request needs at least 100 tokens, 50 are left");
  });

  it("asks to wait for seconds only where what is in flight may give room", () => {
    const { reason, message, retryAfter, transient } = denied({ used: 10_000, reserved: 989_500 });
    expect([reason, transient]).toEqual(["in_flight", true]);
    expect(retryAfter).toBeLessThan(10);
    expect(message).toContain("500 tokens are left for now");
    expect(message).not.toMatch(surfaces);
  });

  it("is worded so that OpenClaw shows the long ones and waits for the short ones", () => {
    for (const name of ["maxTokensPerMonth", "maxTokensPerDay", "maxRequestsPerDay"] as const) {
      for (const used of [1_000_000, 999_500]) {
        expect(denied({ name, used }).message).toMatch(surfaces);
        expect(denied({ name, used }).message).not.toMatch(perMinute);
      }
    }
    const minute = denied({ name: "maxRequestsPerMinute", limit: 10, used: 10, amount: 1 });
    expect(minute.message).not.toMatch(surfaces);
    expect(minute.retryAfter).toBe(30);
  });
});
