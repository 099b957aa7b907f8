import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock, CounterReservation, Ledger, LedgerName, UsageEntry } from "../../src/ports.ts";

export interface LedgerUnderTest {
  ledger: Ledger;
  /** Another handle on the same store, as another process would have. */
  second?: Ledger;
  clock: Clock & { set(now: number): void | Promise<void> };
  dispose(): Promise<void>;
}

const start = Date.UTC(2026, 10, 22, 18);
const minute = 60_000;
const rule = { limit: 10, windowMs: minute };
const tokens: LedgerName = "ai-key:a/tokens";
const requests: LedgerName = "ai-key:a/requests";
const reservation = (id: number | string): LedgerName => `ai-key:a/reservation:${id}`;
const entry = (amount: number, limit: number | null, counter = tokens, period = "2026-11"): CounterReservation => ({
  counter,
  period,
  limit,
  amount,
});
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testLedger(name: string, make: () => Promise<LedgerUnderTest>): void {
  describe(`Ledger: ${name}`, () => {
    let made: LedgerUnderTest;
    let ledger: Ledger;
    /** The other handle where there is one, so that every test that uses it also crosses processes. */
    let other: Ledger;
    const at = (ms: number) => made.clock.set(start + ms);

    beforeEach(async () => {
      made = await make();
      ledger = made.ledger;
      other = made.second ?? made.ledger;
      await at(0);
    });
    afterEach(() => made.dispose());

    describe("take", () => {
      it("allows up to the limit and refuses the next with the time of the first free call", async () => {
        for (let i = 0; i < 10; i++) {
          await at(i * 1000);
          expect(await ledger.take("key:a/rate", rule)).toEqual({
            allowed: true,
            remaining: 9 - i,
            resetAt: start + i * 1000 + minute,
          });
        }
        expect(await other.take("key:a/rate", rule)).toEqual({ allowed: false, remaining: 0, resetAt: start + minute });
      });

      it("does not count a refusal", async () => {
        await Promise.all(times(10, () => ledger.take("key:a/rate", rule)));
        await at(30_000);
        expect((await Promise.all(times(20, () => ledger.take("key:a/rate", rule)))).every((d) => !d.allowed)).toBe(
          true,
        );
        await at(minute);
        expect(await ledger.take("key:a/rate", rule)).toMatchObject({ allowed: true, remaining: 9 });
        expect(await ledger.seen("key:a/rate")).toEqual({ count: 11, lastAt: start + minute });
      });

      it("never allows more than the limit inside any window", async () => {
        const allowedAt: number[] = [];
        let now = 0;
        let seed = 7;
        for (let i = 0; i < 200; i++) {
          seed = (seed * 1103515245 + 12345) % 2147483648;
          now += seed % 9000;
          await at(now);
          if ((await (i % 2 ? ledger : other).take("key:a/rate", rule)).allowed) allowedAt.push(now);
          else expect(allowedAt.filter((t) => t > now - minute)).toHaveLength(10);
        }
        for (const t of allowedAt) {
          expect(allowedAt.filter((u) => u > t - minute && u <= t).length).toBeLessThanOrEqual(10);
        }
        expect(allowedAt.length).toBeGreaterThan(50);
      });

      it("allows exactly the limit to concurrent callers", async () => {
        const decisions = await Promise.all(times(64, (i) => (i % 2 ? ledger : other).take("key:a/rate", rule)));
        expect(decisions.filter((d) => d.allowed)).toHaveLength(10);
      });

      it("counts the cost, and names when that much is free", async () => {
        expect(await ledger.take("key:a/rate", rule, 7)).toMatchObject({ allowed: true, remaining: 3 });
        await at(1000);
        expect(await ledger.take("key:a/rate", rule, 2)).toMatchObject({ allowed: true, remaining: 1 });
        await at(2000);
        expect(await ledger.take("key:a/rate", rule, 9)).toEqual({
          allowed: false,
          remaining: 1,
          resetAt: start + 1000 + minute,
        });
        expect(await ledger.take("key:a/rate", rule, 1)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it("keeps buckets apart and follows a limit that changes", async () => {
        await Promise.all(times(10, () => ledger.take("key:a/rate", rule)));
        expect(await ledger.take("key:b/rate", rule)).toMatchObject({ allowed: true, remaining: 9 });
        expect(await ledger.take("key:a/rate", { ...rule, limit: 12 })).toMatchObject({ allowed: true, remaining: 1 });
        expect(await ledger.take("key:a/rate", { ...rule, limit: 5 })).toMatchObject({ allowed: false, remaining: 0 });
      });

      it("has seen nothing of a bucket that was never taken from", async () => {
        expect(await ledger.seen("key:a/rate")).toEqual({ count: 0 });
      });
    });

    describe("reserve and settle", () => {
      it("reserves, then charges what was really used", async () => {
        expect(await ledger.reserve(reservation(1), [entry(60, 100)])).toEqual({ outcome: "reserved" });
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 60 });
        await other.settle(reservation(1), { [tokens]: 42 });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 42, reserved: 0 });
      });

      it("reserves all or nothing, and names the first entry that does not fit", async () => {
        await ledger.reserve(reservation(1), [entry(90, 100), entry(1, 5, requests, "2026-11-22")]);
        const asked = [entry(1, 5, requests, "2026-11-22"), entry(11, 100), entry(99, 5, requests, "2026-11-22T18:00")];
        expect(await ledger.reserve(reservation(2), asked)).toEqual({
          outcome: "exceeded",
          exceeded: { ...entry(11, 100), used: 0, reserved: 90 },
        });
        expect(await ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 1 });
        await ledger.settle(reservation(2), { [requests]: 1 });
        expect(await ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 1 });
        expect(await ledger.reserve(reservation(3), [entry(10, 100)])).toEqual({ outcome: "reserved" });
      });

      it("adds up several entries of one counter and period, and holds each to its own limit", async () => {
        const twice = [entry(30, 100), entry(30, 50)];
        expect(await ledger.reserve(reservation(1), twice)).toMatchObject({
          outcome: "exceeded",
          exceeded: { limit: 50 },
        });
        expect(await ledger.reserve(reservation(1), [entry(20, 100), entry(30, 50)])).toEqual({ outcome: "reserved" });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 50 });
        await ledger.settle(reservation(1), { [tokens]: 25 });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 25, reserved: 0 });
      });

      it("counts without a limit where it is null", async () => {
        await ledger.reserve(reservation(1), [entry(1_000_000_000_000, null)]);
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 1_000_000_000_000 });
        await ledger.settle(reservation(1), "reserved");
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 1_000_000_000_000, reserved: 0 });
      });

      it("charges nothing to a counter that the actual use does not name", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100), entry(1, 5, requests, "2026-11-22")]);
        await ledger.settle(reservation(1), { [tokens]: 10 });
        expect(await ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 0 });
      });

      it("may charge more than was reserved, and then has nothing left", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100)]);
        await ledger.settle(reservation(1), { [tokens]: 130 });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 130, reserved: 0 });
        expect(await ledger.reserve(reservation(2), [entry(1, 100)])).toMatchObject({ outcome: "exceeded" });
      });

      it("charges one counter in each of its periods", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100), entry(60, 80, tokens, "2026-11-22")]);
        await ledger.settle(reservation(1), { [tokens]: 50 });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 50, reserved: 0 });
        expect(await ledger.used(tokens, "2026-11-22")).toEqual({ used: 50, reserved: 0 });
      });

      it("lets exactly 100 of 500 concurrent callers in where there is room for 100", async () => {
        const outcomes = await Promise.all(
          times(500, (i) => (i % 2 ? ledger : other).reserve(reservation(i), [entry(10, 1000)])),
        );
        const reserved = times(500, (i) => i).filter((i) => outcomes[i]?.outcome === "reserved");
        expect(reserved).toHaveLength(100);
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 1000 });
        await Promise.all(reserved.map((i) => (i % 3 ? ledger : other).settle(reservation(i), { [tokens]: 10 })));
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 1000, reserved: 0 });
      });

      it("charges an id that is reserved twice once", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100)]);
        expect(await other.reserve(reservation(1), [entry(60, 100)])).toEqual({ outcome: "reserved" });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 60 });
      });

      it("settles once, however often it is asked to", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100)]);
        await Promise.all(times(8, (i) => (i % 2 ? ledger : other).settle(reservation(1), { [tokens]: 40 }, use(40))));
        await ledger.settle(reservation(1), "reserved", use(40));
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 40, reserved: 0 });
        expect(await ledger.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([row("2026-11-22", "m", 40)]);
      });

      it("changes nothing when an unknown id is settled, usage included", async () => {
        await ledger.settle(reservation("unknown"), { [tokens]: 40 }, use(40));
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await ledger.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([]);
      });

      it("records the usage of a reservation without entries", async () => {
        expect(await ledger.reserve(reservation(1), [])).toEqual({ outcome: "reserved" });
        await ledger.settle(reservation(1), {}, use(40));
        expect(await ledger.usage("ai-key:a/usage", "2026-11-22", "2026-11-22")).toEqual([row("2026-11-22", "m", 40)]);
      });

      it("reserves only under the text that the caller believes, or none", async () => {
        const expected = { name: "ai-key:a/state" as LedgerName, text: "active" };
        expect(await ledger.reserve(reservation(1), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
        await ledger.put("ai-key:a/state", "active");
        expect(await ledger.reserve(reservation(2), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
        await other.put("ai-key:a/state", "suspended");
        expect(await ledger.reserve(reservation(3), [entry(1, 0)], expected)).toEqual({
          outcome: "changed",
          text: "suspended",
        });
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 2 });
        await other.put("ai-key:a/state", "suspended", 1000);
        await at(1000);
        expect(await ledger.reserve(reservation(4), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
      });

      it("charges stale reservations of a prefix as reserved, and leaves the others", async () => {
        await ledger.reserve(reservation("old"), [entry(60, 100)]);
        await ledger.reserve("key:k/op:1", [entry(1, 5, "key:k/agents", "all")]);
        await ledger.reserve("ai-key:b/reservation:1", [entry(3, 5, "ai-key:b/tokens")]);
        await at(10 * minute);
        await ledger.reserve(reservation("young"), [entry(5, 100)]);
        await at(10 * minute + 1);
        expect(await other.settleStale("ai-key:", 10 * minute)).toBe(2);
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 60, reserved: 5 });
        expect(await ledger.used("ai-key:b/tokens", "2026-11")).toEqual({ used: 3, reserved: 0 });
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 0, reserved: 1 });
        await ledger.settle(reservation("old"), { [tokens]: 1 }, use(1));
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 60, reserved: 5 });
        expect(await ledger.settleStale("ai-key:", 10 * minute)).toBe(0);
        await ledger.settle(reservation("young"), { [tokens]: 5 });
        await ledger.settle("key:k/op:1", {});
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 0, reserved: 0 });
      });

      it("tells what is not settled, by the beginning of its name", async () => {
        if (!other.unsettled) return;
        await ledger.reserve(reservation("host-1-2.run-0"), [entry(1, 100)]);
        await ledger.reserve(reservation("host-1-2.run-1"), [entry(1, 100)]);
        await ledger.reserve("key:k/op:1", [entry(1, 5, "key:k/agents", "all")]);
        await ledger.settle(reservation("host-1-2.run-0"), {});
        expect(await other.unsettled("ai-key:")).toEqual([reservation("host-1-2.run-1")]);
        await ledger.settle(reservation("host-1-2.run-1"), "reserved");
        expect(await other.unsettled("ai-key:")).toEqual([]);
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 1, reserved: 0 });
      });

      it("can still be read when more was charged than a number holds exactly", async () => {
        const most = Number.MAX_SAFE_INTEGER;
        for (const id of [1, 2, 3]) {
          await ledger.reserve(reservation(id), [entry(most - 1, null)]);
          await ledger.settle(reservation(id), "reserved", use(most - 1));
        }
        await ledger.reserve(reservation(4), [entry(1, null)]);
        expect((await other.used(tokens, "2026-11")).used).toBeGreaterThanOrEqual(most - 1);
        const [first] = await other.usage("ai-key:a/usage", "2026-11-01", "2026-11-30");
        expect(first!.tokens).toBeGreaterThanOrEqual(most - 1);
        expect(await ledger.reserve(reservation(5), [entry(1, most - 2)])).toMatchObject({ outcome: "exceeded" });
      });

      it("settles into the period that was reserved, after that has ended", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100, tokens, "2026-11-22T18:00")]);
        for (const time of ["18:01", "18:02", "18:03"]) {
          await ledger.reserve(reservation(time), [entry(1, 100, tokens, `2026-11-22T${time}`)]);
          await ledger.settle(reservation(time), { [tokens]: 1 });
        }
        await ledger.settle(reservation(1), { [tokens]: 50 });
        expect(await ledger.used(tokens, "2026-11-22T18:00")).toEqual({ used: 50, reserved: 0 });
        expect(await ledger.used(tokens, "2026-11-22T18:02")).toEqual({ used: 1, reserved: 0 });
        expect(await ledger.used(tokens, "2026-11-22T18:03")).toEqual({ used: 1, reserved: 0 });
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
        await ledger.reserve(reservation(id), [
          entry(amount, null),
          entry(amount, null, tokens, today),
          entry(1, null, requests, today),
        ]);
        const estimate = { counter: tokens, tokens: of };
        const usage = { ...use(amount), inputTokens: amount - of, outputTokens: of, estimate };
        await ledger.settle(reservation(id), { [tokens]: amount, [requests]: 1 }, usage);
      }

      it("are shown apart, and given back once: in each period that was charged, and in the usage", async () => {
        await ledger.reserve(reservation(0), [entry(40, null), entry(40, null, tokens, today)]);
        await ledger.settle(reservation(0), { [tokens]: 40 }, use(40));
        await estimated(1, 60, 50);
        await estimated(2, 10);
        expect(await usageOf(other)).toEqual([[110, 60]]);
        const credits = await Promise.all(
          times(8, (i) => (i % 2 ? ledger : other).creditEstimates("ai-key:a/usage", 0)),
        );
        expect(credits.filter((amount) => amount > 0)).toEqual([60]);
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 50, reserved: 0 });
        expect(await ledger.used(tokens, today)).toEqual({ used: 50, reserved: 0 });
        expect(await ledger.used(requests, today)).toEqual({ used: 2, reserved: 0 });
        expect(await other.usage("ai-key:a/usage", today, today)).toMatchObject([
          { requests: 3, inputTokens: 49, outputTokens: 1, tokens: 50, estimatedTokens: 0 },
        ]);
        expect(await ledger.creditEstimates("ai-key:a/usage", 0)).toBe(0);
      });

      it("are given back from a minute on, and no one else's", async () => {
        await estimated(1, 10);
        await at(90_000);
        await estimated(2, 20);
        await ledger.reserve("ai-key:b/reservation:1", [entry(5, null, "ai-key:b/tokens")]);
        const others: UsageEntry = {
          ...use(5),
          name: "ai-key:b/usage",
          estimate: { counter: "ai-key:b/tokens", tokens: 5 },
        };
        await ledger.settle("ai-key:b/reservation:1", { "ai-key:b/tokens": 5 }, others);
        expect(await other.creditEstimates("ai-key:a/usage", start + 119_999)).toBe(20);
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 10, reserved: 0 });
        expect(await ledger.creditEstimates("ai-key:a/usage", start)).toBe(10);
        expect(await other.used("ai-key:b/tokens", "2026-11")).toEqual({ used: 5, reserved: 0 });
      });

      it("lower nothing below zero, and bring back nothing that is forgotten", async () => {
        await estimated(1, 60);
        await ledger.adjust(tokens, "2026-11", -50);
        expect(await ledger.creditEstimates("ai-key:a/usage", 0)).toBe(60);
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await usageOf(other)).toEqual([[0, 0]]);
        await estimated(2, 60);
        await ledger.forget("ai-key:a/tokens");
        await ledger.forget("ai-key:a/usage");
        expect(await other.creditEstimates("ai-key:a/usage", 0)).toBe(0);
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
      });

      it("are forgotten after two months", async () => {
        await estimated(1, 60);
        await at(63 * 24 * 60 * minute);
        await estimated(2, 1);
        expect(await other.creditEstimates("ai-key:a/usage", 0)).toBe(1);
      });
    });

    describe("adjust", () => {
      it("adds and takes away, and stops at zero", async () => {
        await ledger.adjust("key:k/agents", "all", 3);
        await other.adjust("key:k/agents", "all", -1);
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 2, reserved: 0 });
        await ledger.adjust("key:k/agents", "all", -5);
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 0, reserved: 0 });
      });

      it("leaves the reserved amount alone", async () => {
        await ledger.reserve("key:k/op:1", [entry(1, 5, "key:k/agents", "all")]);
        await ledger.adjust("key:k/agents", "all", 2);
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 2, reserved: 1 });
      });

      it("loses nothing to a concurrent one", async () => {
        await Promise.all(times(200, (i) => (i % 2 ? ledger : other).adjust("key:k/agents", "all", 1)));
        expect(await ledger.used("key:k/agents", "all")).toEqual({ used: 200, reserved: 0 });
      });

      it("keeps the current and the previous period of each kind", async () => {
        for (const period of ["2026-09", "2026-10", "2026-11", "2026-10-31", "2026-11-21", "2026-11-22", "all"]) {
          await ledger.adjust(tokens, period, 1);
        }
        for (const period of ["2026-10", "2026-11", "2026-11-21", "2026-11-22", "all"]) {
          expect(await ledger.used(tokens, period)).toEqual({ used: 1, reserved: 0 });
        }
      });
    });

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
          await ledger.reserve(reservation(i), [entry(amount, null)]);
          await ledger.settle(reservation(i), "reserved", { ...use(amount), day, model });
        }
        expect(await other.usage("ai-key:a/usage", "2026-11-21", "2026-11-22")).toEqual([
          row("2026-11-21", "sonnet", 7),
          row("2026-11-22", "haiku", 5),
          { ...row("2026-11-22", "sonnet", 11), requests: 2, inputTokens: 9, outputTokens: 2 },
        ]);
        expect(await ledger.usage("ai-key:b/usage", "2026-11-21", "2026-11-22")).toEqual([]);
      });
    });

    describe("forget", () => {
      it("drops counters, reservations, usage and texts that begin with the prefix, and no others", async () => {
        await ledger.reserve(reservation(1), [entry(60, 100)]);
        await ledger.settle(reservation(1), "reserved", use(60));
        await ledger.reserve(reservation(2), [entry(5, 100)]);
        await ledger.put("ai-key:a/state", "revoked");
        for (const near of ["ai-key:ab/", "ai-key:A/", "ai-key:a%25/"] as LedgerName[]) {
          await ledger.adjust(`${near}tokens`, "all", 1);
          await ledger.put(`${near}state`, "active");
        }
        await ledger.forget("ai-key:a/");
        expect(await other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await other.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([]);
        expect(await other.get("ai-key:a/state")).toBeUndefined();
        for (const near of ["ai-key:ab/", "ai-key:A/", "ai-key:a%25/"] as LedgerName[]) {
          expect(await ledger.used(`${near}tokens`, "all")).toEqual({ used: 1, reserved: 0 });
          expect(await ledger.get(`${near}state`)).toBe("active");
        }
        await ledger.settle(reservation(2), "reserved", use(5));
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await ledger.settleStale("ai-key:", -1)).toBe(0);
      });

      it("takes a prefix inside a shard literally", async () => {
        await ledger.put("s/op_1", "a");
        await ledger.put("s/opx1", "b");
        await ledger.put("s/op_12", "c");
        await ledger.forget("s/op_1");
        expect(await Promise.all([ledger.get("s/op_1"), ledger.get("s/opx1"), ledger.get("s/op_12")])).toEqual([
          undefined,
          "b",
          undefined,
        ]);
      });
    });

    describe("get and put", () => {
      it("shows a text to every handle at once, and its removal", async () => {
        expect(await ledger.get("key:a/state")).toBeUndefined();
        await ledger.put("key:a/state", '{"revoked":"é 日本"}');
        expect(await other.get("key:a/state")).toBe('{"revoked":"é 日本"}');
        await other.put("key:a/state", "");
        expect(await ledger.get("key:a/state")).toBe("");
        await ledger.put("key:a/state", undefined);
        expect(await other.get("key:a/state")).toBeUndefined();
      });

      it("drops a text after its time, unless it is put anew", async () => {
        await ledger.put("key:a/idempotency:1", "first", 1000);
        await at(999);
        expect(await other.get("key:a/idempotency:1")).toBe("first");
        await at(1000);
        expect(await other.get("key:a/idempotency:1")).toBeUndefined();
        await ledger.put("key:a/idempotency:1", "second", 1000);
        await ledger.put("key:a/idempotency:1", "third");
        await at(10 * minute);
        await ledger.put("key:a/idempotency:2", "sweeps", 1);
        expect(await ledger.get("key:a/idempotency:1")).toBe("third");
      });
    });

    describe("replace", () => {
      const text: LedgerName = "ai-key:a/state";

      it("lets one of many win that expect the same", async () => {
        for (const [expected, version] of [
          [undefined, 1],
          ["1-winner", 2],
        ] as const) {
          const answers = await Promise.all(
            times(16, (i) => (i % 2 ? ledger : other).replace(text, expected, `${version}-${i}`)),
          );
          expect(answers.filter(Boolean)).toHaveLength(1);
          expect(await other.get(text)).toBe(`${version}-${answers.indexOf(true)}`);
          await ledger.put(text, `${version}-winner`);
        }
      });

      it("changes nothing where another text is there, and is done where its own is", async () => {
        expect(await ledger.replace(text, "one", "two")).toBe(false);
        expect(await ledger.get(text)).toBeUndefined();
        expect(await ledger.replace(text, undefined, "one")).toBe(true);
        expect(await other.replace(text, undefined, "two")).toBe(false);
        expect(await other.replace(text, undefined, "one")).toBe(true);
        expect(await other.replace(text, "one", undefined)).toBe(true);
        expect(await ledger.get(text)).toBeUndefined();
        expect(await ledger.replace(text, "one", undefined)).toBe(true);
      });

      it("takes a text whose time is over for none, and gives one a time", async () => {
        expect(await ledger.replace(text, undefined, "one", 1_000)).toBe(true);
        await at(1_000);
        expect(await ledger.replace(text, "one", "two")).toBe(false);
        expect(await ledger.replace(text, undefined, "two")).toBe(true);
        await at(10 * minute);
        expect(await ledger.get(text)).toBe("two");
      });
    });

    describe("claim", () => {
      const claim: LedgerName = "agent:a/claim";

      it("grants one of 64 concurrent claims, and tells the others who has it", async () => {
        const answers = await Promise.all(
          times(64, (i) => (i % 2 ? ledger : other).claim(claim, { owner: `owner-${i}`, ttlMs: 30_000 })),
        );
        const winners = times(64, (i) => i).filter((i) => answers[i]?.granted);
        expect(winners).toHaveLength(1);
        for (const answer of answers) {
          if (!answer.granted) expect(answer.owner).toBe(`owner-${winners[0]}`);
        }
      });

      it("holds until its owner releases it", async () => {
        expect(await ledger.claim(claim, { owner: "a", ttlMs: null })).toEqual({ granted: true });
        await at(365 * 24 * 60 * minute);
        expect(await other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: false, owner: "a" });
        await other.release(claim, "b");
        expect(await other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: false, owner: "a" });
        await ledger.release(claim, "a");
        expect(await other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: true });
        await ledger.release("agent:unknown/claim", "a");
      });

      it("is renewed by its owner", async () => {
        await ledger.claim(claim, { owner: "a", ttlMs: 30_000 });
        await at(20_000);
        expect(await ledger.claim(claim, { owner: "a", ttlMs: 30_000 })).toEqual({ granted: true });
        await at(40_000);
        expect(await other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: false, owner: "a" });
        await at(50_000);
        expect(await other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: true });
        expect(await ledger.claim(claim, { owner: "a", ttlMs: 30_000 })).toEqual({ granted: false, owner: "b" });
      });

      it("hands the note of an expired claim to who takes it over", async () => {
        await ledger.claim(claim, { owner: "a", ttlMs: 30_000, note: "op-1" });
        await at(30_000);
        const answers = await Promise.all([
          ledger.claim(claim, { owner: "b", ttlMs: 30_000, note: "op-2" }),
          other.claim(claim, { owner: "c", ttlMs: 30_000, note: "op-3" }),
        ]);
        expect(answers.filter((answer) => answer.granted)).toEqual([{ granted: true, abandoned: "op-1" }]);
      });

      it("keeps the note of an expired claim for the next, where he who took it over died as well", async () => {
        await ledger.claim(claim, { owner: "a", ttlMs: 30_000, note: "op-1" });
        await at(30_000);
        await other.claim(claim, { owner: "b", ttlMs: 30_000, note: "op-2" });
        await at(60_000);
        const answer = await ledger.claim(claim, { owner: "c", ttlMs: 30_000, note: "op-3" });
        expect(answer).toEqual({ granted: true, abandoned: "op-1" });
        expect(await ledger.renew(claim, { owner: "c", ttlMs: 30_000, note: "op-3" })).toBe(true);
        await at(90_000);
        expect(await other.claim(claim, { owner: "d", ttlMs: 30_000 })).toEqual({ granted: true, abandoned: "op-3" });
      });

      it("renews what is still its owner's, though its time be over, and nothing else", async () => {
        const mine = { owner: "a", ttlMs: 30_000 };
        expect(await ledger.renew(claim, mine)).toBe(false);
        expect(await ledger.holder(claim)).toBeUndefined();
        await ledger.claim(claim, { ...mine, note: "op-1" });
        await at(40_000);
        expect(await other.renew(claim, { owner: "b", ttlMs: 30_000 })).toBe(false);
        expect(await ledger.renew(claim, mine)).toBe(true);
        await at(69_999);
        expect(await other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: false, owner: "a" });
        await at(70_000);
        expect(await other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: true, abandoned: "op-1" });
        expect(await ledger.renew(claim, mine)).toBe(false);
        expect(await ledger.holder(claim)).toBe("b");
        await other.release(claim, "b");
        // What another had in between is not the same claim any more.
        expect(await ledger.renew(claim, mine)).toBe(false);
        expect(await other.holder(claim)).toBeUndefined();
      });

      it("passes from one owner to another, with its note, before its time is over", async () => {
        await ledger.claim(claim, { owner: "dead", ttlMs: 30_000, note: "op-1" });
        const taking = ["a", "b"].map((owner) => other.renew(claim, { owner, ttlMs: 60_000, from: "dead" }));
        const taken = await Promise.all(taking);
        expect(taken.filter(Boolean)).toHaveLength(1);
        const owner = taken[0] ? "a" : "b";
        expect(await ledger.holder(claim)).toBe(owner);
        expect(await ledger.abandoned((one) => one === owner)).toEqual([{ name: claim, owner, note: "op-1" }]);
        expect(await ledger.renew(claim, { owner: "dead", ttlMs: 30_000 })).toBe(false);
        expect(await ledger.renew(claim, { owner: "last", ttlMs: null, from: owner })).toBe(true);
        await at(365 * 24 * 60 * minute);
        expect(await ledger.claim(claim, { owner, ttlMs: 1 })).toEqual({ granted: false, owner: "last" });
      });

      it("lists what a crash left: expired claims, and those of who is gone", async () => {
        await ledger.claim("agent:a/claim", { owner: "gone", ttlMs: 90_000, note: "op-a" });
        await ledger.claim("agent:b/claim", { owner: "here", ttlMs: 90_000, note: "op-b" });
        await ledger.claim("agent:c/claim", { owner: "slow", ttlMs: 30_000 });
        await ledger.claim("agent:d/claim", { owner: "gone", ttlMs: 90_000, note: "op-d" });
        await ledger.claim("binding:x/owner", { owner: "agent-id", ttlMs: null });
        await ledger.release("agent:d/claim", "gone");
        await at(30_000);
        const left = await other.abandoned((owner) => owner === "gone");
        expect(left.sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
          { name: "agent:a/claim", owner: "gone", note: "op-a" },
          { name: "agent:c/claim", owner: "slow", note: undefined },
        ]);
        await ledger.release("agent:a/claim", "gone");
        await ledger.release("agent:c/claim", "slow");
        expect(await ledger.abandoned((owner) => owner === "gone")).toEqual([]);
      });
    });

    it("answers check while it can be written", async () => {
      await ledger.check();
      await other.check();
    });

    it("keeps an operation that fails from taking its neighbours along", async () => {
      const bad = ledger.adjust(tokens, "all", Number.NaN);
      const good = ledger.adjust(requests, "all", 1);
      const [failed, done] = await Promise.allSettled([bad, good]);
      expect(failed.status).toBe("rejected");
      expect(done.status).toBe("fulfilled");
      expect(await ledger.used(requests, "all")).toEqual({ used: 1, reserved: 0 });
      expect(await ledger.used(tokens, "all")).toEqual({ used: 0, reserved: 0 });
    });
  });
}

function use(amount: number): UsageEntry {
  const { estimatedTokens: _, ...entry } = row("2026-11-22", "m", amount);
  return { name: "ai-key:a/usage", ...entry };
}

function row(day: string, model: string, amount: number) {
  return { day, model, requests: 1, inputTokens: amount - 1, outputTokens: 1, tokens: amount, estimatedTokens: 0 };
}
