import { promptTokens, type UsageParts } from "./usage-parts.ts";

/** Whole micro-dollars per million tokens: USD 3 per million is 3,000,000. */
export interface Rates {
  input: number;
  output: number;
  cacheRead: number;
  /** The cache lasts five minutes, or as long as the provider chooses. */
  cacheWrite: number;
  cacheWrite1h: number;
}

/** A model's list price. */
export interface Price extends Rates {
  /** Rates of a whole request whose prompt has more tokens than `above`; ascending. */
  tiers?: readonly (Rates & { above: number })[] | undefined;
  /** The dearest token of sound, image or video, where one costs more than text. */
  media?: { input: number; output: number } | undefined;
  /** Micro-dollars for one search that the provider's own tool makes; absent: not known. */
  webSearch?: number | undefined;
}

/** A request has these besides its tokens. */
export interface Extras {
  /** Tokens of sound, image or video may be among the parts: each is charged as the dearest kind. */
  media?: boolean | undefined;
  /** @see Price.webSearch */
  webSearches?: number | undefined;
}

const rateNames = ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h"] as const;

const tierOf = (price: Price, prompt: number): Rates =>
  price.tiers?.reduce<Rates>((rates, tier) => (prompt > tier.above ? tier : rates), price) ?? price;

/** Never below the text rate: the kinds of token are not told apart in a usage report. */
function withMedia(rates: Rates, media: Price["media"]): Rates {
  if (media === undefined) return rates;
  return {
    input: Math.max(rates.input, media.input),
    output: Math.max(rates.output, media.output),
    cacheRead: Math.max(rates.cacheRead, media.input),
    cacheWrite: Math.max(rates.cacheWrite, media.input),
    cacheWrite1h: Math.max(rates.cacheWrite1h, media.input),
  };
}

/** The rates of a whole request whose prompt has so many tokens. */
export function ratesAt(price: Price, prompt: number, extras: Extras = {}): Rates {
  return withMedia(tierOf(price, prompt), extras.media ? price.media : undefined);
}

/**
 * The list price of one request in whole micro-dollars, rounded up once.
 *
 * @throws RangeError for web searches at a price that is not known, and for a part that is no whole number from zero
 */
export function costMicroUsd(parts: UsageParts, price: Price, extras: Extras = {}): number {
  const rates = ratesAt(price, promptTokens(parts), extras);
  let picoUsd = searchesMicroUsd(price, extras) * 1_000_000;
  for (const name of rateNames) {
    if (!(Number.isInteger(parts[name]) && parts[name] >= 0)) {
      throw new RangeError(`not a number of tokens: ${parts[name]}`);
    }
    picoUsd += parts[name] * rates[name];
  }
  if (!Number.isSafeInteger(picoUsd)) return largeCostMicroUsd(parts, rates, searchesMicroUsd(price, extras));
  const rest = picoUsd % 1_000_000;
  return (picoUsd - rest) / 1_000_000 + (rest > 0 ? 1 : 0);
}

/** A hundred million tokens at USD 600 per million are more pico-dollars than a number holds exactly. */
function largeCostMicroUsd(parts: UsageParts, rates: Rates, searches: number): number {
  let picoUsd = BigInt(searches) * 1_000_000n;
  for (const name of rateNames) picoUsd += BigInt(parts[name]) * BigInt(rates[name]);
  return Number((picoUsd + 999_999n) / 1_000_000n);
}

function searchesMicroUsd({ webSearch }: Price, { webSearches = 0 }: Extras): number {
  if (webSearches === 0) return 0;
  if (webSearch === undefined) throw new RangeError("web searches at a price that is not known");
  return webSearch * webSearches;
}

/** The most that a request can be, before it is sent. */
export interface RequestBound extends Extras {
  /** Tokens of the prompt, whatever part they turn out to be. */
  input: number;
  output: number;
  /** The longest cache that the request may write to. Default: `5m`, since some providers cache unasked. */
  cache?: "none" | "5m" | "1h" | undefined;
}

/** The dearest rates that a request of this bound can be charged at, in any tier that it may reach. */
export function dearestRates(
  price: Price,
  { input, cache = "5m", media }: RequestBound,
): { input: number; output: number } {
  const dearest = { input: 0, output: 0 };
  const reach = (tier: Rates): void => {
    const rates = withMedia(tier, media ? price.media : undefined);
    dearest.input = Math.max(dearest.input, rates.input, rates.cacheRead);
    if (cache !== "none") dearest.input = Math.max(dearest.input, rates.cacheWrite);
    if (cache === "1h") dearest.input = Math.max(dearest.input, rates.cacheWrite1h);
    dearest.output = Math.max(dearest.output, rates.output);
  };
  reach(price);
  for (const tier of price.tiers ?? []) if (input > tier.above) reach(tier);
  return dearest;
}

/**
 * The amount to reserve: no usage within the bound costs more.
 *
 * @throws RangeError as `costMicroUsd` does
 */
export function mostMicroUsd(bound: RequestBound, price: Price): number {
  const rates = dearestRates(price, bound);
  const flat: Price = { ...rates, cacheRead: rates.input, cacheWrite: rates.input, cacheWrite1h: rates.input };
  if (price.webSearch !== undefined) flat.webSearch = price.webSearch;
  const parts: UsageParts = { input: bound.input, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: bound.output };
  return costMicroUsd(parts, flat, { webSearches: bound.webSearches });
}

/** A price at which no request costs less than at any of these: of several models, the one that answers is not known. */
export function dearestPrice(prices: readonly [Price, ...Price[]]): Price {
  const most = (of: (price: Price) => number): number => prices.reduce((most, price) => Math.max(most, of(price)), 0);
  const rates = (at: (price: Price) => Rates): Rates => ({
    input: most((price) => at(price).input),
    output: most((price) => at(price).output),
    cacheRead: most((price) => at(price).cacheRead),
    cacheWrite: most((price) => at(price).cacheWrite),
    cacheWrite1h: most((price) => at(price).cacheWrite1h),
  });
  const bounds = [...new Set(prices.flatMap(({ tiers = [] }) => tiers.map(({ above }) => above)))].sort(
    (a, b) => a - b,
  );
  const dearest: Price = rates((price) => price);
  if (bounds.length > 0) {
    dearest.tiers = bounds.map((above) => ({ above, ...rates((price) => tierOf(price, above + 1)) }));
  }
  if (prices.some(({ media }) => media)) {
    dearest.media = {
      input: most(({ media, input }) => media?.input ?? input),
      output: most(({ media, output }) => media?.output ?? output),
    };
  }
  if (prices.every(({ webSearch }) => webSearch !== undefined)) {
    dearest.webSearch = most(({ webSearch }) => webSearch ?? 0);
  }
  return dearest;
}

/** Prices are many requests' own: each is looked through once. */
const areFree = new WeakMap<Price, boolean>();

/** Nothing is charged, whatever the request: a model that runs at home. */
export function isFree(price: Price): boolean {
  let free = areFree.get(price);
  if (free === undefined) {
    free =
      [price, ...(price.tiers ?? [])].every((rates) => rateNames.every((name) => rates[name] === 0)) &&
      (price.media === undefined || (price.media.input === 0 && price.media.output === 0)) &&
      !price.webSearch;
    areFree.set(price, free);
  }
  return free;
}
