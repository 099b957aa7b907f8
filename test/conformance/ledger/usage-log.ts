import { describe, expect, it } from "vitest";
import type { Ledger, UsageEntry } from "../../../src/ports.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { chargeCounter } from "../../charge-counter.ts";
import {
  entry,
  freshLedger,
  type MakeLedger,
  minute,
  requests,
  reservation,
  row,
  start,
  times,
  tokens,
  use,
} from "./fresh-ledger.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testUsageLog(name: string, make: MakeLedger): void {
  describe(`UsageLog: ${name}`, () => {
    const fresh = freshLedger(make);

    describe("usage", () => {
      it("adds up by day and model, ascending, between two days inclusive", async () => {
        const entries: [string, string, number][] = [
          ["2026-11-22", "sonnet", 10],
          ["2026-11-22", "haiku", 5],
          ["2026-11-21", "sonnet", 7],
          ["2026-11-22", "sonnet", 1],
          ["2026-11-20", "sonnet", 9],
          ["2026-11-23", "sonnet", 9],
        ];
        for (const [i, [day, model, amount]] of entries.entries()) {
          await fresh.ledger.reserve(reservation(i), [entry(amount, null)]);
          await fresh.ledger.settle(reservation(i), "reserved", { ...use(amount), day, model });
        }
        expect(await fresh.other.usage("ai-key:a/usage", "2026-11-21", "2026-11-22")).toEqual([
          row("2026-11-21", "sonnet", 7),
          row("2026-11-22", "haiku", 5),
          { ...row("2026-11-22", "sonnet", 11), requests: 2, inputTokens: 9, outputTokens: 2 },
        ]);
        expect(await fresh.ledger.usage("ai-key:b/usage", "2026-11-21", "2026-11-22")).toEqual([]);
      });

      it("adds up what has a price of its own, and what was charged", async () => {
        const parts = { cacheReadTokens: 30, cacheWriteTokens: 20, webSearches: 2, microUsd: 1_234 };
        for (const id of [1, 2]) {
          await fresh.ledger.reserve(reservation(id), [entry(100, null)]);
          await fresh.ledger.settle(reservation(id), "reserved", { ...use(100), ...parts, unpricedRequests: id - 1 });
        }
        expect(await fresh.other.usage("ai-key:a/usage", "2026-11-22", "2026-11-22")).toEqual([
          {
            ...{ day: "2026-11-22", model: "m", requests: 2, inputTokens: 198, outputTokens: 2, tokens: 200 },
            ...{ estimatedTokens: 0, cacheReadTokens: 60, cacheWriteTokens: 40, webSearches: 4, microUsd: 2_468 },
            unpricedRequests: 1,
          },
        ]);
      });
    });

    describe("estimates", () => {
      const today = "2026-11-22";
      const usageOf = async (handle: Ledger) =>
        (await handle.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).map(({ tokens, estimatedTokens }) => [
          tokens,
          estimatedTokens,
        ]);
      async function estimated(id: number, amount: number, of = amount): Promise<void> {
        await fresh.ledger.reserve(reservation(id), [
          entry(amount, null),
          entry(amount, null, tokens, today),
          entry(1, null, requests, today),
        ]);
        const estimate = { tokens: { counter: tokens, amount: of } };
        const usage = { ...use(amount), inputTokens: amount - of, outputTokens: of, estimate };
        await fresh.ledger.settle(reservation(id), { [tokens]: amount, [requests]: 1 }, usage);
      }

      it("are shown apart, and given back once: in each period that was charged, and in the usage", async () => {
        await fresh.ledger.reserve(reservation(0), [entry(40, null), entry(40, null, tokens, today)]);
        await fresh.ledger.settle(reservation(0), { [tokens]: 40 }, use(40));
        await estimated(1, 60, 50);
        await estimated(2, 10);
        expect(await usageOf(fresh.other)).toEqual([[110, 60]]);
        const credits = await Promise.all(
          times(8, (i) => (i % 2 ? fresh.ledger : fresh.other).creditEstimates("ai-key:a/usage", 0)),
        );
        expect(credits.map(({ tokens }) => tokens).filter((amount) => amount > 0)).toEqual([60]);
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.ledger.used(tokens, today)).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.ledger.used(requests, today)).toEqual({ used: 2, reserved: 0 });
        expect(await fresh.other.usage("ai-key:a/usage", today, today)).toMatchObject([
          { requests: 3, inputTokens: 49, outputTokens: 1, tokens: 50, estimatedTokens: 0 },
        ]);
        expect(await fresh.ledger.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 0, microUsd: 0 });
      });

      it("are given back from a minute on, and no one else's", async () => {
        await estimated(1, 10);
        await fresh.at(90_000);
        await estimated(2, 20);
        await fresh.ledger.reserve("ai-key:b/reservation:1", [entry(5, null, "ai-key:b/tokens")]);
        const others: UsageEntry = {
          ...use(5),
          name: "ai-key:b/usage",
          estimate: { tokens: { counter: "ai-key:b/tokens", amount: 5 } },
        };
        await fresh.ledger.settle("ai-key:b/reservation:1", { "ai-key:b/tokens": 5 }, others);
        expect(await fresh.other.creditEstimates("ai-key:a/usage", start + 119_999)).toEqual({
          tokens: 20,
          microUsd: 0,
        });
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 10, reserved: 0 });
        expect(await fresh.ledger.creditEstimates("ai-key:a/usage", start)).toEqual({ tokens: 10, microUsd: 0 });
        expect(await fresh.other.used("ai-key:b/tokens", "2026-11")).toEqual({ used: 5, reserved: 0 });
      });

      it("lower nothing below zero, and bring back nothing that is forgotten", async () => {
        await estimated(1, 60);
        await fresh.ledger.forget(tokens);
        await chargeCounter(fresh.ledger, tokens, "2026-11", 10);
        expect(await fresh.ledger.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 60, microUsd: 0 });
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await usageOf(fresh.other)).toEqual([[0, 0]]);
        await estimated(2, 60);
        await fresh.ledger.forget("ai-key:a/tokens");
        await fresh.ledger.forget("ai-key:a/usage");
        expect(await fresh.other.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 0, microUsd: 0 });
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
      });

      it("are given back in micro-dollars too, and the tokens beside them", async () => {
        const { usd } = aiKeyLedger("a");
        await fresh.ledger.reserve(reservation(1), [
          entry(60, null),
          entry(900, null, usd),
          entry(900, null, usd, today),
        ]);
        await fresh.ledger.settle(
          reservation(1),
          { [tokens]: 60, [usd]: 700 },
          {
            ...use(60),
            microUsd: 700,
            estimate: { tokens: { counter: tokens, amount: 1 }, microUsd: { counter: usd, amount: 650 } },
          },
        );
        expect(await fresh.other.used(usd, today)).toEqual({ used: 700, reserved: 0 });
        expect(await fresh.other.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 1, microUsd: 650 });
        expect(await fresh.ledger.used(usd, today)).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.ledger.used(usd, "2026-11")).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.other.usage("ai-key:a/usage", today, today)).toMatchObject([{ tokens: 59, microUsd: 50 }]);
        expect(await fresh.ledger.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 0, microUsd: 0 });
      });

      it("of the input are given back from it, so that input and output add up to the tokens", async () => {
        const estimate = { tokens: { counter: tokens, amount: 50 } };
        await fresh.ledger.reserve(reservation(1), [entry(60, null)]);
        await fresh.ledger.settle(reservation(1), "reserved", {
          ...use(60),
          inputTokens: 55,
          outputTokens: 5,
          estimate,
        });
        expect(await fresh.other.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 50, microUsd: 0 });
        const left = { inputTokens: 10, outputTokens: 0, tokens: 10, estimatedTokens: 0 };
        expect(await fresh.ledger.usage("ai-key:a/usage", today, today)).toMatchObject([left]);
        const query = { prefix: "ai-key:", from: today, to: today, by: "model", orderBy: "key", limit: 9 } as const;
        await expect.poll(async () => (await fresh.other.topUsage(query)).groups).toMatchObject([left]);
      });

      it("are given back to everybody's input and output as to the name's own", async () => {
        const others: UsageEntry = { ...use(100), name: "ai-key:b/usage", inputTokens: 0, outputTokens: 100 };
        await fresh.ledger.reserve("ai-key:b/reservation:1", []);
        await fresh.ledger.settle("ai-key:b/reservation:1", {}, others);
        const estimate = { tokens: { counter: tokens, amount: 50 } };
        await fresh.ledger.reserve(reservation(1), [entry(60, null)]);
        const own = { ...use(60), inputTokens: 55, outputTokens: 5, estimate };
        await fresh.ledger.settle(reservation(1), "reserved", own);
        await fresh.other.creditEstimates("ai-key:a/usage", 0);
        const left = { inputTokens: 10, outputTokens: 100, tokens: 110, estimatedTokens: 0 };
        const query = { prefix: "ai-key:", from: today, to: today, by: "model", orderBy: "key", limit: 9 } as const;
        const groups = async () => (await fresh.other.topUsage(query)).groups;
        await expect.poll(groups, { timeout: 10_000 }).toMatchObject([left]);
      });

      it("are kept to the end of their last minute", async () => {
        await estimated(1, 60);
        await fresh.at(62 * 24 * 60 * minute);
        await estimated(2, 1);
        expect(await fresh.other.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 61, microUsd: 0 });
      });

      it("are forgotten after two months", async () => {
        await estimated(1, 60);
        await fresh.at(63 * 24 * 60 * minute);
        await estimated(2, 1);
        expect(await fresh.other.creditEstimates("ai-key:a/usage", 0)).toEqual({ tokens: 1, microUsd: 0 });
      });
    });
  });
}
