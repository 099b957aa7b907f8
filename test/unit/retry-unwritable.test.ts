import { expect, it, vi } from "vitest";
import { Problem } from "../../src/errors.ts";
import { retryUnwritable, retryUnwritableAfter } from "../../src/service/retry-unwritable.ts";

const away = new Problem("store_unwritable");

it("waits for a store no longer than its process goes on, and tries once more before it ends", async () => {
  const ending = new AbortController();
  const work = vi.fn(async () => await Promise.reject(away));
  const begun = performance.now();
  const ended = expect(retryUnwritable(work, ending.signal)).rejects.toBe(away);
  await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2));
  ending.abort(new Error("the process ends"));
  await ended;
  expect(work).toHaveBeenCalledTimes(3);
  expect(performance.now() - begun).toBeLessThan(2_000);
});

it("tries once more where the process ends already, and is done where the store is back by then", async () => {
  const work = vi.fn(async () => "done");
  expect(await retryUnwritableAfter(away, work, AbortSignal.abort())).toBe("done");
  expect(work).toHaveBeenCalledTimes(1);
});
