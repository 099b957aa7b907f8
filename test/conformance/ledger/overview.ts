import { describe, expect, it } from "vitest";
import type { Ledger, LedgerName } from "../../../src/ports.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { entry, freshLedger, type MakeLedger, minute, use } from "./fresh-ledger.ts";

const day = "2026-11-22";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testOverview(name: string, make: MakeLedger): void {
  describe(`Overview: ${name}`, () => {
    const fresh = freshLedger(make);
    let ids = 0;

    async function spend(
      key: string,
      {
        amount,
        on = day,
        model = "m",
        microUsd = 0,
      }: { amount: number; on?: string; model?: string; microUsd?: number },
    ): Promise<void> {
      const names = aiKeyLedger(key);
      const id = names.reservation(String(ids++));
      const month = on.slice(0, 7);
      await fresh.ledger.reserve(id, [
        entry(amount, null, names.tokens, month),
        entry(microUsd, null, names.usd, month),
      ]);
      await fresh.ledger.settle(
        id,
        { [names.tokens]: amount, [names.usd]: microUsd },
        { ...use(amount), name: names.usage, day: on, model, microUsd },
      );
    }
    /** As soon as the ledger says that all of it is in. */
    async function reported<T>(read: (ledger: Ledger) => Promise<T>, holds: (value: T) => boolean): Promise<T> {
      for (let tries = 0; ; tries++) {
        const value = await read(fresh.other);
        if (holds(value) || tries >= 300) return value;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    const top = (by: "name" | "model" | "day", orderBy: "key" | "tokens" | "microUsd" | "requests", limit = 10) => ({
      prefix: "ai-key:",
      from: "2026-11-01",
      to: "2026-11-30",
      by,
      orderBy,
      limit,
    });

    it("sums up use over all names by name, model and day", async () => {
      await spend("a", { amount: 100, microUsd: 7 });
      await spend("b", { amount: 900, model: "n", microUsd: 3 });
      await spend("c", { amount: 20, on: "2026-11-21", microUsd: 90 });
      await spend("a", { amount: 5, on: "2026-10-31" });
      const all = async (ledger: Ledger) => (await ledger.topUsage(top("model", "tokens"))).groups;
      expect(await reported(all, (groups) => groups.reduce((sum, one) => sum + one.requests, 0) === 3)).toMatchObject([
        { key: "n", requests: 1, tokens: 900, microUsd: 3 },
        { key: "m", requests: 2, tokens: 120, inputTokens: 118, outputTokens: 2, microUsd: 97 },
      ]);
      const keys = async (...query: Parameters<typeof top>) =>
        (await fresh.other.topUsage(top(...query))).groups.map(({ key }) => key);
      expect(await keys("day", "key")).toEqual(["2026-11-21", day]);
      expect(await keys("name", "tokens")).toEqual(["b", "a", "c"].map((key) => aiKeyLedger(key).usage));
      expect(await keys("name", "microUsd", 2)).toEqual(["c", "a"].map((key) => aiKeyLedger(key).usage));
      expect(await keys("name", "key", 1)).toEqual([aiKeyLedger("a").usage]);
      await fresh.ledger.forget(aiKeyLedger("b").all);
      const named = async () => await keys("name", "tokens");
      expect(await reported(named, (found) => found.length === 2)).toEqual([
        aiKeyLedger("a").usage,
        aiKeyLedger("c").usage,
      ]);
      // Use once counted stays counted.
      expect(await keys("model", "tokens")).toEqual(["n", "m"]);
    }, 60_000);

    it("sums up by name what was used on the days that are asked for, and nothing of those around them", async () => {
      await spend("a", { amount: 5, on: "2026-10-31" });
      await spend("a", { amount: 3, on: "2026-12-01" });
      await spend("a", { amount: 100 });
      const named = async (ledger: Ledger) => (await ledger.topUsage(top("name", "key"))).groups;
      expect(await reported(named, ([one]) => one?.tokens === 100)).toMatchObject([
        { key: aiKeyLedger("a").usage, requests: 1, tokens: 100 },
      ]);
    }, 60_000);

    it("counts by model and day what a name used right before it was forgotten", async () => {
      await spend("gone", { amount: 100, microUsd: 7 });
      await fresh.ledger.forget(aiKeyLedger("gone").usage);
      await spend("kept", { amount: 20 });
      const all = async (ledger: Ledger) => (await ledger.topUsage(top("day", "key"))).groups;
      const groups = await reported(all, ([one]) => one?.requests === 2);
      expect(groups).toMatchObject([{ key: day, requests: 2, tokens: 120, microUsd: 7 }]);
      const names = async (ledger: Ledger) => (await ledger.topUsage(top("name", "key"))).groups.map(({ key }) => key);
      expect(await reported(names, (found) => found.length === 1)).toEqual([aiKeyLedger("kept").usage]);
    }, 60_000);

    it("finds the largest of many in the month that is under way", async () => {
      const amounts = Array.from({ length: 40 }, (_, at) => 10_000 + ((at * 7_919) % 40) * 25);
      await Promise.all(amounts.map((amount, at) => spend(`k${at}`, { amount })));
      const largest = async (ledger: Ledger) => (await ledger.topUsage(top("name", "tokens", 5))).groups;
      const expected = amounts.toSorted((a, b) => b - a).slice(0, 5);
      expect(await reported(largest, (groups) => groups[4]?.tokens === expected[4])).toMatchObject(
        expected.map((tokens) => ({ tokens })),
      );
    }, 60_000);

    it("finds the largest of a month that has just begun behind many larger ones of the month before", async () => {
      await Promise.all(
        Array.from({ length: 60 }, (_, at) => spend(`old${at}`, { amount: 50_000 + at, on: "2026-10-31" })),
      );
      await Promise.all([3, 1, 2].map((amount) => spend(`new${amount}`, { amount })));
      const largest = async (ledger: Ledger) => (await ledger.topUsage(top("name", "tokens", 2))).groups;
      expect(await reported(largest, (groups) => groups[1]?.tokens === 2)).toMatchObject([
        { key: aiKeyLedger("new3").usage, tokens: 3 },
        { key: aiKeyLedger("new2").usage, tokens: 2 },
      ]);
    }, 60_000);

    it("tells which counters are near their limit, the fullest first", async () => {
      const fill = async (key: string, used: number, held: number, period = "2026-11") => {
        const { tokens, reservation } = aiKeyLedger(key);
        await fresh.ledger.reserve(reservation("1"), [entry(used, 100, tokens, period)]);
        await fresh.ledger.settle(reservation("1"), { [tokens]: used });
        await fresh.ledger.reserve(reservation("2"), [entry(held, 100, tokens, period)]);
      };
      await fill("half", 50, 0);
      await fill("most", 70, 20);
      await fill("full", 100, 0, day);
      await fill("old", 100, 0, "2026-10");
      await fill("little", 10, 0);
      const near = async (ledger: Ledger) =>
        (await ledger.nearLimit({ minShare: 0.5, limit: 10, periods: ["2026-11", day] })).near;
      const tokens = (key: string): LedgerName => aiKeyLedger(key).tokens;
      expect(await reported(near, (found) => found.length === 3)).toEqual([
        { counter: tokens("full"), period: day, limit: 100, used: 100, reserved: 0 },
        { counter: tokens("most"), period: "2026-11", limit: 100, used: 70, reserved: 20 },
        { counter: tokens("half"), period: "2026-11", limit: 100, used: 50, reserved: 0 },
      ]);
      // Its reservation ends, and another lifts its limit.
      await fresh.ledger.settle(aiKeyLedger("most").reservation("2"), {});
      await fresh.ledger.reserve(aiKeyLedger("half").reservation("3"), [entry(1, 1_000, tokens("half"))]);
      expect(await reported(near, (found) => found.length === 2 && found[1]!.reserved === 0)).toMatchObject([
        { used: 100 },
        { used: 70, reserved: 0 },
      ]);
    }, 60_000);

    it("counts a counter as near that has just as much of its limit as is asked", async () => {
      const { tokens, reservation } = aiKeyLedger("just");
      await fresh.ledger.reserve(reservation("1"), [entry(55, 100, tokens)]);
      const near = async (ledger: Ledger) =>
        (await ledger.nearLimit({ minShare: 0.55, limit: 10, periods: ["2026-11"] })).near;
      expect(await reported(near, (found) => found.length === 1)).toMatchObject([{ counter: tokens, reserved: 55 }]);
    }, 60_000);

    it("knows a limit under which everything was refused", async () => {
      const { tokens, reservation } = aiKeyLedger("lowered");
      await fresh.ledger.reserve(reservation("1"), [entry(70, 1_000, tokens)]);
      await fresh.ledger.settle(reservation("1"), { [tokens]: 70 });
      const near = async (ledger: Ledger) =>
        (await ledger.nearLimit({ minShare: 0.5, limit: 10, periods: ["2026-11"] })).near;
      const lowered = async (id: string, limit: number) => {
        const refused = await fresh.ledger.reserve(reservation(id), [entry(1, limit, tokens)]);
        expect(refused.outcome).toBe("exceeded");
        expect(await reported(near, ([found]) => found?.limit === limit)).toEqual([
          { counter: tokens, period: "2026-11", limit, used: 70, reserved: 0 },
        ]);
      };
      await lowered("2", 50);
      // All before it was told by then.
      await lowered("3", 40);
    }, 60_000);

    it("finds the few that are the fullest among many", async () => {
      await Promise.all(
        Array.from({ length: 250 }, async (_, at) => {
          const { tokens, reservation } = aiKeyLedger(`many-${at}`);
          await fresh.ledger.reserve(reservation("1"), [entry(9_000 + at, 10_000, tokens)]);
          await fresh.ledger.settle(reservation("1"), { [tokens]: 9_000 + at });
        }),
      );
      const fullest = async (ledger: Ledger) => {
        const { near } = await ledger.nearLimit({ minShare: 0.5, limit: 3, periods: ["2026-11"] });
        return near.map(({ used }) => used);
      };
      const expected = [9_249, 9_248, 9_247];
      expect(await reported(fullest, (found) => `${found}` === `${expected}`)).toEqual(expected);
    }, 60_000);

    it("says up to when everything is in it", async () => {
      await fresh.at(minute);
      const { asOf } = await fresh.ledger.topUsage(top("day", "key"));
      const { asOf: nearAsOf } = await fresh.ledger.nearLimit({ minShare: 0.8, limit: 1, periods: ["2026-11"] });
      for (const time of [asOf, nearAsOf]) expect(time).toBeGreaterThanOrEqual(Date.UTC(2026, 10, 22, 18, 0, 30));
    });
  });
}
