import type { ReservedTokens } from "../domain/interrupted-usage.ts";
import { modelAllowed } from "../domain/model-allowed.ts";
import { limitsTokens, quotaCharges, stricterQuotas } from "../domain/quota.ts";
import { type QuotaDenial, quotaDenial } from "../domain/quota-denial.ts";
import { mostTokens } from "../domain/usage.ts";
import type { CounterReservation } from "../ports.ts";
import { unboundedReason } from "../providers/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { QuotaName } from "../schema/quota.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import type { ReadRequest } from "./read-request.ts";
import { type KeyStanding, keyStanding, type StatedKey } from "./verify-key.ts";

export type Reservation =
  | { outcome: "standing"; standing: Exclude<KeyStanding, "valid"> }
  | { outcome: "model"; model: string | undefined }
  | { outcome: "unbounded"; reason: string }
  | { outcome: "denied"; quota: QuotaName; denial: QuotaDenial }
  | { outcome: "reserved"; tokens: ReservedTokens; now: number; bytes: Uint8Array | undefined };

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
  key: StatedKey,
  restate: (key: StatedKey, text: string) => StatedKey,
  provider: AiProviderRecord,
  { endpoint, bytes, textBytes, body, reading }: ReadRequest,
): Promise<Reservation> {
  const names = aiKeyLedger(key.record.keyId);
  const spends = endpoint.format !== undefined;
  const answers = reading?.answers ?? 1;
  const input = inputTokens({ textBytes, reading });
  let bound = reading?.outputBound ?? context.settings.provisioning.proxy.defaultMaxOutputTokens;

  for (let turn = 0; turn < maxTurns; turn++) {
    const now = context.clock.now();
    const { state } = key;
    const standing = keyStanding(state, key.digest, now);
    if (standing !== "valid") return { outcome: "standing", standing };
    if (state.models && endpoint.body) {
      const asked = modelsOf({ endpoint, reading });
      const other = asked.find((model) => !modelAllowed(state.models, provider.provider, model));
      if (other !== undefined || asked.length === 0) return { outcome: "model", model: other };
    }
    const quotas = stricterQuotas(provider.defaultQuotas ?? {}, state.quotas);
    const limited = spends && limitsTokens(quotas);
    const unbounded = limited && reading ? unboundedReason(reading) : undefined;
    if (unbounded !== undefined) return { outcome: "unbounded", reason: unbounded };

    const tokens = spends ? Math.min(input + bound * answers, mostTokens) : 0;
    const charges = quotaCharges(quotas, now).filter(({ counter }) => spends || counter === "requests");
    const entries = charges.map(
      ({ counter, period, limit }): CounterReservation => ({
        counter: names[counter],
        period,
        limit,
        amount: counter === "tokens" ? tokens : 1,
      }),
    );
    const capped = limited && reading?.outputBound === undefined;
    const fields = { ...reading?.added, ...(limited && reading?.restated), ...(capped && reading?.cap(bound)) };
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
      const leastOutput = Math.min(endpoint.minOutput ?? 1, bound);
      if (room >= leastOutput && room < bound) {
        bound = room;
        continue;
      }
      const least = input + leastOutput * answers;
      return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name, least }, now) };
    }
    const held = Math.min(input, tokens);
    return { outcome: "reserved", tokens: { input: held, output: tokens - held }, now, bytes: sent };
  }
  throw new Error("the key's state or its counters change faster than a request can be admitted");
}

/** The most that a request's input may be. */
export const inputTokens = ({ textBytes = 0, reading }: Pick<ReadRequest, "textBytes" | "reading">): number =>
  Math.max(0, textBytes + (reading?.inputBeyondBytes ?? 0) + templateTokens);

/** Every model that may serve the request. */
export const modelsOf = ({ endpoint, reading }: Pick<ReadRequest, "endpoint" | "reading">): string[] => [
  ...(endpoint.model === undefined ? [] : [endpoint.model]),
  ...(reading?.models ?? []),
];
