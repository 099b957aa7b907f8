import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import type { Price } from "../../src/domain/price.ts";
import { noUsage, type ToldUsage } from "../../src/domain/told-usage.ts";
import type { Ledger, LedgerName } from "../../src/ports.ts";
import type { PriceBook } from "../../src/prices/price-book.ts";
import { priceOfRequest } from "../../src/proxy/request-price.ts";
import type { AiProviderRecord } from "../../src/schema/ai-provider.ts";
import { settableClock } from "../conformance/settable-clock.ts";

const rate = fc.integer({ min: 0, max: 600_000_000 });
const rates = fc.record({ input: rate, output: rate, cacheRead: rate, cacheWrite: rate, cacheWrite1h: rate });
const price: fc.Arbitrary<Price> = fc.record(
  {
    input: rate,
    output: rate,
    cacheRead: rate,
    cacheWrite: rate,
    cacheWrite1h: rate,
    tiers: fc.option(
      rates.map((tier) => [{ ...tier, above: 2_000 }]),
      { nil: undefined },
    ),
  },
  { requiredKeys: ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h"] },
);

/** A request of so many tokens at most, and how it ends: each share is of what is left of the bound. */
const fate = fc.record({
  price,
  input: fc.integer({ min: 0, max: 10_000 }),
  output: fc.integer({ min: 0, max: 10_000 }),
  longCache: fc.boolean(),
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
  end: fc.constantFrom("whole", "cut", "unanswered", "refused"),
});

const book = (of: Price): PriceBook => ({
  priceOf: () => of,
  dearestOf: () => of,
  highest: () => of,
  sourceOf: () => "table",
  unknown: "refuse",
  names: () => [],
  asOf: "2026-11-22",
  hash: "",
});
const provider = { provider: "anthropic", kind: "anthropic" } as AiProviderRecord;

function requestOf({ price, longCache }: { price: Price; longCache: boolean }) {
  const value = { messages: [{ cache_control: { type: "ephemeral", ...(longCache && { ttl: "1h" }) } }] };
  const body = { value, get: (name: string) => (value as Record<string, unknown>)[name] };
  type Request = Parameters<typeof priceOfRequest>[2];
  const request = { endpoint: { model: "m" }, reading: undefined, body } as unknown as Request;
  return priceOfRequest(book(price), provider, request)!;
}

/** A truthful report: within what was reserved. */
function toldOf({
  input,
  output,
  longCache,
  shares,
}: {
  input: number;
  output: number;
  longCache: boolean;
  shares: number[];
}): ToldUsage {
  const cacheRead = Math.floor(input * shares[0]!);
  const cacheWrite = Math.floor((input - cacheRead) * shares[1]!);
  const cacheWrite1h = longCache ? Math.floor((input - cacheRead - cacheWrite) * shares[2]!) : 0;
  const plain = Math.floor((input - cacheRead - cacheWrite - cacheWrite1h) * shares[3]!);
  const parts = { input: plain, cacheRead, cacheWrite, cacheWrite1h, output: Math.floor(output * shares[4]!) };
  const told = plain + cacheRead + cacheWrite + cacheWrite1h;
  return { input: told, output: parts.output, total: told + parts.output, parts, webSearches: 0 };
}

describe("any schedule of requests under a quota of money", () => {
  const directory = mkdtempSync(join(tmpdir(), "spend-"));
  const handles: Ledger[] = [];
  let run = 0;
  beforeAll(async () => {
    const options = { path: join(directory, "ledger.sqlite"), clock: settableClock() };
    handles.push(await openSqliteLedger(options), await openSqliteLedger(options));
  });
  afterAll(async () => {
    for (const ledger of handles) await ledger.close();
    rmSync(directory, { recursive: true });
  });

  it("never passes the limit, and ends exact to the micro-dollar", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { maxLength: 20 }),
        fc.integer({ min: 0, max: 20_000_000 }),
        fc.scheduler(),
        async (fates, limit, scheduler) => {
          const shard = `ai-key:${run++}` as const;
          const usd: LedgerName = `${shard}/usd`;
          const period = "2026-11";
          let spent = 0;
          const requests = fates.map(async (one, at) => {
            const priced = requestOf(one);
            const id: LedgerName = `${shard}/reservation:${at}`;
            const amount = priced.most(one);
            await scheduler.schedule(Promise.resolve(), `reserve ${at}`);
            const answer = await handles[at % 2]!.reserve(id, [{ counter: usd, period, limit, amount }]);
            if (answer.outcome !== "reserved") {
              if (answer.outcome === "changed") throw new Error("nothing was expected");
              const { used, reserved } = answer.exceeded;
              expect(used + reserved + amount).toBeGreaterThan(limit);
              // The amount left affords no more than it says, and all of it.
              const left = limit - used - reserved;
              const output = Math.min(priced.affordable(left, one.input), 1_000_000);
              if (output >= 0) expect(priced.most({ input: one.input, output })).toBeLessThanOrEqual(left);
              return;
            }
            const told = toldOf(one);
            const actual = {
              whole: priced.told(told),
              cut: priced.cut({ input: one.input, output: one.output, total: one.input + one.output }, noUsage, false),
              unanswered: amount,
              refused: 0,
            }[one.end];
            expect(actual).toBeLessThanOrEqual(amount);
            expect(
              priced.cut({ ...told, output: one.output, total: told.input + one.output }, told, true),
            ).toBeGreaterThanOrEqual(priced.told(told));
            await scheduler.schedule(Promise.resolve(), `settle ${at}`);
            await handles[(at + 1) % 2]!.settle(id, { [usd]: actual });
            spent += actual;
          });
          const watcher = (async () => {
            for (let look = 0; look < 6; look++) {
              await scheduler.schedule(Promise.resolve(), `look ${look}`);
              const { used, reserved } = await handles[look % 2]!.used(usd, period);
              expect(used + reserved).toBeLessThanOrEqual(limit);
            }
          })();
          await scheduler.waitFor(Promise.all([...requests, watcher]));
          expect(await handles[0]!.used(usd, period)).toEqual({ used: spent, reserved: 0 });
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
