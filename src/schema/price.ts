import * as z from "zod/mini";
import { toMicroUsd } from "../domain/micro-usd.ts";
import { ModelName, noKey, ProviderSlug } from "./primitives.ts";

/** USD, kept in whole micro-dollars: a seventh decimal would be lost without a word. */
const usdAmount = (most: number) =>
  z.number("must be an amount in USD").check(
    z.refine((usd) => toMicroUsd(usd) !== undefined, {
      error: "must be an amount in USD that is not negative and has at most 6 decimals",
      abort: true,
    }),
    // The OpenAPI document has this alone: the line above says nothing to it.
    z.minimum(0),
    z.maximum(most, `must be at most ${most}`),
  );

const perMillion = usdAmount(1_000_000);

/** `*` in a price: every model of the provider that has no price of its own. */
const PricedModel = z.union([z.literal("*"), ModelName], {
  error: 'is not a model name; "*" stands for every model of the provider that has no price of its own',
});

const rates = {
  input: perMillion,
  output: perMillion,
  cacheRead: z.optional(perMillion),
  cacheWrite: z.optional(perMillion),
  cacheWrite1h: z.optional(perMillion),
};

/** USD per million tokens. An absent cache price is the input price. */
export const PriceRow = z
  .strictObject({ provider: ProviderSlug, model: PricedModel, ...rates })
  .register(z.globalRegistry, {
    id: "PriceRow",
    examples: [{ provider: "anthropic", model: "claude-haiku-4-5", input: 1, output: 5, cacheRead: 0.1 }],
  });
export type PriceRow = z.infer<typeof PriceRow>;

export const mostStatedPrices = 1000;
const rows = z.array(PriceRow).check(z.maxLength(mostStatedPrices, `at most ${mostStatedPrices} prices`));

export const SetPrices = z
  .strictObject({ prices: rows.check(z.minLength(1, "must not be empty")) })
  .register(z.globalRegistry, { id: "SetPrices" });
export type SetPrices = z.infer<typeof SetPrices>;

/** A call to a model without a known price gets one of these, where its key has a limit in USD. */
const unknownPriceChoices = ["refuse", "highest"] as const;

/** `gateway.provisioning.prices`. */
export const PriceSettings = z.strictObject({
  /** `highest`: it is charged at the dearest price that is known of its provider. */
  unknown: z._default(z.enum(unknownPriceChoices), "refuse"),
  rows: z._default(rows, []),
});
export type PriceSettings = z.infer<typeof PriceSettings>;

const priceSources = ["api", "settings", "table"] as const;

const shownRates = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
  cacheWrite1h: z.number(),
});

export const PriceView = z
  .extend(shownRates, {
    provider: z.string(),
    model: z.string(),
    /** `api` goes before `settings`, and both before the `table`. */
    source: z.enum(priceSources),
    /** Prices of a whole request whose prompt has more tokens than `above`. */
    tiers: z.optional(z.array(z.extend(shownRates, { above: z.int() }))),
    /** The dearest token of sound, image or video, where one costs more than text. */
    media: z.optional(z.object({ input: z.number(), output: z.number() })),
    /** The price of one search of the provider's own tool. */
    webSearch: z.optional(z.number()),
  })
  .register(z.globalRegistry, { id: "PriceView" });
export type PriceView = z.infer<typeof PriceView>;

const book = {
  /** The day of the table's source. */
  pricesAsOf: z.string(),
  /** Names the table and every stated row. */
  hash: z.string(),
};

export const PriceList = z
  .object({
    prices: z.array(PriceView),
    nextCursor: z.optional(z.string()),
    ...book,
    unknown: z.enum(unknownPriceChoices),
  })
  .register(z.globalRegistry, { id: "PriceList" });
export type PriceList = z.infer<typeof PriceList>;

export const PricesSet = z
  .object({ prices: z.array(PriceView), ...book })
  .register(z.globalRegistry, { id: "PricesSet" });
export type PricesSet = z.infer<typeof PricesSet>;

export const PriceUnset = z
  .object({
    provider: z.string(),
    model: z.string(),
    /** The price that counts from here on; absent: none is known. */
    price: z.optional(PriceView),
    ...book,
  })
  .register(z.globalRegistry, { id: "PriceUnset" });
export type PriceUnset = z.infer<typeof PriceUnset>;

export const PriceQuery = {
  provider: z.optional(z.string().check(z.maxLength(64), noKey)),
  /** As requests name it: the price that counts for it, whichever row it comes from. */
  model: z.optional(z.string().check(z.maxLength(200), noKey)),
  source: z.optional(z.enum(priceSources)),
};
