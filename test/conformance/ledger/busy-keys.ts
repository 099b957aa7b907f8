import { describe, expect, it } from "vitest";
import type { LedgerName } from "../../../src/ports.ts";
import { skipSince } from "../../skip-since.ts";
import { entry, freshLedger, type MakeLedger, requests, reservation, row, times, tokens, use } from "./fresh-ledger.ts";

const state = { name: "ai-key:a/state" as LedgerName, text: "active" };
const limit = 10_000;

/**
 * A key with many requests, which a ledger may admit by what it holds in advance: all of it is as exact as for a key with
 * few.
 * @param make a fresh, empty ledger whose clock stands wherever the test sets it
 */
export function testBusyKeys(name: string, make: MakeLedger): void {
  describe(`QuotaCounters of busy keys: ${name}`, () => {
    const fresh = freshLedger(make);
    const entries = (amount = 10) => [entry(amount, limit), entry(1, 1_000, requests, "2026-11-22")];
    const reserve = (id: number | string, asked = entries()) => fresh.ledger.reserve(reservation(id), asked, state);
    const settle = (id: number | string, used = 7) =>
      fresh.ledger.settle(reservation(id), { [tokens]: used, [requests]: 1 }, use(used));

    /** 40 requests, one after the other, all but the last of them settled. */
    async function keepBusy(): Promise<void> {
      await fresh.ledger.put(state.name, state.text);
      const settled: Promise<void>[] = [];
      for (let id = 1; id <= 40; id++) {
        expect(await reserve(id)).toEqual({ outcome: "reserved" });
        if (id < 40) settled.push(settle(id));
        // Requests of one turn of the event loop are admitted together.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(settled);
    }

    it("show what requests used and hold, and nothing else", async () => {
      await keepBusy();
      for (const ledger of [fresh.ledger, fresh.other]) {
        expect(await ledger.used(tokens, "2026-11")).toEqual({ used: 273, reserved: 10 });
        expect(await ledger.used(requests, "2026-11-22")).toEqual({ used: 39, reserved: 1 });
      }
      await settle(40);
      for (const ledger of [fresh.ledger, fresh.other]) {
        await expect.poll(() => ledger.used(tokens, "2026-11")).toEqual({ used: 280, reserved: 0 });
        await expect.poll(() => ledger.used(requests, "2026-11-22")).toEqual({ used: 40, reserved: 0 });
      }
      expect(await fresh.other.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([
        { ...row("2026-11-22", "m", 280), requests: 40, inputTokens: 240, outputTokens: 40 },
      ]);
    });

    it("are as near their limit as their requests took them", async () => {
      await keepBusy();
      expect(await reserve("large", entries(6_000))).toEqual({ outcome: "reserved" });
      for (let id = 100; id < 120; id++) expect(await reserve(id)).toEqual({ outcome: "reserved" });
      const near = async () => (await fresh.other.nearLimit({ minShare: 0.5, limit: 10, periods: ["2026-11"] })).near;
      await expect.poll(near).toEqual([{ counter: tokens, period: "2026-11", limit, used: 273, reserved: 6_210 }]);
    });

    it("are held to a text that another changed, from the next request on", async () => {
      await keepBusy();
      await fresh.other.put(state.name, "revoked");
      expect(await reserve("next")).toEqual({ outcome: "changed", text: "revoked" });
      await fresh.other.put(state.name, state.text);
      expect(await reserve("again")).toEqual({ outcome: "reserved" });
      await fresh.ledger.put(state.name, "suspended");
      expect(await reserve("last")).toEqual({ outcome: "changed", text: "suspended" });
    });

    it("are held to the limit that is asked", async () => {
      await keepBusy();
      expect(await reserve("lower", [entry(10, 292), ...entries().slice(1)])).toMatchObject({
        outcome: "exceeded",
        exceeded: { limit: 292, used: 273, reserved: 10 },
      });
      expect(await reserve("fits", [entry(9, 292), ...entries().slice(1)])).toEqual({ outcome: "reserved" });
    });

    it("leave to another all that is left, and no more", async () => {
      await keepBusy();
      const rest = limit - 283;
      const asked = (amount: number) => [entry(amount, limit)];
      expect(await fresh.other.reserve(reservation("over"), asked(rest + 1), state)).toMatchObject({
        outcome: "exceeded",
        exceeded: { used: 273, reserved: 10 },
      });
      expect(await fresh.other.reserve(reservation("rest"), asked(rest), state)).toEqual({ outcome: "reserved" });
      expect(await reserve("one", [entry(1, limit)])).toMatchObject({ outcome: "exceeded" });
      await fresh.other.settle(reservation("rest"), {});
      expect(await reserve("own rest", [entry(rest, limit)])).toEqual({ outcome: "reserved" });
      expect(await reserve("own one", [entry(1, limit)])).toMatchObject({ outcome: "exceeded" });
    });

    it("let through exactly as many as fit, from two sides at once", async () => {
      await keepBusy();
      const outcomes = await Promise.all(
        times(2_000, (i) =>
          (i % 2 ? fresh.ledger : fresh.other).reserve(reservation(`many-${i}`), [entry(10, limit)], state),
        ),
      );
      expect(outcomes.filter(({ outcome }) => outcome === "reserved")).toHaveLength(971);
      expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 273, reserved: 9_720 });
    });

    it("charge an id once, however often it is reserved and settled", async () => {
      await keepBusy();
      expect(await reserve("twice")).toEqual({ outcome: "reserved" });
      expect(await reserve("twice")).toEqual({ outcome: "reserved" });
      expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 273, reserved: 20 });
      await Promise.all([settle("twice"), settle("twice", 9)]);
      expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 280, reserved: 10 });
    });

    it("are refused once an answer cost more than was held for it", async () => {
      await keepBusy();
      void settle(40, limit);
      expect(await reserve("next")).toMatchObject({ outcome: "exceeded", exceeded: { used: 273 + limit } });
    });

    it("begin anew in a new period", async () => {
      await keepBusy();
      await fresh.at(86_400_000);
      const asked = [entry(10, limit), entry(1, 3, requests, "2026-11-23")];
      for (const id of ["a", "b", "c"]) expect(await reserve(id, asked)).toEqual({ outcome: "reserved" });
      expect(await reserve("d", asked)).toMatchObject({ outcome: "exceeded", exceeded: { period: "2026-11-23" } });
      expect(await fresh.other.used(requests, "2026-11-22")).toEqual({ used: 39, reserved: 1 });
      expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 273, reserved: 40 });
    });

    it("are forgotten with what they hold", async () => {
      await keepBusy();
      await fresh.other.forget("ai-key:a/");
      expect(await reserve("new", [entry(10, 10)])).toEqual({ outcome: "reserved" });
      await settle(40);
      expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 10 });
      expect(await fresh.ledger.used(requests, "2026-11-22")).toEqual({ used: 0, reserved: 0 });
    });

    it("are charged what they hold, at least, where others take their process for dead", async ({ skip }) => {
      const { other } = fresh;
      if (!other.unsettled) return skipSince(skip, "no process is found dead there");
      await keepBusy();
      for (const id of await other.unsettled("ai-key:")) await other.settle(id, "reserved");
      const { used, reserved } = await other.used(tokens, "2026-11");
      expect(reserved).toBe(0);
      expect(used).toBeGreaterThanOrEqual(283);
      expect(used).toBeLessThanOrEqual(283 + (limit - 283) / 16);
      await settle(40);
      for (let id = 100; id < 120; id++) expect(await reserve(id)).toEqual({ outcome: "reserved" });
      await expect.poll(() => other.used(tokens, "2026-11")).toEqual({ used, reserved: 200 });
    });
  });
}
