import { freeCallCharge } from "../domain/free-calls.ts";
import type { ReservedTokens } from "../domain/interrupted-usage.ts";
import { isRecord } from "../domain/is-record.ts";
import { modelAllowed } from "../domain/model-allowed.ts";
import { factsOf, type ProviderKind } from "../domain/provider-facts.ts";
import type { QuotaCharge } from "../domain/quota.ts";
import { type QuotaAmounts, quotaRules } from "../domain/quota-rules.ts";
import { mostTokens } from "../domain/usage.ts";
import type { CounterReservation } from "../ports.ts";
import type { PriceBook } from "../prices/price-book.ts";
import { providers } from "../providers/registry.ts";
import { type BodyFields, list } from "../providers/shared/body-fields.ts";
import { type OutputBound, outputBound } from "../providers/shared/output-bounds.ts";
import { type RequestReading, unboundedReason } from "../providers/shared/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { mayReason } from "./hidden-output.ts";
import { keyQuotas } from "./key-quotas.ts";
import { modelsOf } from "./models-of.ts";
import type { ReadRequest } from "./read-request.ts";
import { priceOfRequest, type RequestPrice, unpricedModel } from "./request-price.ts";
import { unpricedFeature } from "./unpriced-feature.ts";
import { type KeySnapshot, type KeyStatus, keyStatus } from "./verify-key.ts";

/** A request with the bounds and the price that no state of a key changes. */
export interface PricedRequest {
  request: ReadRequest;
  provider: AiProviderRecord;
  /** Each model that may answer. */
  models: readonly string[];
  /** The upper bound of its input, in tokens. */
  input: number;
  output: OutputBound;
  prices: PriceBook | undefined;
  /** `undefined` where no price is known, and where it costs no tokens. */
  price: RequestPrice | undefined;
}

/** A counter of the key, in a period, that a request is held to. */
export type Charge = QuotaCharge | ReturnType<typeof freeCallCharge>;

/** A request's charge: the amounts that the key's counters hold for it, and the body that is sent. */
export interface RequestCharge {
  outcome: "charged";
  /** Epoch milliseconds. */
  now: number;
  tokens: ReservedTokens;
  /** `undefined` where no price is known, and where the request costs no tokens. */
  price: RequestPrice | undefined;
  amounts: QuotaAmounts;
  /** The charge behind each entry, in the same order. */
  charges: readonly Charge[];
  entries: CounterReservation[];
  /** The upper bound of the input, in tokens; calls of tools are in it. */
  input: number;
  /** The proxy bounds the output, and may bound it lower where less is left. */
  isCapped: boolean;
  /** The body, where it is not sent as it came. */
  text: string | undefined;
  /** Tools that were left out. */
  omitted: readonly string[] | undefined;
  /** The body without the wish for a report of the usage, where that was put in. */
  unasked: (() => Uint8Array) | undefined;
}

/** The reason for which a request cannot be charged to its key. */
export type Uncharged =
  | { outcome: "standing"; standing: Exclude<KeyStatus, "valid"> }
  | { outcome: "model"; model: string | undefined }
  | { outcome: "unbounded"; quota: "token" | "spend"; reason: string }
  | { outcome: "unpriced"; model: string | undefined };

/** The tokens that a model's own template adds around the messages. JSON's syntax, counted in full, covers the rest. */
const templateTokens = 64;

const encoder = new TextEncoder();

/** The most that a request's input may be. */
export const inputTokens = ({ textBytes = 0, reading }: Pick<ReadRequest, "textBytes" | "reading">): number =>
  Math.max(0, textBytes + (reading?.inputBeyondBytes ?? 0) + templateTokens);

/** @param prices `undefined` where the request costs no tokens */
export function pricedRequest(
  { provisioning: { proxy } }: Context["settings"],
  provider: AiProviderRecord,
  request: ReadRequest,
  prices: PriceBook | undefined,
): PricedRequest {
  const models = modelsOf(request);
  const output = boundOf(request, models, provider.kind, proxy.defaultMaxOutputTokens);
  const price = prices && priceOfRequest(prices, provider, request);
  return { request, provider, models, input: inputTokens(request), output, prices, price };
}

