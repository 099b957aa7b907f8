import { dearestPrice, type Price } from "../domain/price.ts";
import { createFindRow, type FindRow, pricedAs } from "./find-row.ts";
import { type PriceRow, priceOfRow } from "./price-row.ts";
import { type PriceTable, priceOn } from "./table-row.ts";

export type PriceSource = "api" | "settings" | "table";

/** Every price as it is on one day: what the operator stated over the API, in the settings, then the table. */
export interface PriceBook {
  /** `undefined`: no price is known, which is not a price of zero. */
  priceOf(provider: string, model: string): Price | undefined;
  /** A price that covers all of the models, any of which may answer; `undefined` where one's is not known. */
  dearestOf(provider: string, models: readonly string[]): Price | undefined;
  /** A price that covers every known one of the provider; `undefined` where none is known. */
  highest(provider: string): Price | undefined;
  /** The place that the price of a model comes from. */
  sourceOf(provider: string, model: string): PriceSource | undefined;
  /** A request without a known price is refused, or gets the highest of its provider. */
  unknown: "refuse" | "highest";
  /** Every name that a price stands under. */
  names(): { provider: string; model: string }[];
  /** The day (`YYYY-MM-DD`) of the table. */
  asOf: string;
  /** Names the table and every stated row: prices of one hash are the same prices. */
  hash: string;
}

/** The sources of prices: the API's go before the settings', and those before the table's. */
export interface PriceBookInput {
  table: PriceTable;
  /** The later one of two rows for one model counts. */
  settings: readonly PriceRow[];
  api: readonly PriceRow[];
  /** `YYYY-MM-DD` in UTC. */
  day: string;
  hash: string;
  unknown?: "refuse" | "highest";
}

const everyModel = "*";

/** Beyond any model's name: as long a text is in no row, and is neither searched nor kept. */
const longestName = 512;

type Stated = Map<string, Map<string, Price>>;

function statedPrices(rows: readonly PriceRow[]): Stated {
  const stated: Stated = new Map();
  for (const row of rows) {
    const models = stated.get(row.provider) ?? new Map<string, Price>();
    stated.set(row.provider, models.set(row.model, priceOfRow(row)));
  }
  return stated;
}

/** Prices as they are on one day. An answer is worked out once for each model, and kept for as long as the book. */
export function createPriceBook({ table, settings, api, day, hash, unknown = "refuse" }: PriceBookInput): PriceBook {
  const layers = [
    ["api", statedPrices(api)],
    ["settings", statedPrices(settings)],
  ] as const;
  const finders = new Map<string, FindRow>();
  const found = new Map<string, { price: Price; source: PriceSource } | null>();
  const dearest = new Map<string, Price | null>();

  function tableFinder(provider: string): FindRow {
    const known = finders.get(provider);
    if (known) return known;
    const rows = Object.hasOwn(table.providers, provider) ? table.providers[provider]! : [];
    const finder = createFindRow(provider, rows);
    finders.set(provider, finder);
    return finder;
  }

  function find(provider: string, model: string): { price: Price; source: PriceSource } | null {
    const row = model.length > longestName ? undefined : tableFinder(provider)(model);
    for (const name of new Set([model, pricedAs(provider, model)])) {
      for (const [source, stated] of layers) {
        const price = stated.get(provider)?.get(name);
        // Rows have tokens' prices alone: a search goes on costing what the table says.
        if (price) return { price: { ...price, webSearch: row && priceOn(row, day).webSearch }, source };
      }
    }
    if (row) return { price: priceOn(row, day), source: "table" };
    for (const [source, stated] of layers) {
      const price = stated.get(provider)?.get(everyModel);
      if (price) return { price, source };
    }
    return null;
  }

  function lookUp(provider: string, model: string): { price: Price; source: PriceSource } | undefined {
    if (model.length > longestName) return find(provider, model) ?? undefined;
    const key = `${provider} ${model}`;
    let known = found.get(key);
    if (known === undefined) {
      known = find(provider, model);
      // Callers choose the names, which must not fill the memory.
      if (found.size >= 1000) found.clear();
      found.set(key, known);
    }
    return known ?? undefined;
  }

  const priceOf = (provider: string, model: string): Price | undefined => lookUp(provider, model)?.price;

  function dearestKnown(provider: string): Price | null {
    const rows = Object.hasOwn(table.providers, provider) ? table.providers[provider]! : [];
    const all = [
      ...rows.map((row) => priceOn(row, day)),
      ...layers.flatMap(([, stated]) => [...(stated.get(provider)?.values() ?? [])]),
    ];
    const [first, ...rest] = all;
    return first ? dearestPrice([first, ...rest]) : null;
  }

  return {
    priceOf,
    dearestOf(provider, models) {
      if (models.length === 1) return priceOf(provider, models[0]!);
      const prices = models.map((model) => priceOf(provider, model));
      const [first, ...rest] = prices.filter((price) => price !== undefined);
      return first && rest.length + 1 === models.length ? dearestPrice([first, ...rest]) : undefined;
    },
    highest(provider) {
      let known = dearest.get(provider);
      if (known === undefined) {
        known = dearestKnown(provider);
        dearest.set(provider, known);
      }
      return known ?? undefined;
    },
    sourceOf: (provider, model) => lookUp(provider, model)?.source,
    names() {
      const names = new Map<string, { provider: string; model: string }>();
      const add = (provider: string, model: string) => names.set(`${provider} ${model}`, { provider, model });
      for (const [provider, rows] of Object.entries(table.providers)) {
        for (const row of rows) for (const name of [...row.is, ...(row.begins ?? [])]) add(provider, name);
      }
      for (const [, stated] of layers) {
        for (const [provider, prices] of stated) for (const name of prices.keys()) add(provider, name);
      }
      return [...names.values()];
    },
    unknown,
    asOf: table.asOf,
    hash,
  };
}
