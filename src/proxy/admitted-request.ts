import type { LedgerName } from "../ports.ts";
import type { ProviderWire } from "../providers/shared/wire.ts";
import type { AiKeyRecord } from "../schema/ai-key.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import { createProviderHealth, type ProviderHealth } from "../service/alerts/provider-health.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { errorEvent } from "./error-event.ts";
import { failureCost } from "./failure-cost.ts";
import { goesOn } from "./goes-on.ts";
import { upstreamHeaders } from "./headers.ts";
import { hiddenCost } from "./hidden-output.ts";
import { createMasterKeyAlarm } from "./master-key-alarm.ts";
import { modelsOf } from "./models-of.ts";
import { outputPace } from "./output-pace.ts";
import type { ProxyRequest, Target } from "./proxy-request.ts";
import type { ReadRequest } from "./read-request.ts";
import { type Refusal, refusal } from "./refuse.ts";
import type { RequestCharge } from "./request-charge.ts";
import type { Reservation } from "./reserve.ts";
import { createSettlements, type OpenReservation, type Settlement } from "./settle.ts";
import type { Ending, Standing } from "./standings.ts";
import type { UpstreamBase } from "./upstream-bases.ts";
import { createJsonMeter } from "./usage/json-meter.ts";
import type { Meter, MeterOptions } from "./usage/meter.ts";
import { createSniffingMeter } from "./usage/sniffing-meter.ts";
import { createSseMeter } from "./usage/sse-meter.ts";
import type { UsageAsking } from "./usage-asking.ts";

/** A request that is paid for: what to send, how to read the answer, and how to settle. */
export interface AdmittedRequest extends Settlement {
  outcome: "granted";
  requestId: string;
  method: string;
  /** The upstream's scheme and host. */
  origin: string;
  /** Path and query there. */
  path: string;
  /** Names in lower case and values, by turns; one of them is the master key. */
  headers: string[];
  body: Uint8Array | undefined;
  /** All that may be sent for it. */
  masterKeys: readonly string[];
  /** Reads an answer of 2xx; `undefined` where it costs no tokens. */
  meter(contentType: string | null | undefined): Meter | undefined;
  /**
   * Another step than to hand on an answer of 4xx or 5xx: ask again with this body and the headers as they are by then,
   * or say this. Called before the answer is settled.
   */
  instead(status: number, body: Uint8Array): { again: Uint8Array | undefined } | { refusal: Refusal } | undefined;
  /** Settles an answer of 4xx or 5xx, of which this is the body, as far as it came. */
  failed(status: number, body: Uint8Array | undefined): void;
  /** When the client leaves, the answer is read to its end all the same: the provider bills it whole. */
  readsOn: boolean;
  standing: Standing;
  /** Our own headers, besides the provider's. */
  answerHeaders: Readonly<Record<string, string>>;
  /** The event that ends a stream which may not go on. */
  errorEvent(ending: Ending): string;
  /** The answer to a failure of the upstream's connection. */
  refuse(status: number, message: string): Refusal;
}

export interface AdmissionParts {
  proxyRequest: ProxyRequest;
  target: Target;
  wire: ProviderWire;
  provider: AiProviderRecord;
  record: AiKeyRecord;
  digest: string;
  request: ReadRequest;
  reserved: Extract<Reservation, { outcome: "reserved" }>;
  /** Its name in the ledger. */
  reservation: LedgerName;
  /** The first is sent, the others where it is refused. */
  masterKeys: readonly string[];
  idempotencyKey: string | undefined;
  /** `YYYY-MM-DD` of the admission. */
  day: string;
  /** The model that is asked first, as the request names it. */
  model: string | undefined;
  /** Its name in the usage table. */
  usageModel: string;
  base: UpstreamBase;
  /** Called once, when it is settled. */
  ended(): void;
}

/** One type, and no list of several that an upstream may have sent. */
const jsonType = /^application\/json *(;[^,]*)?$/;
const eventStreamType = /^text\/event-stream *(;[^,]*)?$/;

/** Told by the answer's content type, whatever its parameters. */
export const isEventStream = (contentType: string | null | undefined): boolean =>
  eventStreamType.test(contentType?.toLowerCase() ?? "");

/** The parts that all requests of a process share. */
interface Book {
  asking: UsageAsking;
  health: ProviderHealth;
  settlements: (open: OpenReservation) => Settlement;
  masterKeyRefused: ReturnType<typeof createMasterKeyAlarm>;
}

/**
 * Serves one process: its requests share the health of providers, the settlements, and what is known of who tells its
 * usage.
 */
export function createAdmittedRequests(
  context: Context,
  asking: UsageAsking,
): (granted: AdmissionParts) => AdmittedRequest {
  const health = createProviderHealth(context);
  const settlements = createSettlements(context, health);
  const book: Book = { asking, health, settlements, masterKeyRefused: createMasterKeyAlarm(context) };
  return (granted) => new Admitted(book, granted);
}

const noHeaders: Readonly<Record<string, string>> = {};

/** A class: each request under way is one, and closures over as much would be several times the garbage. */
class Admitted implements AdmittedRequest {
  readonly outcome = "granted";
  readonly requestId: string;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
  body: Uint8Array | undefined;
  readonly masterKeys: readonly string[];
  readonly readsOn: boolean;
  readonly standing: Standing;
  readonly answerHeaders: Readonly<Record<string, string>>;
  readonly #book: Book;
  readonly #wire: ProviderWire;
  readonly #cors: ProxyRequest["cors"];
  readonly #unasked: RequestCharge["unasked"];
  readonly #open: OpenReservation;
  readonly #settlement: Settlement;
  readonly #metering: MeterOptions | undefined;
  readonly #model: string | undefined;
  #refused = 0;
  #askedAgain = false;

