import { describe, expect, it } from "vitest";
import { freshLedger, type MakeLedger, minute, start, times } from "./fresh-ledger.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testRateLimits(name: string, make: MakeLedger): void {
  describe(`RateLimits: ${name}`, () => {
    const fresh = freshLedger(make);

    const rule = { limit: 10, windowMs: minute };

    describe("take", () => {
      it("allows up to the limit and refuses the next with the time of the first free call", async () => {
        for (let i = 0; i < 10; i++) {
          await fresh.at(i * 1000);
          expect(await fresh.ledger.take("key:a/rate", rule)).toEqual({
            allowed: true,
            remaining: 9 - i,
            resetAt: start + i * 1000 + minute,
          });
        }
        expect(await fresh.other.take("key:a/rate", rule)).toEqual({
          allowed: false,
          remaining: 0,
          resetAt: start + minute,
        });
      });

      it("does not count a refusal", async () => {
        await Promise.all(times(10, () => fresh.ledger.take("key:a/rate", rule)));
        await fresh.at(30_000);
        expect(
          (await Promise.all(times(20, () => fresh.ledger.take("key:a/rate", rule)))).every((d) => !d.allowed),
        ).toBe(true);
        await fresh.at(minute);
        expect(await fresh.ledger.take("key:a/rate", rule)).toMatchObject({ allowed: true, remaining: 9 });
        expect(await fresh.ledger.seen("key:a/rate")).toEqual({ count: 11, lastAt: start + minute });
      });

      it("never allows more than the limit inside any window", async () => {
        const allowedAt: number[] = [];
        let now = 0;
        let seed = 7;
        for (let i = 0; i < 200; i++) {
          seed = (seed * 1103515245 + 12345) % 2147483648;
          now += seed % 9000;
          await fresh.at(now);
          if ((await (i % 2 ? fresh.ledger : fresh.other).take("key:a/rate", rule)).allowed) allowedAt.push(now);
          else expect(allowedAt.filter((t) => t > now - minute)).toHaveLength(10);
        }
        for (const t of allowedAt) {
          expect(allowedAt.filter((u) => u > t - minute && u <= t).length).toBeLessThanOrEqual(10);
        }
        expect(allowedAt.length).toBeGreaterThan(50);
      });

      it("allows exactly the limit to concurrent callers", async () => {
        const decisions = await Promise.all(
          times(64, (i) => (i % 2 ? fresh.ledger : fresh.other).take("key:a/rate", rule)),
        );
        expect(decisions.filter((d) => d.allowed)).toHaveLength(10);
      });

      it("counts the cost, and names when that much is free", async () => {
        expect(await fresh.ledger.take("key:a/rate", rule, 7)).toMatchObject({ allowed: true, remaining: 3 });
        await fresh.at(1000);
        expect(await fresh.ledger.take("key:a/rate", rule, 2)).toMatchObject({ allowed: true, remaining: 1 });
        await fresh.at(2000);
        expect(await fresh.ledger.take("key:a/rate", rule, 9)).toEqual({
          allowed: false,
          remaining: 1,
          resetAt: start + 1000 + minute,
        });
        expect(await fresh.ledger.take("key:a/rate", rule, 1)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it("keeps buckets apart and follows a limit that changes", async () => {
        await Promise.all(times(10, () => fresh.ledger.take("key:a/rate", rule)));
        expect(await fresh.ledger.take("key:b/rate", rule)).toMatchObject({ allowed: true, remaining: 9 });
        expect(await fresh.ledger.take("key:a/rate", { ...rule, limit: 12 })).toMatchObject({
          allowed: true,
          remaining: 1,
        });
        expect(await fresh.ledger.take("key:a/rate", { ...rule, limit: 5 })).toMatchObject({
          allowed: false,
          remaining: 0,
        });
      });

      it("has seen nothing of a bucket that was never taken from", async () => {
        expect(await fresh.ledger.seen("key:a/rate")).toEqual({ count: 0 });
      });
    });
  });
}
