import type { Price, Rates } from "../domain/price.ts";

/** Rates as the table writes them: an absent cache price is what the source's absence stands for. */
export type WrittenRates = Pick<Rates, "input" | "output"> & Partial<Omit<Rates, "input" | "output">>;

export type WrittenPrice = WrittenRates & {
  tiers?: (WrittenRates & { above: number })[];
  media?: { input: number; output: number };
  webSearch?: number;
};

export type TableRow = WrittenPrice & {
  /** Names of models that are meant as they stand. */
  is: string[];
  /** Names that are meant with a date, `latest` or `preview` behind them too. */
  begins?: string[];
  /** Announced prices, each from a day (UTC) on; ascending. */
  later?: (WrittenPrice & { from: string })[];
};

/** The checked-in list prices (`npm run prices`). */
export interface PriceTable {
  source: string;
  /** The day (`YYYY-MM-DD`) on which the source was released. */
  asOf: string;
  /** SHA-256 over the providers' rows. */
  hash: string;
  providers: Record<string, TableRow[]>;
}

const wholeRates = ({ input, output, ...caches }: WrittenRates): Rates => {
  const cacheWrite = caches.cacheWrite ?? input;
  return {
    input,
    output,
    cacheRead: caches.cacheRead ?? input,
    cacheWrite,
    cacheWrite1h: caches.cacheWrite1h ?? cacheWrite,
  };
};

function wholePrice({ tiers, media, webSearch, ...rates }: WrittenPrice): Price {
  const price: Price = wholeRates(rates);
  if (tiers) price.tiers = tiers.map(({ above, ...of }) => ({ above, ...wholeRates(of) }));
  if (media) price.media = media;
  if (webSearch !== undefined) price.webSearch = webSearch;
  return price;
}

/** The row's price on a day (`YYYY-MM-DD`, UTC). */
export function priceOn({ later = [], ...row }: TableRow, day: string): Price {
  return wholePrice(later.findLast(({ from }) => from <= day) ?? row);
}
