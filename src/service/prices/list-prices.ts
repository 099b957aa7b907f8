import type { PriceSource } from "../../prices/price-book.ts";
import type { PriceList } from "../../schema/price.ts";
import type { Context } from "../context.ts";
import { priceView } from "./price-view.ts";

interface PriceListQuery {
  limit: number;
  cursor?: string | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  source?: PriceSource | undefined;
}

/** Prices in ascending order of provider and model. With a `model`, the price that counts for that name. */
export async function listPrices({ prices }: Pick<Context, "prices">, query: PriceListQuery): Promise<PriceList> {
  const book = await prices.reload();
  const names = query.model === undefined ? book.names() : modelOfEach(book.names(), query.model, query.provider);
  const found = names
    .filter(({ provider, model }) => {
      if (query.provider !== undefined && provider !== query.provider) return false;
      if (query.cursor !== undefined && `${provider}/${model}` <= query.cursor) return false;
      const source = book.sourceOf(provider, model);
      return source !== undefined && (query.source === undefined || source === query.source);
    })
    .map((name) => ({ ...name, at: `${name.provider}/${name.model}` }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  const shown = found.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    prices: shown.map((name) =>
      priceView(name, book.priceOf(name.provider, name.model)!, book.sourceOf(name.provider, name.model)!),
    ),
    ...(last && found.length > shown.length && { nextCursor: last.at }),
    pricesAsOf: book.asOf,
    hash: book.hash,
    unknown: book.unknown,
  };
}

interface Name {
  provider: string;
  model: string;
}

function modelOfEach(names: readonly Name[], model: string, provider: string | undefined): Name[] {
  const providers = provider === undefined ? new Set(names.map((name) => name.provider)) : [provider];
  return [...providers].map((of) => ({ provider: of, model }));
}
