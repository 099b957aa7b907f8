import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqliteLedger, type SqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import type { LedgerName } from "../../src/ports.ts";
import { settableClock } from "../conformance/settable-clock.ts";

const period = "2026-11";
const handle = fc.constantFrom(0, 1);
const amount = fc.integer({ min: 0, max: 60 });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ what: fc.constant("burst"), handle, amount, count: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("both"),
      amount: fc.integer({ min: 1, max: 60 }),
      count: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant("settle"),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      most: fc.nat(40),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("limit"), limit: fc.integer({ min: 0, max: 20_000 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("revoke"), handle }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("dead"), handle }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("rest"), handle, isOver: fc.boolean() }) },
);

describe("two processes that lease quota of one file", () => {
  const directory = mkdtempSync(join(tmpdir(), "ledger-"));
  const handles: SqliteLedger[] = [];
  let run = 0;
  beforeAll(async () => {
    const path = join(directory, "ledger.sqlite");
    const clock = settableClock();
    for (const _ of [0, 1]) handles.push(await openSqliteLedger({ path, clock }));
  });
  afterAll(async () => {
    for (const ledger of handles) await ledger.close();
    rmSync(directory, { recursive: true });
  });

  it("never pass a limit, refuse nothing that fits, and end exact", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const shard = `ai-key:${run++}` as const;
        const counter: LedgerName = `${shard}/tokens`;
        const state = { name: `${shard}/state` as LedgerName, text: "0" };
        await handles[0]!.put(state.name, state.text);
        let limit = 10_000;
        let highest = limit;
        let used = 0;
        let next = 0;
        const open = new Map<LedgerName, { by: number; amount: number }>();
        const held = () => [...open.values()].reduce((sum, one) => sum + one.amount, 0);

        async function reserve(by: number, amount: number) {
          const id: LedgerName = `${shard}/reservation:process-${by}.run-${next++}`;
          const answer = await handles[by]!.reserve(id, [{ counter, period, limit, amount }], state);
          if (answer.outcome === "changed") throw new Error(`the text is ${answer.text}`);
          if (answer.outcome === "reserved") open.set(id, { by, amount });
          return answer;
        }

        for (const one of steps) {
          if (one.what === "burst") {
            for (let at = 0; at < one.count; at++) {
              const fits = used + held() + one.amount <= limit;
              const { outcome } = await reserve(one.handle, one.amount);
              expect(outcome).toBe(fits ? "reserved" : "exceeded");
              // Requests of one turn of the event loop are admitted together, and from no lease.
              await new Promise(setImmediate);
            }
          } else if (one.what === "both") {
            const room = Math.max(0, Math.floor((limit - used - held()) / one.amount));
            const asked = Array.from({ length: 2 * one.count }, (_, at) => reserve(at % 2, one.amount));
            const answers = await Promise.all(asked);
            const let_in = answers.filter(({ outcome }) => outcome === "reserved");
            expect(let_in).toHaveLength(Math.min(room, 2 * one.count));
          } else if (one.what === "settle") {
            const some = [...open].slice(0, one.most);
            const settled = some.map(([id, { by, amount }]) => {
              const actual = Math.floor(amount * one.share);
              open.delete(id);
              used += actual;
              return handles[by]!.settle(id, { [counter]: actual });
            });
            await Promise.all(settled);
          } else if (one.what === "limit") {
            limit = one.limit;
            highest = Math.max(highest, limit);
          } else if (one.what === "revoke") {
            const before = { ...state };
            state.text = `${Number(state.text) + 1}`;
            await handles[one.handle]!.put(state.name, state.text);
            const id: LedgerName = `${shard}/reservation:process-0.run-${next++}`;
            expect(await handles[1 - one.handle]!.reserve(id, [{ counter, period, limit, amount: 0 }], before)).toEqual(
              { outcome: "changed", text: state.text },
            );
          } else if (one.what === "dead") {
            // It lives, and is taken for dead: what it held is charged as reserved, slack included.
            const by = handles[1 - one.handle]!;
            // A lease taken under a higher limit is held, and charged, as a request's reservation would be.
            const most = Math.max(highest, used + held());
            const before =
              used + [...open.values()].reduce((sum, { by, amount }) => sum + (by === one.handle ? amount : 0), 0);
            const lost = await by.unsettled!(`${shard}/reservation:process-${one.handle}.`);
            for (const id of lost) await by.settle(id, "reserved");
            for (const [id, { by }] of open) if (by === one.handle) open.delete(id);
            used = (await by.used(counter, period)).used;
            expect(used).toBeGreaterThanOrEqual(before);
            expect(used + held()).toBeLessThanOrEqual(most);
          } else {
            // All that is left, whatever the other has leased of it.
            const rest = limit - used - held();
            if (rest < 0) continue;
            if (one.isOver) expect((await reserve(one.handle, rest + 1)).outcome).toBe("exceeded");
            expect((await reserve(one.handle, rest)).outcome).toBe("reserved");
            expect((await reserve(1 - one.handle, 1)).outcome).toBe("exceeded");
          }
          for (const ledger of handles) {
            await expect.poll(() => ledger.used(counter, period), { interval: 1 }).toEqual({ used, reserved: held() });
          }
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
