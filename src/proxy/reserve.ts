import { freeCallCharge } from "../domain/free-calls.ts";
import type { ReservedTokens } from "../domain/interrupted-usage.ts";
import { modelAllowed } from "../domain/model-allowed.ts";
import type { ProviderKind } from "../domain/provider-facts.ts";
import { limitsTokens, limitsUsd, quotaCharges, stricterQuotas } from "../domain/quota.ts";
import { type QuotaDenial, quotaDenial } from "../domain/quota-denial.ts";
import { type QuotaAmounts, quotaRules, quotaUnits } from "../domain/quota-rules.ts";
import { mostTokens } from "../domain/usage.ts";
import type { CounterReservation, LedgerName } from "../ports.ts";
import type { PriceBook } from "../prices/price-book.ts";
import { providers } from "../providers/registry.ts";
import { type BodyFields, isRecord } from "../providers/shared/body-fields.ts";
import { type OutputBound, outputBound } from "../providers/shared/output-bounds.ts";
import { unboundedReason } from "../providers/shared/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { QuotaName } from "../schema/quota.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { encodeBody } from "./encode-body.ts";
import { mayReason } from "./hidden-output.ts";
import { modelsOf } from "./models-of.ts";
import type { ReadRequest } from "./read-request.ts";
import { priceOfRequest, type RequestPrice, unpricedModel } from "./request-price.ts";
import { unpricedFeature } from "./unpriced-feature.ts";
import { type KeySnapshot, type KeyStatus, keyStatus } from "./verify-key.ts";

export type Reservation =
  | { outcome: "standing"; standing: Exclude<KeyStatus, "valid"> }
  | { outcome: "model"; model: string | undefined }
  | { outcome: "unbounded"; quota: "token" | "spend"; reason: string }
  | { outcome: "unpriced"; model: string | undefined }
  | { outcome: "denied"; quota: QuotaName; denial: QuotaDenial }
  | {
      outcome: "reserved";
      tokens: ReservedTokens;
      /** How it is charged; `undefined` where no price is known, and it costs no tokens. */
      price: RequestPrice | undefined;
      amounts: QuotaAmounts;
      now: number;
      bytes: Uint8Array | undefined;
      /** Tools that were left out. */
      omitted: readonly string[] | undefined;
      /** The body without the wish for a report of the usage, where that was put in. */
      unasked: (() => Uint8Array) | undefined;
    };

/** The tokens that a model's own template adds around the messages. JSON's syntax, counted in full, covers the rest. */
const templateTokens = 64;
/** Each turn answers another writer's change or a lower bound: neither goes on for long. */
const maxTurns = 32;

const encoder = new TextEncoder();

function isEmpty(fields: object): boolean {
  for (const _ in fields) return false;
  return true;
}

/**
 * Holds all that the request may cost before any of it is spent: all of its counters or none, under the very state
 * of the key that was checked.
 *
 * @param reservation its name in the ledger
 * @param prices `undefined` where the request costs no tokens
 * @param restate the key under another text of the ledger's
 */
