import { expect, it } from "vitest";
import type { UsageQuery } from "../../src/ports.ts";
import type { Context } from "../../src/service/context.ts";
import { dailyUse } from "../../src/service/overview/daily-use.ts";
import { noUse } from "../../src/service/overview/usage-sums.ts";

const days = ["2026-10-31", "2026-11-01", "2026-11-02"];
const row = (keyId: string, day: string, tokens: number) => ({
  name: `ai-key:${keyId}/usage`,
  day,
  model: "m",
  tokens,
});
/** One's own keys, and another's with as much. */
const rows = Array.from({ length: 400 }, (_, at) => days.map((day, nth) => row(`k${at}`, day, at + nth))).flat();
let asked = 0;
const ledger = {
  async usage(name: string, from: string, to: string) {
    asked++;
    return rows
      .filter((one) => one.name === name && one.day >= from && one.day <= to)
      .map((one) => ({ ...noUse(), ...one }));
  },
  async topUsage({ from, to }: UsageQuery) {
    asked++;
    const inside = rows.filter(({ day }) => day >= from && day <= to);
    return { groups: inside.map(({ name, tokens }) => ({ ...noUse(), key: name, tokens })), asOf: 7 };
  },
};

it("of many keys is asked for by the day, and is the same as that of few", async () => {
  const context = { ledger, clock: { now: () => 9 }, mostBulkChanges: 25 } as unknown as Context;
  const keyIds = Array.from({ length: 350 }, (_, at) => `k${at}`);
  const [from, to] = ["2026-11-01", "2026-11-02"];
  const many = await dailyUse(context, keyIds, from, to);
  expect([asked, many.asOf]).toEqual([2, 7]);
  const halves = await Promise.all(
    [keyIds.slice(0, 175), keyIds.slice(175)].map((some) => dailyUse(context, some, from, to)),
  );
  const told = (uses: typeof many.uses) => uses.map(({ keyId, day, tokens }) => `${keyId} ${day} ${tokens}`).sort();
  expect(told(many.uses)).toEqual(told(halves.flatMap(({ uses }) => uses)));
  expect(many.uses).toHaveLength(700);
});
