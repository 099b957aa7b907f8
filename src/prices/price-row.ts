import { toMicroUsd } from "../domain/micro-usd.ts";
import type { Price } from "../domain/price.ts";

/** A price as operators state it: in USD per million tokens, at most six decimals. */
export interface PriceRow {
  provider: string;
  /** As requests name it, or `*` for every model of the provider that has no price of its own. */
  model: string;
  input: number;
  output: number;
  cacheRead?: number | undefined;
  cacheWrite?: number | undefined;
  cacheWrite1h?: number | undefined;
}

/** @throws RangeError for an amount that the schema refuses */
function micro(usd: number): number {
  const amount = toMicroUsd(usd);
  if (amount === undefined) throw new RangeError(`not an amount in USD with at most six decimals: ${usd}`);
  return amount;
}

/** An absent cache price is the input price: those who state a price state all that differs. */
export function priceOfRow({ input, output, cacheRead, cacheWrite, cacheWrite1h }: PriceRow): Price {
  return {
    input: micro(input),
    output: micro(output),
    cacheRead: micro(cacheRead ?? input),
    cacheWrite: micro(cacheWrite ?? input),
    cacheWrite1h: micro(cacheWrite1h ?? input),
  };
}
