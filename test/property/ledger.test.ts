import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import type { Ledger, LedgerName } from "../../src/ports.ts";
import { settableClock } from "../conformance/settable-clock.ts";

const limit = 100;
const period = "2026-11";

/** One request's fate: it spends part of what it reserved, gives all back, never settles, or settles twice. */
const fate = fc.record({
  key: fc.constantFrom("a", "b"),
  amount: fc.integer({ min: 0, max: 60 }),
  spent: fc.double({ min: 0, max: 1, noNaN: true }),
  end: fc.constantFrom("settle", "abort", "lost", "twice"),
  handle: fc.constantFrom(0, 1),
});

describe("any schedule of reservations", () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const clock = settableClock();
  const handles: Ledger[] = [];
  let run = 0;

  beforeAll(async () => {
    const path = join(directory, "provisioning", "ledger.sqlite");
    handles.push(await openSqliteLedger({ path, clock }), await openSqliteLedger({ path, clock }));
  });
  afterAll(async () => {
    for (const ledger of handles) await ledger.close();
    rmSync(directory, { recursive: true });
  });

  it("never passes the limit, never refuses what fits, and ends exact", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 40 }), fc.scheduler(), async (fates, scheduler) => {
        const shard = `ai-key:${run++}` as const;
        const counter = (key: string): LedgerName => `${shard}/${key}`;
        const expected: Record<string, { used: number; reserved: number }> = {
          a: { used: 0, reserved: 0 },
          b: { used: 0, reserved: 0 },
        };

        const requests = fates.map(async ({ key, amount, spent, end, handle }, i) => {
          const ledger = handles[handle]!;
          const id: LedgerName = `${shard}/reservation:${i}`;
          const name = counter(key);
          await scheduler.schedule(Promise.resolve(), `reserve ${i}`);
          const answer = await ledger.reserve(id, [{ counter: name, period, limit, amount }]);
          if (answer.outcome === "changed") throw new Error("nothing was expected");
          if (answer.outcome === "exceeded") {
            const { used, reserved } = answer.exceeded;
            expect(used + reserved + amount).toBeGreaterThan(limit);
            expect(used + reserved).toBeLessThanOrEqual(limit);
            return;
          }
          const sums = expected[key]!;
          await scheduler.schedule(Promise.resolve(), `settle ${i}`);
          if (end === "lost") {
            sums.reserved += amount;
            return;
          }
          const actual = end === "abort" ? 0 : Math.floor(amount * spent);
          await ledger.settle(id, { [name]: actual });
          if (end === "twice") await handles[1 - handle]!.settle(id, { [name]: amount });
          sums.used += actual;
        });

        const watcher = (async () => {
          for (let i = 0; i < 10; i++) {
            await scheduler.schedule(Promise.resolve(), `look ${i}`);
            for (const key of ["a", "b"]) {
              const { used, reserved } = await handles[i % 2]!.used(counter(key), period);
              expect(used + reserved).toBeLessThanOrEqual(limit);
            }
          }
        })();

        await scheduler.waitFor(Promise.all([...requests, watcher]));
        for (const key of ["a", "b"]) expect(await handles[0]!.used(counter(key), period)).toEqual(expected[key]);
      }),
      { numRuns: 100 },
    );
  });

  it("allows a bucket no more than its limit in any window, and refuses only when it is full", async () => {
    const call = fc.record({ wait: fc.integer({ min: 0, max: 400 }), cost: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), async (calls, most) => {
        const bucket: LedgerName = `key:${run++}/rate`;
        const allowed: { at: number; cost: number }[] = [];
        for (const { wait, cost } of calls) {
          const at = clock.now() + wait;
          clock.set(at);
          const inside = allowed.filter((hit) => hit.at > at - 1000).reduce((sum, hit) => sum + hit.cost, 0);
          const decision = await handles[calls.length % 2]!.take(bucket, { limit: most, windowMs: 1000 }, cost);
          expect(decision.allowed).toBe(inside + cost <= most);
          if (decision.allowed) allowed.push({ at, cost });
          else if (cost <= most) {
            const then = allowed.filter((hit) => hit.at > decision.resetAt - 1000).reduce((sum, h) => sum + h.cost, 0);
            expect(then + cost).toBeLessThanOrEqual(most);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
