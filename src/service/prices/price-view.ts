import { fromMicroUsd } from "../../domain/micro-usd.ts";
import type { Price, Rates } from "../../domain/price.ts";
import type { PriceSource } from "../../prices/price-book.ts";
import type { PriceView } from "../../schema/price.ts";

const usdRates = (rates: Rates) => ({
  input: fromMicroUsd(rates.input),
  output: fromMicroUsd(rates.output),
  cacheRead: fromMicroUsd(rates.cacheRead),
  cacheWrite: fromMicroUsd(rates.cacheWrite),
  cacheWrite1h: fromMicroUsd(rates.cacheWrite1h),
});

/** USD per million tokens, as people compare prices. */
export function priceView(of: { provider: string; model: string }, price: Price, source: PriceSource): PriceView {
  const { tiers, media, webSearch } = price;
  return {
    provider: of.provider,
    model: of.model,
    ...usdRates(price),
    ...(tiers && { tiers: tiers.map(({ above, ...rates }) => ({ above, ...usdRates(rates) })) }),
    ...(media && { media: { input: fromMicroUsd(media.input), output: fromMicroUsd(media.output) } }),
    ...(webSearch !== undefined && { webSearch: fromMicroUsd(webSearch) }),
    source,
  };
}
