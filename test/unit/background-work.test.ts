import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createBackgroundWork } from "../../adapters/node/background-work.ts";

test("background work is waited for to its end, failures and late comers included", async () => {
  const background = createBackgroundWork();
  await background.ended();
  const [first, second, late] = [0, 1, 2].map(() => Promise.withResolvers<void>());
  background.add(first!.promise);
  background.add(second!.promise);
  let ended = false;
  const all = background.ended().then(() => {
    ended = true;
  });
  first!.reject(new Error("it reports this itself"));
  await turn();
  expect(ended).toBe(false);
  background.add(late!.promise);
  second!.resolve();
  await turn();
  expect(ended).toBe(false);
  late!.resolve();
  await all;
});
