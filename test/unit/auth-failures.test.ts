import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Ledger, RateDecision } from "../../src/ports.ts";
import { createAuthFailures, failureDelayMs } from "../../src/service/auth-failures.ts";
import type { Settings } from "../../src/settings.ts";
import { addressFailures, otherFailures } from "../../src/storage/ledger-names.ts";

let now = 0;
let taken: Map<string, number>;
const limit = 300;
const ledger = {
  async take(bucket: string, rule: { limit: number }): Promise<RateDecision> {
    const count = (taken.get(bucket) ?? 0) + 1;
    taken.set(bucket, count);
    return { allowed: count <= rule.limit, remaining: Math.max(0, rule.limit - count), resetAt: now + 60_000 };
  },
} as Ledger;
const settings = { provisioning: { authFailuresPerMinute: limit } } as Settings;
const failures = () => createAuthFailures({ ledger, clock: { now: () => now }, settings });

beforeEach(() => {
  taken = new Map();
  now = Date.UTC(2026, 10, 22, 18);
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  return () => vi.useRealTimers();
});

/** How long the answer takes, in the fake timers' milliseconds. */
async function delayOf(answer: Promise<unknown>): Promise<number> {
  let settled = false;
  const done = answer.then(() => {
    settled = true;
  });
  for (let ms = 0; ; ms += 10) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    if (settled) return ms;
    await vi.advanceTimersByTimeAsync(10);
    await Promise.race([done, Promise.resolve()]);
  }
}

describe("the delay of failures", () => {
  it("grows with their number in a minute, from none to a second", () => {
    const delays = [1, 30, 31, 60, 100, 200, 300, 100_000].map(failureDelayMs);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect([delays[0], delays[1], delays.at(-1)]).toEqual([0, 0, 1_000]);
  });

  it("is an address's own, and goes on growing once it is told to come back later", async () => {
    const failed = failures();
    for (let turn = 0; turn < 30; turn++) expect(await delayOf(failed("203.0.113.1"))).toBe(0);
    const seen = [];
    for (let turn = 0; turn < 60; turn++) seen.push(await delayOf(failed("203.0.113.1")));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThan(40);
    expect(await delayOf(failed("203.0.113.2"))).toBe(0);
    now += 60_000;
    taken.clear();
    expect(await delayOf(failed("203.0.113.1"))).toBe(0);
  });

  it("holds back a bounded number of answers", async () => {
    const failed = failures();
    taken.set(addressFailures("203.0.113.1"), 290);
    const answers = Array.from({ length: 100 }, () => failed("203.0.113.1"));
    let given = 0;
    for (const answer of answers) void answer.then(() => given++);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(given).toBe(100 - 32);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(given).toBe(100);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("addresses beyond 256 a minute share one count, and so do those of one IPv6 network", async () => {
  const failed = failures();
  const answers = [];
  for (let at = 0; at < 1_000; at++) answers.push(failed(`10.0.${at >> 8}.${at & 255}`));
  await vi.advanceTimersByTimeAsync(1_000);
  const told = await Promise.all(answers);
  expect(taken.size).toBe(257);
  expect(taken.get(otherFailures)).toBe(1_000 - 256);
  // A caller that comes after three hundred of them is told to wait, though its own failure was the first.
  expect(told.filter((seconds) => seconds !== undefined)).toHaveLength(1_000 - 256 - limit);

  now += 60_000;
  taken.clear();
  const networks = Array.from({ length: 100 }, (_, at) => failed(`2001:db8:0:1:${at}::1`));
  networks.push(failed("2001:0db8::0001:0:0:0:7"));
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(networks);
  expect([...taken]).toEqual([[addressFailures("2001:db8:0:1::"), 101]]);
});
