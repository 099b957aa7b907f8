import { describe, expect, it } from "vitest";
import type { LedgerName } from "../../src/ports.ts";
import { chargeCounter } from "../charge-counter.ts";
import { testBusyKeys } from "./ledger/busy-keys.ts";
import { entry, freshLedger, type MakeLedger, requests, reservation, tokens, use } from "./ledger/fresh-ledger.ts";
import { testLeases } from "./ledger/leases.ts";
import { testOverview } from "./ledger/overview.ts";
import { testQuotaCounters } from "./ledger/quota-counters.ts";
import { testRateLimits } from "./ledger/rate-limits.ts";
import { testStateTexts } from "./ledger/state-texts.ts";
import { testUsageLog } from "./ledger/usage-log.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testLedger(name: string, make: MakeLedger): void {
  testRateLimits(name, make);
  testQuotaCounters(name, make);
  testBusyKeys(name, make);
  testUsageLog(name, make);
  testStateTexts(name, make);
  testLeases(name, make);
  testOverview(name, make);

  describe(`Ledger: ${name}`, () => {
    const fresh = freshLedger(make);

    describe("forget", () => {
      it("drops counters, reservations, usage and texts that begin with the prefix, and no others", async () => {
        await fresh.ledger.reserve(reservation(1), [entry(60, 100)]);
        await fresh.ledger.settle(reservation(1), "reserved", use(60));
        await fresh.ledger.reserve(reservation(2), [entry(5, 100)]);
        await fresh.ledger.put("ai-key:a/state", "revoked");
        for (const near of ["ai-key:ab/", "ai-key:A/", "ai-key:a%25/"] as LedgerName[]) {
          await chargeCounter(fresh.ledger, `${near}tokens`, "all", 1);
          await fresh.ledger.put(`${near}state`, "active");
        }
        await fresh.ledger.forget("ai-key:a/");
        expect(await fresh.other.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await fresh.other.usage("ai-key:a/usage", "2026-11-01", "2026-11-30")).toEqual([]);
        expect(await fresh.other.get("ai-key:a/state")).toBeUndefined();
        for (const near of ["ai-key:ab/", "ai-key:A/", "ai-key:a%25/"] as LedgerName[]) {
          expect(await fresh.ledger.used(`${near}tokens`, "all")).toEqual({ used: 1, reserved: 0 });
          expect(await fresh.ledger.get(`${near}state`)).toBe("active");
        }
        await fresh.ledger.settle(reservation(2), "reserved", use(5));
        expect(await fresh.ledger.used(tokens, "2026-11")).toEqual({ used: 0, reserved: 0 });
        expect(await fresh.ledger.settleStale("ai-key:", -1)).toBe(0);
      });

      it("takes a prefix inside a shard literally", async () => {
        await fresh.ledger.put("s/op_1", "a");
        await fresh.ledger.put("s/opx1", "b");
        await fresh.ledger.put("s/op_12", "c");
        await fresh.ledger.forget("s/op_1");
        expect(
          await Promise.all([fresh.ledger.get("s/op_1"), fresh.ledger.get("s/opx1"), fresh.ledger.get("s/op_12")]),
        ).toEqual([undefined, "b", undefined]);
      });
    });
    it("answers check while it can be written", async () => {
      await fresh.ledger.check();
      await fresh.other.check();
    });

    it("keeps an operation that fails from taking its neighbours along", async () => {
      const bad = chargeCounter(fresh.ledger, tokens, "all", Number.NaN);
      const good = chargeCounter(fresh.ledger, requests, "all", 1);
      const [failed, done] = await Promise.allSettled([bad, good]);
      expect(failed.status).toBe("rejected");
      expect(done.status).toBe("fulfilled");
      expect(await fresh.ledger.used(requests, "all")).toEqual({ used: 1, reserved: 0 });
      expect(await fresh.ledger.used(tokens, "all")).toEqual({ used: 0, reserved: 0 });
    });
  });
}
