import { describe, expect, it } from "vitest";
import type { LedgerName } from "../../../src/ports.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { chargeCounter } from "../../charge-counter.ts";
import { skipSince } from "../../skip-since.ts";
import {
  entry,
  freshLedger,
  type MakeLedger,
  minute,
  requests,
  reservation,
  row,
  times,
  tokens,
  use,
} from "./fresh-ledger.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testQuotaCounters(name: string, make: MakeLedger): void {
  describe(`QuotaCounters: ${name}`, () => {
    const fresh = freshLedger(make);

    describe("reserve and settle", () => {
      it("reserves, then charges what was really used", async () => {
        expect(await fresh.ledger.reserve(reservation(1), [entry(60, 100)])).toEqual({ outcome: "reserved" });
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 60 });
        await fresh.other.settle(reservation(1), { [tokens]: 42 });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 42, reserved: 0 });
      });

      it("reserves all or nothing, and names the first entry that does not fit", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(90, 100), entry(1, 5, requests, "2026-11-22")]);
        const asked = [entry(1, 5, requests, "2026-11-22"), entry(11, 100), entry(99, 5, requests, "2026-11-22T18:00")];
        expect(await fresh.ledger.reserve(reservation(2), asked)).toEqual({
          outcome: "exceeded",
          exceeded: { ...entry(11, 100), used: 0, reserved: 90 },
        });
        expect(await fresh.ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 1 });
        await fresh.ledger.settle(reservation(2), { [requests]: 1 });
        expect(await fresh.ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 1 });
        expect(await fresh.ledger.reserve(reservation(3), [entry(10, 100)])).toEqual({ outcome: "reserved" });
      });

      it("adds up several entries of one counter and period, and holds each to its own limit", async () => {
        const twice = [entry(30, 100), entry(30, 50)];
        expect(await fresh.ledger.reserve(reservation(1), twice)).toMatchObject({
          outcome: "exceeded",
          exceeded: { limit: 50 },
        });
        expect(await fresh.ledger.reserve(reservation(1), [entry(20, 100), entry(30, 50)])).toEqual({
          outcome: "reserved",
        });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 50 });
        await fresh.ledger.settle(reservation(1), { [tokens]: 25 });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 25, reserved: 0 });
      });

      it("counts without a limit where it is null", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(1_000_000_000_000, null)]);
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 1_000_000_000_000 });
        await fresh.ledger.settle(reservation(1), "reserved");
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 1_000_000_000_000, reserved: 0 });
      });

      it("charges nothing to a counter that the actual use does not name", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100), entry(1, 5, requests, "2026-11-22")]);
        await fresh.ledger.settle(reservation(1), { [tokens]: 10 });
        expect(await fresh.ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 0 });
      });

      it("may charge more than was reserved, and then has nothing left", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100)]);
        await fresh.ledger.settle(reservation(1), { [tokens]: 130 });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 130, reserved: 0 });
        expect(await fresh.ledger.reserve(reservation(2), [entry(1, 100)])).toMatchObject({ outcome: "exceeded" });
      });

      it("charges one counter in each of its periods", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100), entry(60, 80, tokens, "2026-11-22")]);
        await fresh.ledger.settle(reservation(1), { [tokens]: 50 });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.ledger.used(tokens, "2026-11-22")).toEqual({ used: 50, reserved: 0 });
      });

      it("lets exactly 100 of 500 concurrent callers in where there is room for 100", async () => {
        const outcomes = await Promise.all(
          times(500, (i) => (i % 2 ? fresh.ledger : fresh.other).reserve(reservation(i), [entry(10, 1000)])),
        );
        const reserved = times(500, (i) => i).filter((i) => outcomes[i]?.outcome === "reserved");
        expect(reserved).toHaveLength(100);
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 1000 });
        await Promise.all(
          reserved.map((i) => (i % 3 ? fresh.ledger : fresh.other).settle(reservation(i), { [tokens]: 10 })),
        );
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 1000, reserved: 0 });
      });

      it("charges an id that is reserved twice once", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100)]);
        expect(await fresh.other.reserve(reservation(1), [entry(60, 100)])).toEqual({ outcome: "reserved" });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 60 });
      });

      it("settles once, however often it is asked to", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100)]);
        await Promise.all(
          times(8, (i) => (i % 2 ? fresh.ledger : fresh.other).settle(reservation(1), { [tokens]: 40 }, use(40))),
        );
        await fresh.ledger.settle(reservation(1), "reserved", use(40));
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 40, reserved: 0 });
        expect(await fresh.ledger.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([
          row("2026-11-22", "m", 40),
        ]);
      });

      it("changes nothing when an unknown id is settled, usage included", async () => {
        await fresh.ledger.settle(reservation("unknown"), { [tokens]: 40 }, use(40));
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await fresh.ledger.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([]);
      });

      it("records the usage of a reservation without entries", async () => {
        expect(await fresh.ledger.reserve(reservation(1), [])).toEqual({ outcome: "reserved" });
        await fresh.ledger.settle(reservation(1), {}, use(40));
        expect(await fresh.ledger.usage("ai-key:a/usage", "2026-11-22", "2026-11-22")).toEqual([
          row("2026-11-22", "m", 40),
        ]);
      });

      it("reserves only under the text that the caller believes, or none", async () => {
        const expected = { name: "ai-key:a/state" as LedgerName, text: "active" };
        expect(await fresh.ledger.reserve(reservation(1), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
        await fresh.ledger.put("ai-key:a/state", "active");
        expect(await fresh.ledger.reserve(reservation(2), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
        await fresh.other.put("ai-key:a/state", "suspended");
        expect(await fresh.ledger.reserve(reservation(3), [entry(1, 0)], expected)).toEqual({
          outcome: "changed",
          text: "suspended",
        });
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 2 });
        await fresh.other.put("ai-key:a/state", "suspended", 1000);
        await fresh.at(1000);
        expect(await fresh.ledger.reserve(reservation(4), [entry(1, 100)], expected)).toEqual({ outcome: "reserved" });
      });

      it("charges stale reservations of a prefix as reserved, and leaves the others", async () => {
        await fresh.ledger.reserve(reservation("old"), [entry(60, 100)]);
        await fresh.ledger.reserve("key:k/op:1", [entry(1, 5, "key:k/agents", "all")]);
        await fresh.ledger.reserve("ai-key:b/reservation:1", [entry(3, 5, "ai-key:b/tokens")]);
        await fresh.at(10 * minute);
        await fresh.ledger.reserve(reservation("young"), [entry(5, 100)]);
        await fresh.at(10 * minute + 1);
        expect(await fresh.other.settleStale("ai-key:", 10 * minute)).toBe(2);
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 60, reserved: 5 });
        expect(await fresh.ledger.used("ai-key:b/tokens", "2026-11")).toEqual({ used: 3, reserved: 0 });
        expect(await fresh.ledger.used("key:k/agents", "all")).toEqual({ used: 0, reserved: 1 });
        await fresh.ledger.settle(reservation("old"), { [tokens]: 1 }, use(1));
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 60, reserved: 5 });
        expect(await fresh.ledger.settleStale("ai-key:", 10 * minute)).toBe(0);
        await fresh.ledger.settle(reservation("young"), { [tokens]: 5 });
        await fresh.ledger.settle("key:k/op:1", {});
        expect(await fresh.ledger.used("key:k/agents", "all")).toEqual({ used: 0, reserved: 0 });
      });

      it("shows what a stale reservation held as an estimate, on the day that it charges", async () => {
        const { usd, usage } = aiKeyLedger("a");
        const amounts = [entry(60, 100), entry(60, null, tokens, "2026-11-22"), entry(900, null, usd)];
        await fresh.ledger.reserve(reservation("old"), [...amounts, entry(1, 5, requests, "2026-11-22")]);
        await fresh.at(10 * 24 * 60 * minute);
        expect(await fresh.other.settleStale("ai-key:", 10 * minute)).toBe(1);
        expect(await fresh.ledger.usage(usage, "2026-11-01", "2026-12-31")).toEqual([
          {
            ...row("2026-11-22", "(lost)", 60),
            ...{ inputTokens: 0, outputTokens: 60, estimatedTokens: 60, microUsd: 900 },
          },
        ]);
        const query = { prefix: "ai-key:", from: "2026-11-01", to: "2026-12-31", by: "day", limit: 9 } as const;
        const days = async () => (await fresh.other.topUsage({ ...query, orderBy: "key" })).groups;
        await expect.poll(days, { timeout: 10_000 }).toMatchObject([{ key: "2026-11-22", tokens: 60, microUsd: 900 }]);
        expect(await fresh.other.creditEstimates(usage, 0)).toEqual({ tokens: 60, microUsd: 900 });
        expect(await fresh.ledger.used(tokens, "2026-11-22")).toEqual({ used: 0, reserved: 0 });
        expect(await fresh.ledger.used(usd, "2026-11")).toEqual({ used: 0, reserved: 0 });
      });

      it("holds nothing of a counter that was forgotten meanwhile", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(10, null)]);
        await fresh.ledger.forget(tokens);
        await fresh.ledger.settle(reservation(1), { [tokens]: 4 });
        expect((await fresh.other.used(tokens, "2026-11")).reserved).toBe(0);
        await fresh.ledger.reserve(reservation(2), [entry(5, null)]);
        expect((await fresh.other.used(tokens, "2026-11")).reserved).toBe(5);
      });

      it("tells what is not settled, by the beginning of its name", async ({ skip }) => {
        if (!fresh.other.unsettled) return skipSince(skip, "no process is found dead there");
        await fresh.ledger.reserve(reservation("host-1-2.run-0"), [entry(1, 100)]);
        await fresh.ledger.reserve(reservation("host-1-2.run-1"), [entry(1, 100)]);
        await fresh.ledger.reserve("key:k/op:1", [entry(1, 5, "key:k/agents", "all")]);
        await fresh.ledger.settle(reservation("host-1-2.run-0"), {});
        expect(await fresh.other.unsettled("ai-key:")).toEqual([reservation("host-1-2.run-1")]);
        expect(await fresh.other.held!(reservation("host-1-2.run-1"))).toEqual([
          { counter: tokens, amount: 1, periods: ["2026-11"] },
        ]);
        await fresh.ledger.settle(reservation("host-1-2.run-1"), "reserved");
        expect(await fresh.other.unsettled("ai-key:")).toEqual([]);
        expect(await fresh.other.held!(reservation("host-1-2.run-1"))).toEqual([]);
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 1, reserved: 0 });
      });

      it("can still be read when more was charged than a number holds exactly", async () => {
        const most = Number.MAX_SAFE_INTEGER;
        for (const id of [1, 2, 3]) {
          await fresh.ledger.reserve(reservation(id), [entry(most - 1, null)]);
          await fresh.ledger.settle(reservation(id), "reserved", use(most - 1));
        }
        await fresh.ledger.reserve(reservation(4), [entry(1, null)]);
        expect((await fresh.other.used(tokens, "2026-11")).used).toBeGreaterThanOrEqual(most - 1);
        const [first] = await fresh.other.usage("ai-key:a/usage", "2026-11-01", "2026-11-30");
        expect(first!.tokens).toBeGreaterThanOrEqual(most - 1);
        expect(await fresh.ledger.reserve(reservation(5), [entry(1, most - 2)])).toMatchObject({ outcome: "exceeded" });
      });

      it("settles into the period that was reserved, after that has ended", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100, tokens, "2026-11-22T18:00")]);
        for (const time of ["18:01", "18:02", "18:03"]) {
          await fresh.ledger.reserve(reservation(time), [entry(1, 100, tokens, `2026-11-22T${time}`)]);
          await fresh.ledger.settle(reservation(time), { [tokens]: 1 });
        }
        await fresh.ledger.settle(reservation(1), { [tokens]: 50 });
        expect(await fresh.ledger.used(tokens, "2026-11-22T18:00")).toEqual({ used: 50, reserved: 0 });
        expect(await fresh.ledger.used(tokens, "2026-11-22T18:02")).toEqual({ used: 1, reserved: 0 });
        expect(await fresh.ledger.used(tokens, "2026-11-22T18:03")).toEqual({ used: 1, reserved: 0 });
      });

      it("loses nothing to a concurrent charge", async () => {
        await Promise.all(
          times(200, (i) => chargeCounter(i % 2 ? fresh.ledger : fresh.other, "key:k/agents", "all", 1)),
        );
        expect(await fresh.ledger.used("key:k/agents", "all")).toEqual({ used: 200, reserved: 0 });
      });

      it("keeps the current and the previous period of each kind", async () => {
        for (const period of ["2026-09", "2026-10", "2026-11", "2026-10-31", "2026-11-21", "2026-11-22", "all"]) {
          await chargeCounter(fresh.ledger, tokens, period, 1);
        }
        for (const period of ["2026-10", "2026-11", "2026-11-21", "2026-11-22", "all"]) {
          expect(await fresh.ledger.used(tokens, period)).toEqual({ used: 1, reserved: 0 });
        }
      });
    });
  });
}
