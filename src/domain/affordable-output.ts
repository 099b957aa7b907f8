import { dearestRates, type Price, type RequestBound } from "./price.ts";

/** The most output tokens that a request can have whose whole cost is to stay within `microUsd`; below zero: none. */
export function affordableOutput(microUsd: number, bound: Omit<RequestBound, "output">, price: Price): number {
  const rates = dearestRates(price, { ...bound, output: 0 });
  const searches = (price.webSearch ?? 0) * (bound.webSearches ?? 0);
  // Pico-dollars, which may be more than a number holds exactly.
  const left = BigInt(microUsd - searches) * 1_000_000n - BigInt(bound.input) * BigInt(rates.input);
  if (left < 0n) return -1;
  return rates.output === 0 ? Number.POSITIVE_INFINITY : Number(left / BigInt(rates.output));
}
