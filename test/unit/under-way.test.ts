import { expect, it } from "vitest";
import { createUnderWay } from "../../adapters/openclaw/under-way.ts";

it("waits for what is under way and for what comes meanwhile, and no longer than it is told to", async () => {
  const underWay = createUnderWay();
  expect(await underWay.ended(0)).toBe(true);
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  void underWay.add(first.promise);
  expect(await underWay.ended(10)).toBe(false);
  const ended = underWay.ended(60_000);
  void underWay.add(second.promise);
  first.resolve();
  expect(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20, "waits"))])).toBe("waits");
  second.resolve();
  expect(await ended).toBe(true);
});