export async function reserve(
  context: Context,
  reservation: LedgerName,
  key: KeySnapshot,
  restate: (key: KeySnapshot, text: string) => KeySnapshot,
  provider: AiProviderRecord,
  { endpoint, bytes, textBytes, body, reading }: ReadRequest,
  prices: PriceBook | undefined,
): Promise<Reservation> {
  const names = aiKeyLedger(key.record.keyId);
  const spends = endpoint.format !== undefined;
  const answers = reading?.answers ?? 1;
  const { proxy, webhooks } = context.settings.provisioning;
  const own = inputTokens({ textBytes, reading });
  const models = modelsOf({ endpoint, reading });
  const open = boundOf({ endpoint, body, reading }, models, provider.kind, proxy.defaultMaxOutputTokens);
  let bound = open.most;
  const price = prices && priceOfRequest(prices, provider, { endpoint, body, reading });

  for (let turn = 0; turn < maxTurns; turn++) {
    const now = context.clock.now();
    const { state } = key;
    const standing = keyStatus(state, key.digest, now);
    if (standing !== "valid") return { outcome: "standing", standing };
    if (state.models && endpoint.body) {
      const other = models.find((model) => !modelAllowed(state.models, provider.provider, model));
      if (other !== undefined || models.length === 0) return { outcome: "model", model: other };
    }
    const quotas = stricterQuotas(provider.defaultQuotas ?? {}, state.quotas);
    const spendLimited = spends && limitsUsd(quotas);
    if (spendLimited && !price) {
      return { outcome: "unpriced", model: prices && unpricedModel(prices, provider, { endpoint, reading }) };
    }
    // A free request passes a budget that is spent.
    const held = spendLimited && !price!.isFree;
    const limited = spends && (held || limitsTokens(quotas));
    const unbounded = limited && reading ? unboundedReason(reading, proxy.hostedTools) : undefined;
    if (unbounded !== undefined) {
      return { outcome: "unbounded", quota: limitsTokens(quotas) ? "token" : "spend", reason: unbounded };
    }
    const dearer = held ? unpricedFeature({ reading, body }, price!, models, proxy.hostedTools) : undefined;
    if (dearer !== undefined) return { outcome: "unbounded", quota: "spend", reason: dearer };

    const omitted = limited && proxy.hostedTools === "omit" ? reading?.hosted : undefined;
    const called = limited && proxy.hostedTools === "allow" ? reading?.hosted : undefined;
    // With each call the model reads all that came before it again, and what the call brought in.
    const input = own + (called ? called.calls * (own + proxy.mediaReferenceTokens) : 0);
    const tokens = spends ? Math.min(input + bound * answers, mostTokens) : 0;
    const inputHeld = Math.min(input, tokens);
    const microUsd = price ? price.most({ input, output: tokens - inputHeld }) : 0;
    const charges = spends ? quotaCharges(quotas, now) : [freeCallCharge(quotas, now)];
    const counted = price === undefined ? charges.filter(({ counter }) => counter !== "usd") : charges;
    const amounts: QuotaAmounts = { tokens, requests: 1, usd: microUsd };
    const entries = counted.map((charge): CounterReservation => {
      const { name, counter, period } = charge;
      const limit = counter === "usd" && !held ? null : charge.limit;
      const amount = counter === "free" ? 1 : amounts[counter];
      // A minute's quota slows down, and ends nothing.
      const tells = charge.limit !== null && quotaRules[name].span !== "minute";
      return { counter: names[counter], period, limit, amount, alertAt: tells ? webhooks.thresholds : undefined };
    });
    const capped = limited && reading?.outputBound === undefined;
    const others = {
      ...omitted?.leftOut,
      ...(limited && reading?.restated),
      ...(capped && reading?.cap(bound)),
      ...(held && provider.kind === "openrouter" && body && withinPrice(body, price!, input)),
    };
    const added = reading?.added;
    const fields = added ? { ...added, ...others } : others;
    const unasked = body && added ? () => encoder.encode(body.with(others)) : undefined;
    const rewritten = body !== undefined && !isEmpty(fields);
    // Each step that can fail does so before anything is reserved.
    const encoded = rewritten ? encodeBody(body.with(fields)) : bytes;
    const sent = encoded instanceof Promise ? await encoded : encoded;
    const answer = await context.ledger.reserve(reservation, entries, { name: names.state, text: key.text });
    if (answer.outcome === "changed") {
      key = restate(key, answer.text);
      continue;
    }
    if (answer.outcome === "exceeded") {
      const { exceeded } = answer;
      const charge =
        counted[entries.findIndex((entry) => entry.counter === exceeded.counter && entry.period === exceeded.period)]!;
      const { name } = charge;
      if (!capped || charge.counter === "free" || !quotaUnits[charge.counter].canShrink) {
        return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name }, now) };
      }
      const left = exceeded.limit - exceeded.used - exceeded.reserved;
      const affordable = charge.counter === "usd" ? price!.affordable(left, input) : left - input;
      const room = Math.floor(affordable / answers);
      const leastOutput = Math.max(endpoint.minOutput ?? 1, open.least);
      if (room >= leastOutput && room < bound) {
        bound = room;
        continue;
      }
      const output = leastOutput * answers;
      const least = charge.counter === "usd" ? price!.most({ input, output }) : input + output;
      return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name, least }, now) };
    }
    return {
      outcome: "reserved",
      tokens: { input: inputHeld, output: tokens - inputHeld },
      price,
      amounts,
      now,
      bytes: sent,
      omitted: omitted?.names,
      unasked,
    };
  }
  throw new Error("the key's state or its counters change faster than a request can be admitted");
}

function boundOf(
  { endpoint, body, reading }: Pick<ReadRequest, "endpoint" | "body" | "reading">,
  models: readonly string[],
  kind: ProviderKind,
  setting: number | undefined,
): OutputBound {
  if (reading?.outputBound !== undefined) return { most: reading.outputBound, least: 0 };
  const reasons = endpoint.format !== undefined && mayReason(endpoint.format, kind, models[0], body);
  return outputBound(providers[kind].maxOutput, models, body, setting, reasons);
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

/** The most that a request's input may be. */
export const inputTokens = ({ textBytes = 0, reading }: Pick<ReadRequest, "textBytes" | "reading">): number =>
  Math.max(0, textBytes + (reading?.inputBeyondBytes ?? 0) + templateTokens);
