import { expect, it, vi } from "vitest";
import { retry } from "../../src/domain/retry.ts";

const failing = (...failures: Error[]) =>
  vi.fn(async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return "done";
  });
const again = new Error("again");
const isRetryable = (error: unknown) => error === again;

it("does the work again after each delay, and no more often than there are delays", async () => {
  const work = failing(again, again);
  expect(await retry(work, { isRetryable, delays: [1, 1] })).toBe("done");
  expect(work).toHaveBeenCalledTimes(3);
  const endless = failing(again, again, again);
  await expect(retry(endless, { isRetryable, delays: [1, 1] })).rejects.toBe(again);
  expect(endless).toHaveBeenCalledTimes(3);
});

it("throws at once what does not get better", async () => {
  const final = new Error("final");
  const work = failing(final);
  await expect(retry(work, { isRetryable, delays: [1] })).rejects.toBe(final);
  expect(work).toHaveBeenCalledTimes(1);
});

it("asks for the delay with the failure and how many came before it", async () => {
  const delays = vi.fn((_: unknown, attempt: number) => (attempt < 2 ? 1 : undefined));
  await expect(retry(failing(again, again, again), { isRetryable, delays })).rejects.toBe(again);
  expect(delays.mock.calls).toEqual([
    [again, 0],
    [again, 1],
    [again, 2],
  ]);
});

it("ends with its signal, in the middle of a delay and before one", async () => {
  const stop = new AbortController();
  const reason = new Error("stopped");
  const waiting = retry(failing(again), { isRetryable, delays: [60_000], signal: stop.signal });
  stop.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  const work = failing(again);
  await expect(retry(work, { isRetryable, delays: [1], signal: stop.signal })).rejects.toBe(reason);
  expect(work).toHaveBeenCalledTimes(1);
});