/** @param bound the most output of an answer, in tokens */
export function chargeOf(
  { provisioning: { proxy, webhooks } }: Context["settings"],
  priced: PricedRequest,
  key: KeySnapshot,
  bound: number,
  now: number,
): RequestCharge | Uncharged {
  const { request, provider, models, prices, price } = priced;
  const { endpoint, body, reading } = request;
  const { state } = key;
  const standing = keyStatus(state, key.digest, now);
  if (standing !== "valid") return { outcome: "standing", standing };
  if (state.models && endpoint.body) {
    const other = models.find((model) => !modelAllowed(state.models, provider.provider, model));
    if (other !== undefined || models.length === 0) return { outcome: "model", model: other };
  }
  const quotas = keyQuotas(state, provider.defaultQuotas, now);
  const spends = endpoint.format !== undefined;
  const spendLimited = spends && quotas.inUsd;
  if (spendLimited && !price) return { outcome: "unpriced", model: prices && unpricedModel(prices, provider, request) };
  // A free request passes a budget that is spent.
  const paid = spendLimited && !price!.isFree ? price : undefined;
  // A tool that runs at the provider is charged beside the tokens of a model that is free.
  const held = paid ?? (spendLimited && chargesBeside(provider.kind, reading) ? price : undefined);
  const limited = spends && (held !== undefined || quotas.inTokens);
  const unbounded = limited && reading ? unboundedReason(reading, proxy.hostedTools) : undefined;
  if (unbounded !== undefined) {
    return { outcome: "unbounded", quota: quotas.inTokens ? "token" : "spend", reason: unbounded };
  }
  const dearer = held && unpricedFeature(request, held, models, proxy.hostedTools);
  if (dearer !== undefined) return { outcome: "unbounded", quota: "spend", reason: dearer };

  const omitted = limited && proxy.hostedTools === "omit" ? reading?.hosted : undefined;
  const called = limited && proxy.hostedTools === "allow" ? reading?.hosted : undefined;
  // With each call the model reads all that came before it again, and what the call brought in.
  const input = priced.input + (called ? called.calls * (priced.input + proxy.mediaReferenceTokens) : 0);
  const all = spends ? Math.min(input + bound * (reading?.answers ?? 1), mostTokens) : 0;
  const tokens = { input: Math.min(input, all), output: all - Math.min(input, all) };
  const amounts: QuotaAmounts = { tokens: all, requests: 1, usd: price ? price.most(tokens) : 0 };
  const isCapped = limited && reading?.outputBound === undefined;
  const others = {
    ...omitted?.leftOut,
    ...(limited && reading?.restated),
    ...(isCapped && reading?.cap(bound)),
    ...(paid && provider.kind === "openrouter" && body && withinPrice(body, paid, input)),
    ...(spendLimited && provider.kind === "openrouter" && body && reading && readByModel(body, reading)),
  };
  const added = reading?.added;
  const fields = added ? { ...added, ...others } : others;
  const charges: readonly Charge[] = spends ? quotas.charges : [freeCallCharge(quotas.limits, now)];
  const counted = price === undefined ? charges.filter(({ counter }) => counter !== "usd") : charges;
  return {
    outcome: "charged",
    now,
    tokens,
    price,
    amounts,
    charges: counted,
    entries: entriesOf(counted, key, amounts, paid !== undefined, webhooks.thresholds),
    input,
    isCapped,
    text: body !== undefined && !isEmpty(fields) ? body.with(fields) : undefined,
    omitted: omitted?.names,
    unasked: body && added ? () => encoder.encode(body.with(others)) : undefined,
  };
}

/** A tool at a server of one's own costs what its operator says; OpenRouter's plugins have prices too. */
const chargesBeside = (kind: ProviderKind, reading: ReadRequest["reading"]): boolean =>
  (kind === "openrouter" && reading?.unbounded !== undefined) ||
  (factsOf(kind).hasMakersModels === true && reading?.hosted !== undefined);

/** @param isPaid whether a limit of money holds it */
function entriesOf(
  charges: readonly Charge[],
  key: KeySnapshot,
  amounts: QuotaAmounts,
  isPaid: boolean,
  thresholds: readonly number[],
): CounterReservation[] {
  const names = aiKeyLedger(key.record.keyId);
  return charges.map(({ name, counter, period, limit }) => ({
    counter: names[counter],
    period,
    limit: counter === "usd" && !isPaid ? null : limit,
    amount: counter === "free" ? 1 : amounts[counter],
    // A minute's quota slows down, and ends nothing.
    alertAt: limit !== null && quotaRules[name].span !== "minute" ? thresholds : undefined,
  }));
}

function isEmpty(fields: object): boolean {
  for (const _ in fields) return false;
  return true;
}

function boundOf(
  { endpoint, body, reading }: Pick<ReadRequest, "endpoint" | "body" | "reading">,
  models: readonly string[],
  kind: ProviderKind,
  setting: number | undefined,
): OutputBound {
  if (reading?.outputBound !== undefined) return { most: reading.outputBound, least: 0 };
  const reasons = endpoint.format !== undefined && mayReason(endpoint.format, kind, models, body);
  return outputBound(providers[kind].maxOutput, models, body, setting, reasons);
}

/** OpenRouter reads a PDF for a model that cannot at a price a page, whatever the model's: such a model is to get none. */
function readByModel(body: BodyFields, reading: RequestReading): Record<string, unknown> | undefined {
  // Embeddings know no plugins.
  if (!reading.media.found || reading.outputBound === 0) return undefined;
  const plugins = list(body.get("plugins"));
  if (plugins.some((plugin) => isRecord(plugin) && plugin.id === "file-parser")) return undefined;
  return { plugins: [...plugins, { id: "file-parser", pdf: { engine: "native" } }] };
}

/** Nothing that costs more than was reserved may serve it; a bound of the client's own stays where it is lower. */
function withinPrice(body: BodyFields, price: RequestPrice, input: number): Record<string, unknown> {
  const asked = body.get("provider");
  const preferences = isRecord(asked) ? asked : {};
  const theirs = isRecord(preferences.max_price) ? preferences.max_price : {};
  const lower = (name: string, own: number): number => {
    const stated = Number(theirs[name] ?? own);
    return stated >= 0 && stated < own ? stated : own;
  };
  const { prompt, completion } = price.maxPrice(input);
  const most = { prompt: lower("prompt", prompt), completion: lower("completion", completion), request: 0 };
  const usage = body.get("usage");
  return {
    provider: { ...preferences, max_price: { ...theirs, ...most } },
    usage: { ...(isRecord(usage) && usage), include: true },
  };
}
