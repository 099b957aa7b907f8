import { type QuotaDenial, quotaDenial } from "../domain/quota-denial.ts";
import { quotaUnits } from "../domain/quota-rules.ts";
import type { CounterReservation, LedgerName, Reserved } from "../ports.ts";
import type { QuotaName } from "../schema/quota.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { encodeBody } from "./encode-body.ts";
import { chargeOf, type PricedRequest, type RequestCharge, type Uncharged } from "./request-charge.ts";
import type { KeySnapshot } from "./verify-key.ts";

export type Reservation =
  | Uncharged
  | { outcome: "denied"; quota: QuotaName; denial: QuotaDenial }
  | {
      outcome: "reserved";
      charge: RequestCharge;
      /** The body as it is sent. */
      bytes: Uint8Array | undefined;
    };
export type Denied = Extract<Reservation, { outcome: "denied" }>;
type Exceeded = Extract<Reserved, { outcome: "exceeded" }>["exceeded"];

/** Each turn answers another writer's change or a lower bound: neither goes on for long. */
const maxTurns = 32;

/**
 * Holds all that the request may cost before any of it is spent: all of its counters or none, under the very state
 * of the key that was checked.
 *
 * @param reservation its name in the ledger
 * @param restate the key under another text of the ledger's
 */
export async function reserve(
  { ledger, clock, settings }: Pick<Context, "ledger" | "clock" | "settings">,
  reservation: LedgerName,
  priced: PricedRequest,
  key: KeySnapshot,
  restate: (key: KeySnapshot, text: string) => KeySnapshot | Promise<KeySnapshot>,
): Promise<Reservation> {
  const name = aiKeyLedger(key.record.keyId).state;
  let bound = priced.output.most;
  for (let turn = 0; turn < maxTurns; turn++) {
    const charge = chargeOf(settings, priced, key, bound, clock.now());
    if (charge.outcome !== "charged") return charge;
    // Each step that can fail does so before anything is reserved.
    const encoded = charge.text === undefined ? priced.request.bytes : encodeBody(charge.text);
    const bytes = encoded instanceof Promise ? await encoded : encoded;
    const answer = await ledger.reserve(reservation, charge.entries, { name, text: key.text });
    if (answer.outcome === "reserved") return { outcome: "reserved", charge, bytes };
    if (answer.outcome === "changed") key = await restate(key, answer.text);
    else {
      const lower = lowerBound(priced, charge, answer.exceeded, bound);
      if (typeof lower === "object") return lower;
      bound = lower;
    }
  }
  throw new Error("the key's state or its counters change faster than a request can be admitted");
}

/** The output that what is left pays for, where an answer of it is of use. */
function lowerBound(priced: PricedRequest, charge: RequestCharge, exceeded: Exceeded, bound: number): number | Denied {
  const { price, input, now } = charge;
  const { endpoint, reading } = priced.request;
  const isTheirs = ({ counter, period }: CounterReservation) =>
    counter === exceeded.counter && period === exceeded.period;
  const { name, counter } = charge.charges[charge.entries.findIndex(isTheirs)]!;
  if (!charge.isCapped || counter === "free" || !quotaUnits[counter].canShrink) {
    return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name }, now) };
  }
  const answers = reading?.answers ?? 1;
  const left = exceeded.limit - exceeded.used - exceeded.reserved;
  const affordable = counter === "usd" ? price!.affordable(left, input) : left - input;
  const room = Math.floor(affordable / answers);
  const leastOutput = Math.max(endpoint.minOutput ?? 1, priced.output.least);
  if (room >= leastOutput && room < bound) return room;
  const output = leastOutput * answers;
  const least = counter === "usd" ? price!.most({ input, output }) : input + output;
  return { outcome: "denied", quota: name, denial: quotaDenial({ ...exceeded, name, least }, now) };
}