  constructor(book: Book, granted: AdmissionParts) {
    const { proxyRequest, target, wire, provider, record, digest, request, reserved, masterKeys, base } = granted;
    const { endpoint, reading } = request;
    const { format } = endpoint;
    const { charge } = reserved;
    this.requestId = proxyRequest.requestId;
    this.method = proxyRequest.method;
    this.origin = base.origin;
    this.path = base.prefix + endpoint.path + forwardedQuery(target.query, wire.query);
    this.headers = upstreamHeaders(proxyRequest.headers, {
      credential: wire.credential(masterKeys[0]!),
      idempotencyKey: granted.idempotencyKey,
      hasBody: reserved.bytes !== undefined,
    });
    this.body = reserved.bytes;
    this.masterKeys = masterKeys;
    this.readsOn = goesOn(provider.kind, format, request.body);
    this.standing = { keyId: record.keyId, digest, providerId: provider.id };
    const { cors = noHeaders } = proxyRequest;
    this.answerHeaders = charge.omitted ? { ...cors, "x-openclaw-omitted-tools": charge.omitted.join(", ") } : cors;
    this.#book = book;
    this.#wire = wire;
    this.#cors = proxyRequest.cors;
    this.#unasked = charge.unasked;
    this.#model = granted.model;
    this.#open = {
      names: aiKeyLedger(record.keyId),
      reservation: granted.reservation,
      day: granted.day,
      model: granted.usageModel,
      isFree: format === undefined,
      reserved: charge.tokens,
      price: charge.price,
      amounts: charge.amounts,
      answers: reading?.answers ?? 1,
      pace: outputPace(provider, base.origin, request, charge.omitted),
      provider,
      byFallback: false,
      agentId: record.agentId,
      requestId: proxyRequest.requestId,
      since: charge.now,
      ended: granted.ended,
    };
    this.#metering = format && {
      format,
      dropInjected: charge.unasked !== undefined && !reading?.wantsUsage,
      answers: reading?.answers ?? 1,
      writesText: reading?.outputBound !== 0 && !reading?.fillsCache,
      hidden: hiddenCost(format, provider.kind, modelsOf(request), request.body),
    };
    // At last: from here on it is to be settled.
    this.#settlement = book.settlements(this.#open);
  }

  meter(contentType: string | null | undefined): Meter | undefined {
    if (this.#metering === undefined) return undefined;
    const type = contentType?.toLowerCase() ?? "";
    if (jsonType.test(type)) return createJsonMeter(this.#metering);
    return eventStreamType.test(type) ? createSseMeter(this.#metering) : createSniffingMeter(this.#metering);
  }

  instead(status: number, answer: Uint8Array): ReturnType<AdmittedRequest["instead"]> {
    const { asking, masterKeyRefused, health } = this.#book;
    const { provider } = this.#open;
    if (this.#unasked && !this.#askedAgain && asking.mayRefuse(status, answer)) {
      this.#askedAgain = true;
      if (this.#metering) this.#metering.dropInjected = false;
      this.body = this.#unasked();
      return { again: this.body };
    }
    const message = masterKeyRefused(provider, status, answer);
    if (message !== undefined) health.refusesKey(provider, status);
    const fallback = message !== undefined || status === 403 ? this.masterKeys[this.#refused + 1] : undefined;
    if (fallback !== undefined) {
      this.#refused++;
      this.#open.byFallback = true;
      this.headers.splice(0, 2, ...this.#wire.credential(fallback));
      return { again: this.body };
    }
    if (message === undefined) return undefined;
    const fields = { ...this.#cors, "x-should-retry": "false" };
    return { refusal: refusal(this.#wire, this.requestId, { status: 502, message, headers: fields }) };
  }

  failed(status: number, body: Uint8Array | undefined): void {
    const cost = failureCost(status, body);
    if (cost === "nothing") this.refused(String(status));
    else if (cost === "unknown") this.abandon(String(status));
    else {
      const meter = this.#metering && createSniffingMeter({ ...this.#metering, dropInjected: false });
      meter?.push(body!);
      meter?.end();
      this.finish(meter);
    }
  }

  errorEvent(ending: Ending): string {
    const error = this.#wire.error({ ...ending, requestId: this.requestId });
    return errorEvent(this.#metering?.format, error);
  }

  refuse(status: number, message: string): Refusal {
    return refusal(this.#wire, this.requestId, { status, message, headers: this.#cors });
  }

  release(reason: string): void {
    this.#settlement.release(reason);
  }

  refused(reason: string): void {
    this.#settlement.refused(reason);
  }

  abandon(reason: string): void {
    this.#settlement.abandon(reason);
  }

  finish(meter: Meter | undefined, unread?: boolean): void {
    // A refusal may repeat words of the client's, or of an address that it names: only the usage, told unasked, proves it.
    if (this.#askedAgain && meter?.isComplete()) {
      this.#book.asking.tellsUnasked(this.#open.provider.id, this.#model);
    }
    this.#settlement.finish(meter, unread);
  }

  charged(): number {
    return this.#settlement.charged();
  }
}

function forwardedQuery(query: URLSearchParams | undefined, allowed: ReadonlySet<string>): string {
  if (!query) return "";
  const kept = new URLSearchParams([...query].filter(([name]) => allowed.has(name)));
  return kept.size === 0 ? "" : `?${kept}`;
}
