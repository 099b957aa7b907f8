import { freeCallCharge } from "../domain/free-calls.ts";
import type { ReservedTokens } from "../domain/interrupted-usage.ts";
import { modelAllowed } from "../domain/model-allowed.ts";
import type { ProviderKind } from "../domain/provider-facts.ts";
import { limitsTokens, quotaCharges, stricterQuotas } from "../domain/quota.ts";
import { type QuotaDenial, quotaDenial } from "../domain/quota-denial.ts";
import { mostTokens } from "../domain/usage.ts";
import type { CounterReservation } from "../ports.ts";
import { providers } from "../providers/registry.ts";
import { type OutputBound, outputBound } from "../providers/shared/output-bounds.ts";
import { unboundedReason } from "../providers/shared/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { QuotaName } from "../schema/quota.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { mayReason } from "./hidden-output.ts";
import type { ReadRequest } from "./read-request.ts";
import { type KeySnapshot, type KeyStatus, keyStatus } from "./verify-key.ts";

export type Reservation =
  | { outcome: "standing"; standing: Exclude<KeyStatus, "valid"> }
  | { outcome: "model"; model: string | undefined }
  | { outcome: "unbounded"; reason: string }
  | { outcome: "denied"; quota: QuotaName; denial: QuotaDenial }
  | {
      outcome: "reserved";
      tokens: ReservedTokens;
      now: number;
      bytes: Uint8Array | undefined;
      /** Tools that were left out. */
      omitted: readonly string[] | undefined;
      /** The body without the wish for a report of the usage, where that was put in. */
      unasked: (() => Uint8Array) | undefined;
    };

/** What a model's own template adds around the messages; JSON's syntax, counted in full, covers the rest. */
const templateTokens = 64;
/** Each turn answers another writer's change or a lower bound: neither goes on for long. */
const maxTurns = 32;

const encoder = new TextEncoder();

/**
 * Holds all that the request may cost before any of it is spent: all of its counters or none, under the very state
 * of the key that was checked.
 *
 * @param id names the reservation, below the key
 * @param restate the key under another text of the ledger's
 */
export async function reserve(
  context: Context,
  id: string,
  key: KeySnapshot,
  restate: (key: KeySnapshot, text: string) => KeySnapshot,
  provider: AiProviderRecord,
  { endpoint, bytes, textBytes, body, reading }: ReadRequest,
): Promise<Reservation> {
  const names = aiKeyLedger(key.record.keyId);
  const spends = endpoint.format !== undefined;
  const answers = reading?.answers ?? 1;
  const { proxy } = context.settings.provisioning;
  const own = inputTokens({ textBytes, reading });
  const models = modelsOf({ endpoint, reading });
  const open = boundOf({ endpoint, body, reading }, provider.kind, proxy.defaultMaxOutputTokens);
  let bound = open.most;

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
    const limited = spends && limitsTokens(quotas);
    const unbounded = limited && reading ? unboundedReason(reading, proxy.hostedTools) : undefined;
    if (unbounded !== undefined) return { outcome: "unbounded", reason: unbounded };

    const omitted = limited && proxy.hostedTools === "omit" ? reading?.hosted : undefined;
    const called = limited && proxy.hostedTools === "allow" ? reading?.hosted : undefined;
    // With each call the model reads all that came before it again, and what the call brought in.
    const input = own + (called ? called.calls * (own + proxy.mediaReferenceTokens) : 0);
    const tokens = spends ? Math.min(input + bound * answers, mostTokens) : 0;
    const charges = spends ? quotaCharges(quotas, now) : [freeCallCharge(quotas, now)];
    const entries = charges.map(
      ({ counter, period, limit }): CounterReservation => ({
        counter: names[counter],
        period,
        limit,
        amount: counter === "tokens" ? tokens : 1,
      }),
    );
    const capped = limited && reading?.outputBound === undefined;
    const others = {
      ...omitted?.leftOut,
      ...(limited && reading?.restated),
      ...(capped && reading?.cap(bound)),
    };
    const fields = { ...reading?.added, ...others };
    const unasked = body && reading?.added ? () => encoder.encode(body.with(others)) : undefined;
    const rewritten = body !== undefined && Object.keys(fields).length > 0;
    // Whatever can fail does so before anything is reserved.
    const sent = rewritten ? encoder.encode(body.with(fields)) : bytes;
    const answer = await context.ledger.reserve(names.reservation(id), entries, { name: names.state, text: key.text });
    if (answer.outcome === "changed") {
      key = restate(key, answer.text);
      continue;
    }
    if (answer.outcome === "exceeded") {
      const { exceeded } = answer;
      const charge =
        charges[entries.findIndex((entry) => entry.counter === exceeded.counter && entry.period === exceeded.period)]!;
      const { name } = charge;
      if (!capped || charge.counter !== "tokens") {
        return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name }, now) };
      }
      const room = Math.floor((exceeded.limit - exceeded.used - exceeded.reserved - input) / answers);
      const leastOutput = Math.max(endpoint.minOutput ?? 1, open.least);
      if (room >= leastOutput && room < bound) {
        bound = room;
        continue;
      }
      const least = input + leastOutput * answers;
      return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name, least }, now) };
    }
    const held = Math.min(input, tokens);
    return {
      outcome: "reserved",
      tokens: { input: held, output: tokens - held },
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
  kind: ProviderKind,
  setting: number | undefined,
): OutputBound {
  if (reading?.outputBound !== undefined) return { most: reading.outputBound, least: 0 };
  const models = modelsOf({ endpoint, reading });
  const reasons = endpoint.format !== undefined && mayReason(endpoint.format, kind, models[0], body);
  return outputBound(providers[kind].maxOutput, models, body, setting, reasons);
}

/** The most that a request's input may be. */
export const inputTokens = ({ textBytes = 0, reading }: Pick<ReadRequest, "textBytes" | "reading">): number =>
  Math.max(0, textBytes + (reading?.inputBeyondBytes ?? 0) + templateTokens);

/** Every model that may serve the request. */
export const modelsOf = ({ endpoint, reading }: Pick<ReadRequest, "endpoint" | "reading">): string[] => [
  ...(endpoint.model === undefined ? [] : [endpoint.model]),
  ...(reading?.models ?? []),
];
