import type { IncomingMessage, ServerResponse } from "node:http";
import { countInLetters, newRequestId } from "../../../src/domain/request-id.ts";
import type { AdmittedRequest } from "../../../src/proxy/admitted-request.ts";
import type { ProxyRequest, ReadBody } from "../../../src/proxy/proxy-request.ts";
import type { Refusal } from "../../../src/proxy/refuse.ts";
import type { Proxy as MeteringProxy } from "../../../src/proxy/web-proxy.ts";
import type { Context } from "../../../src/service/context.ts";
import { createClientAddress, type ForwardedFields } from "../client-address.ts";
import { tellOfKeys } from "../key-metrics.ts";
import { outgoingProxies } from "../outgoing-proxies.ts";
import { createTurnBatch } from "../turn-batch.ts";
import { type ClientAnswer, nodeAnswer } from "./client-answer.ts";
import { relay } from "./node-relay.ts";
import { ownDecoders } from "./own-decoders.ts";
import type { PlainExchange } from "./plain-exchange.ts";
import { type BodyTerms, freeBody, readBody } from "./read-body.ts";
import { type CutOff, createStreamWatch } from "./stream-watch.ts";
import { createUpstreams } from "./upstreams.ts";

/** The metering proxy on Node. */
export interface ProxyServer {
  /** Answers a request whose URL begins with `/proxy/`. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Answers one that was read from the socket itself. Never throws. */
  handlePlain(exchange: PlainExchange): void;
  /** Metered requests under way, those among them that nobody waits for any more. */
  underWay(): number;
  /** Ends the metered requests that are under way, with an error in their provider's shape. */
  cutAll(): Promise<CutOff>;
  /** Closes the connections upstream; what is under way is cut. */
  close(): Promise<void>;
}

/** A request as it came, by either way. */
interface ReceivedRequest {
  method: string;
  target: string;
  headers: string[];
  remoteAddress(): string | undefined;
  body(...terms: BodyTerms): ReadBody | Promise<ReadBody>;
}

/** As the admission takes it. */
class AskedRequest implements ProxyRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly requestId = nextRequestId();
  readonly decoders = ownDecoders;
  cors: ProxyRequest["cors"];
  readonly #received: ReceivedRequest;
  readonly #clientAddress: ReturnType<typeof createClientAddress>;
  #bytes: Uint8Array | undefined;

  constructor(received: ReceivedRequest, clientAddress: ReturnType<typeof createClientAddress>) {
    this.method = received.method;
    this.target = received.target;
    this.headers = received.headers;
    this.#received = received;
    this.#clientAddress = clientAddress;
  }

  address(): string {
    return this.#clientAddress(this.#received.remoteAddress(), forwardedFields(this.headers)) ?? "unknown";
  }

  body(...terms: BodyTerms): ReadBody | Promise<ReadBody> {
    const read = this.#received.body(...terms);
    return read instanceof Promise ? read.then((body) => this.#keep(body)) : this.#keep(read);
  }

  /** @param free nobody else has it */
  dropBody(free: boolean): void {
    if (free && this.#bytes !== undefined) freeBody(this.#bytes);
    this.#bytes = undefined;
  }

  #keep(read: ReadBody): ReadBody {
    if (read.outcome === "read") this.#bytes = read.bytes;
    return read;
  }
}

/**
 * The metering proxy on Node's own request and response: below the fetch layer, whose `Response` alone costs more than
 * all the work here. The shared code admits, meters and settles.
 */
export function createProxyServer(
  { admit, standings }: Pick<MeteringProxy, "admit" | "standings">,
  context: Context,
): ProxyServer {
  const watch = createStreamWatch(standings, context.log);
  const { proxy, trustedProxies } = context.settings.provisioning;
  const clientAddress = createClientAddress(trustedProxies);
  const proxies = outgoingProxies();
  const upstreams = createUpstreams(proxy, proxies);
  const keys = tellOfKeys(context);
  context.metrics.beforeRender(() => context.metrics.gauge("openclaw_proxy_streams_open", watch.size()));

  function relayOrAbandon(admitted: AdmittedRequest, client: ClientAnswer): void {
    keys.used(admitted.standing.keyId);
    try {
      relay(admitted, client, { upstreams, proxies, watch, log: context.log });
    } catch (error) {
      admitted.abandon("failed");
      throw error;
    }
  }

  function answer(request: ReceivedRequest, client: ClientAnswer): void {
    const asked = new AskedRequest(request, clientAddress);
    admit(asked)
      .then((admission) => {
        // The text sent may be another one, and the request lives for as long as the answer.
        asked.dropBody(admission.outcome !== "granted");
        if (admission.outcome === "refused") refuse(client, admission);
        else if (admission.outcome === "answered") client.whole(admission.status, flat(admission.headers), undefined);
        else if (admission.outcome === "granted") relayOrAbandon(admission, client);
      })
      .catch((cause: unknown) => {
        // A rejection that nobody takes would end the process.
        context.log("error", "a proxied request failed", { requestId: asked.requestId, cause });
        client.destroy();
      });
  }

  const answerPlain = (exchange: PlainExchange): void => answer(exchange, exchange);
  const answerTogether = createTurnBatch(answerPlain, setImmediate);

  return {
    handle(request, response) {
      // A client that is gone is no failure of ours; without a listener its reset would end the process.
      request.on("error", () => {});
      response.on("error", () => {});
      const received: ReceivedRequest = {
        method: request.method ?? "GET",
        target: request.url ?? "",
        headers: lowered(request.rawHeaders),
        remoteAddress: () => request.socket.remoteAddress,
        body: (...terms) => readBody(request, ...terms),
      };
      answer(received, nodeAnswer(response));
    },
    handlePlain: (exchange) => (watch.size() === 0 ? answerPlain(exchange) : answerTogether(exchange)),
    underWay: () => watch.size(),
    cutAll: () => watch.cutAll({ status: 503, message: restartedMessage }),
    close: () => upstreams.close(),
  };
}

const restartedMessage = "This service was restarted while the answer was under way; try again";

let requests = 0;
const processPart = newRequestId((length) => crypto.getRandomValues(new Uint8Array(length))).slice(0, 16);
/** Unique, and no secret: a random one would cost more than the hash of the key. */
const nextRequestId = (): string => processPart + countInLetters(requests++);

function lowered(raw: readonly string[]): string[] {
  const headers = raw.slice();
  for (let at = 0; at < headers.length; at += 2) headers[at] = headers[at]!.toLowerCase();
  return headers;
}

function refuse(client: ClientAnswer, { status, headers, body }: Refusal): void {
  client.whole(status, flat(status === 408 ? { ...headers, connection: "close" } : headers), body);
}

const flat = (fields: Record<string, string>): string[] => Object.entries(fields).flat();

/** As `node:http` joins them. */
function forwardedFields(headers: readonly string[]): ForwardedFields {
  const fields: { "x-forwarded-for"?: string; forwarded?: string } = {};
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (name !== "x-forwarded-for" && name !== "forwarded") continue;
    const before = fields[name];
    fields[name] = before === undefined ? headers[at + 1]! : `${before}, ${headers[at + 1]}`;
  }
  return fields;
}
