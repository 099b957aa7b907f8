import type { ConditionalPrice, ModelPrice } from "@pydantic/genai-prices";
import type { WrittenPrice, WrittenRates } from "../../src/prices/table-row.ts";

/** Whole micro-dollars per million tokens; a price that has no whole one is rounded up. */
const micro = (usd: number): number => Math.ceil(Number((usd * 1_000_000).toFixed(6)));

const rateKeys = {
  input: "input_mtok",
  output: "output_mtok",
  cacheRead: "cache_read_mtok",
  cacheWrite: "cache_write_mtok",
  cacheWrite1h: "cache_write_1h_mtok",
} as const;

const mediaKeys = {
  input: ["input_audio_mtok", "input_image_mtok", "input_video_mtok", "cache_audio_read_mtok", "cache_image_read_mtok"],
  output: ["output_audio_mtok", "output_image_mtok", "output_video_mtok", "output_reasoning_mtok"],
} as const;

/** Nothing that the table cannot say may be passed over: it would be charged as nothing. */
const known = new Set<string>([
  ...Object.values(rateKeys),
  ...mediaKeys.input,
  ...mediaKeys.output,
  "web_searches_kcount",
  // Tools at the provider that are not let through where money is counted.
  "storage_searches_kcount",
]);

function at(price: ModelPrice, key: string, prompt: number): number | undefined {
  const value = price[key];
  if (value === undefined || typeof value === "number") return value;
  return value.tiers.reduce((rate, tier) => (prompt > tier.start ? tier.price : rate), value.base);
}

function ratesAt(price: ModelPrice, prompt: number, writesAnHour: boolean): WrittenRates {
  const read = (key: string): number | undefined => at(price, key, prompt);
  const input = read(rateKeys.input)!;
  const rates: WrittenRates = {
    input: micro(input),
    // An embedding has no output; what is reported as such is not free.
    output: micro(read(rateKeys.output) ?? input),
  };
  const cacheRead = read(rateKeys.cacheRead);
  const cacheWrite = read(rateKeys.cacheWrite);
  // Anthropic's writes for an hour cost twice its input, also where a reseller's list has the five-minute price alone.
  const cacheWrite1h =
    read(rateKeys.cacheWrite1h) ?? (writesAnHour && cacheWrite !== undefined ? 2 * input : undefined);
  if (cacheRead !== undefined) rates.cacheRead = micro(cacheRead);
  if (cacheWrite !== undefined) rates.cacheWrite = micro(cacheWrite);
  if (cacheWrite1h !== undefined) rates.cacheWrite1h = micro(cacheWrite1h);
  return rates;
}

/** @throws Error for a kind of price that the table cannot hold */
function writePrice(price: ModelPrice, writesAnHour: boolean): WrittenPrice {
  const unknown = Object.keys(price).filter((key) => !known.has(key));
  if (unknown.length > 0) throw new Error(`prices of a kind that the table has no place for: ${unknown.join(", ")}`);
  const bounds = new Set(
    Object.values(price).flatMap((value) => (typeof value === "object" ? value.tiers.map(({ start }) => start) : [])),
  );
  const written: WrittenPrice = ratesAt(price, 0, writesAnHour);
  if (bounds.size > 0) {
    const ascending = [...bounds].sort((a, b) => a - b);
    written.tiers = ascending.map((above) => ({ above, ...ratesAt(price, above + 1, writesAnHour) }));
  }
  const dearest = (keys: readonly string[]): number =>
    Math.max(0, ...keys.map((key) => micro(at(price, key, Number.POSITIVE_INFINITY) ?? 0)));
  const media = { input: dearest(mediaKeys.input), output: dearest(mediaKeys.output) };
  if (media.input > written.input || media.output > written.output) {
    written.media = { input: Math.max(media.input, written.input), output: Math.max(media.output, written.output) };
  }
  const search = price.web_searches_kcount;
  if (typeof search === "number") written.webSearch = micro(search / 1000);
  return written;
}

interface DatedPrice {
  written: WrittenPrice;
  later: (WrittenPrice & { from: string })[];
}

/**
 * The price on the day of the release, and those announced for later; `undefined` for a model that has no price per
 * token.
 *
 * @throws Error for one that depends on the time of day: no model of these providers has one
 */
export function writeDated(
  prices: ModelPrice | ConditionalPrice[],
  day: string,
  writesAnHour: boolean,
): DatedPrice | undefined {
  const all: ConditionalPrice[] = Array.isArray(prices) ? prices : [{ prices }];
  const dated = all
    .map(({ constraint, prices: of }) => {
      if (constraint !== undefined && constraint.type !== "start_date") throw new Error("a price by the time of day");
      return { from: constraint?.start_date ?? "", of };
    })
    .sort((a, b) => (a.from < b.from ? -1 : 1));
  const now = dated.findLast(({ from }) => from <= day);
  if (!now) throw new Error("a price that begins after the release only");
  if (now.of.input_mtok === undefined) return undefined;
  const later = dated
    .filter(({ from }) => from > day)
    .map(({ from, of }) => ({ from, ...writePrice(of, writesAnHour) }));
  return { written: writePrice(now.of, writesAnHour), later };
}
