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

interface ToReserve {
  /** Its name in the ledger. */
  reservation: LedgerName;
  priced: PricedRequest;
  key: KeySnapshot;
  /** The key under another text of the ledger's. */
  restate(key: KeySnapshot, text: string): KeySnapshot | Promise<KeySnapshot>;
}

/**
 * Holds all that the request may cost before any of it is spent: all of its counters or none, under the very state
 * of the key that was checked.
 *
 * @param bound the most output of an answer, in tokens
 */
export function reserve(
  context: Pick<Context, "ledger" | "clock" | "settings">,
  wanted: ToReserve,
  bound = wanted.priced.output.most,
  turns = maxTurns,
): Reservation | Promise<Reservation> {
  if (turns === 0) throw new Error("the key's state or its counters change faster than a request can be admitted");
  const { reservation, priced, key, restate } = wanted;
  const { ledger, clock, settings } = context;
  const asked = chargeOf(settings, priced, key, bound, clock.now());
  if (asked.outcome !== "charged") return asked;
  const charge: RequestCharge = asked;
  // Each step that can fail does so before anything is reserved.
  const encoded = charge.text === undefined ? priced.request.bytes : encodeBody(charge.text);
  return encoded instanceof Promise ? encoded.then(hold) : hold(encoded);

  function hold(bytes: Uint8Array | undefined): Promise<Reservation> {
    const name = aiKeyLedger(key.record.keyId).state;
    const reserved = ledger.reserve(reservation, charge.entries, { name, text: key.text });
    return reserved.then((answer) => {
      if (answer.outcome === "reserved") return { outcome: "reserved", charge, bytes };
      if (answer.outcome === "changed") {
        const current = restate(key, answer.text);
        return current instanceof Promise ? current.then(again) : again(current);
      }
      const lower = lowerBound(priced, charge, answer.exceeded, bound);
      if (typeof lower === "object") return lower;
      return reserve(context, wanted, lower, turns - 1);
    });
  }

  function again(newer: KeySnapshot): Reservation | Promise<Reservation> {
    return reserve(context, { ...wanted, key: newer }, bound, turns - 1);
  }
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
