import { expect, it } from "vitest";
import { tellOfKeys } from "../../adapters/node/key-metrics.ts";
import { createMetrics, renderMetrics } from "../../src/metrics.ts";
import type { Context } from "../../src/service/context.ts";

it("the ends of keys are looked up again ten seconds later, also where the clock was set back", async () => {
  const metrics = createMetrics();
  let now = Date.parse("2026-11-30T12:00:00Z");
  const items = [{ id: "one", expiresAt: "2026-12-30T12:00:00Z", state: {} }];
  const records = { list: async () => ({ items: [...items] }) };
  tellOfKeys({ metrics, records, clock: { now: () => now } } as unknown as Context);
  const shown = async () => {
    await metrics.gather(() => {});
    return renderMetrics(metrics.values());
  };
  expect(await shown()).toContain('{key="one"}');
  items[0]!.id = "other";
  now += 9_000;
  expect(await shown()).toContain('{key="one"}');
  now -= 3_600_000;
  expect(await shown()).toContain('{key="other"}');
});
