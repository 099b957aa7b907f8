import { affordableOutput } from "../domain/affordable-output.ts";
import { isRecord } from "../domain/is-record.ts";
import { costMicroUsd, isFree, mostMicroUsd, type Price, type RequestBound, ratesAt } from "../domain/price.ts";
import type { TokenUsage, ToldUsage } from "../domain/told-usage.ts";
import { mostTokens } from "../domain/usage.ts";
import type { PriceBook } from "../prices/price-book.ts";
import { type BodyFields, textOf } from "../providers/shared/body-fields.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import { modelsOf } from "./models-of.ts";
import type { ReadRequest } from "./read-request.ts";

/** How one request is charged, the same from its reservation to its end, whatever becomes of the prices meanwhile. */
export interface RequestPrice {
  isFree: boolean;
  /** The upper bound of the cost of a request of so many tokens. */
  most(tokens: TokenBound): number;
  /** The most output that so much money pays for. */
  affordable(microUsd: number, input: number): number;
  /** The cost of the provider's whole report. */
  told(usage: ToldUsage): number;
  /** The upper bound of the cost of an answer that broke off, of which `told` is the part reported by then. */
  cut(usage: TokenUsage, told: ToldUsage, inputIsTold: boolean): number;
  /** OpenRouter's bound on what it may route to: https://openrouter.ai/docs/features/provider-routing#max-price */
  maxPrice(input: number): { prompt: number; completion: number };
  /** Whether a search that the provider's tool makes has a known price. */
  pricesSearches: boolean;
  /** Whether answers in other media have one: where the provider says the cost itself, it may be above the text's. */
  pricesMedia: boolean;
}

interface TokenBound {
  input: number;
  output: number;
}

/** @returns `undefined` where the price of a model that may serve the request is not known */
export function priceOfRequest(
  book: PriceBook,
  { provider, kind }: AiProviderRecord,
  request: Pick<ReadRequest, "endpoint" | "reading" | "body">,
): RequestPrice | undefined {
  const models = modelsOf(request);
  const unknown = book.unknown === "highest" ? book.highest(provider) : undefined;
  const price = book.dearestOf(provider, models) ?? unknown;
  return price && requestPrice(price, kind === "openrouter", models, request);
}

/** The first model without a price. */
export const unpricedModel = (
  book: PriceBook,
  { provider }: AiProviderRecord,
  request: Pick<ReadRequest, "endpoint" | "reading">,
): string | undefined => modelsOf(request).find((model) => book.priceOf(provider, model) === undefined);

function requestPrice(
  price: Price,
  tellsCost: boolean,
  models: readonly string[],
  { reading, body }: Pick<ReadRequest, "reading" | "body">,
): RequestPrice {
  const media = price.media !== undefined && mayHoldMedia(models, reading, body);
  const cache = price.cacheWrite1h > price.cacheWrite && asksForHour(body?.value) ? "1h" : "5m";
  const searches = price.webSearch === undefined ? 0 : (reading?.hosted?.statedSearches ?? 0);
  return new PriceOfRequest(price, tellsCost, media, cache, searches);
}

class PriceOfRequest implements RequestPrice {
  readonly #price: Price;
  readonly #tellsCost: boolean;
  readonly #media: boolean;
  readonly #cache: "5m" | "1h";
  readonly #searches: number;

  constructor(price: Price, tellsCost: boolean, media: boolean, cache: "5m" | "1h", searches: number) {
    this.#price = price;
    this.#tellsCost = tellsCost;
    this.#media = media;
    this.#cache = cache;
    this.#searches = searches;
  }

  get isFree(): boolean {
    const price = this.#price;
    return isFree(this.#searches === 0 && price.webSearch !== undefined ? { ...price, webSearch: undefined } : price);
  }

  get pricesMedia(): boolean {
    return !this.#tellsCost || this.#price.media !== undefined;
  }

  get pricesSearches(): boolean {
    return this.#price.webSearch !== undefined;
  }

  #bound(input: number, output: number): RequestBound {
    return {
      input: Math.min(input, mostTokens),
      output: Math.min(output, mostTokens),
      media: this.#media,
      cache: this.#cache,
      webSearches: this.#searches,
    };
  }

  most({ input, output }: TokenBound): number {
    return mostMicroUsd(this.#bound(input, output), this.#price);
  }

  affordable(microUsd: number, input: number): number {
    return affordableOutput(microUsd, this.#bound(input, 0), this.#price);
  }

  told(usage: ToldUsage): number {
    if (this.#tellsCost && usage.costMicroUsd !== undefined) return usage.costMicroUsd;
    const { parts } = usage;
    const hour = usage.cacheIsUnsplit && this.#cache === "1h";
    const split = hour ? { ...parts, cacheWrite: 0, cacheWrite1h: parts.cacheWrite + parts.cacheWrite1h } : parts;
    const webSearches = this.#price.webSearch === undefined ? 0 : usage.webSearches;
    return costMicroUsd(split, this.#price, { media: this.#media, webSearches });
  }

  cut(usage: TokenUsage, reported: ToldUsage, inputIsTold: boolean): number {
    const output = usage.total - usage.input;
    if (!inputIsTold) return this.most({ input: usage.input, output });
    const parts = { ...reported.parts, output: Math.max(reported.parts.output, output) };
    return this.told({ ...reported, parts, webSearches: this.#searches, costMicroUsd: undefined });
  }

  maxPrice(input: number): { prompt: number; completion: number } {
    const rates = ratesAt(this.#price, Math.min(input, mostTokens), { media: this.#media });
    return { prompt: rates.input / 1_000_000, completion: rates.output / 1_000_000 };
  }
}

/** Models that take or write sound, pictures or video whatever the request looks like. */
const mediaModels = /audio|image|tts|transcribe|realtime|live|veo/;

function mayHoldMedia(
  models: readonly string[],
  reading: ReadRequest["reading"],
  body: Pick<BodyFields, "get"> | undefined,
): boolean {
  if (reading?.media.found || models.some((model) => mediaModels.test(model))) return true;
  return mediaAsked(body) !== undefined;
}

/** The medium beside text that the answer is to have. */
export function mediaAsked(body: Pick<BodyFields, "get"> | undefined): string | undefined {
  const config = body?.get("generationConfig");
  const asked = isRecord(config) ? (config.responseModalities ?? config.response_modalities) : body?.get("modalities");
  const media = Array.isArray(asked) ? asked.map((one) => textOf(one).toLowerCase()) : [];
  return media.find((one) => one !== "text");
}

/** Whether anything in the body is to be cached for an hour. */
function asksForHour(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(asksForHour);
  for (const name in value) {
    const inner = (value as Record<string, unknown>)[name];
    if (inner === "1h" ? name === "ttl" : asksForHour(inner)) return true;
  }
  return false;
}
