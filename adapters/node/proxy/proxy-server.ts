import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdmittedRequest } from "../../../src/proxy/admitted-request.ts";
import type { ProxyRequest } from "../../../src/proxy/proxy-request.ts";
import type { Refusal } from "../../../src/proxy/refuse.ts";
import type { Proxy as MeteringProxy } from "../../../src/proxy/web-proxy.ts";
import type { Context } from "../../../src/service/context.ts";
import { createRequestAddress } from "../client-address.ts";
import { tellOfKeys } from "../key-metrics.ts";
import { outgoingProxies } from "../outgoing-proxies.ts";
import { relay } from "./node-relay.ts";
import { ownDecoders } from "./own-decoders.ts";
import { freeBody, readBody } from "./read-body.ts";
import { type CutOff, createStreamWatch } from "./stream-watch.ts";
import { createUpstreams } from "./upstreams.ts";

export interface ProxyServer {
  /** Answers a request whose URL begins with `/proxy/`. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Metered requests under way, those among them that nobody waits for any more. */
  underWay(): number;
  /** Ends the metered requests that are under way, with an error in their provider's shape. */
  cutAll(): Promise<CutOff>;
  /** Closes the connections upstream; what is under way is cut. */
  close(): Promise<void>;
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
  const addressOf = createRequestAddress(trustedProxies);
  const proxies = outgoingProxies();
  const upstreams = createUpstreams(proxy, proxies);
  const keys = tellOfKeys(context);
  context.metrics.beforeRender(() => context.metrics.gauge("openclaw_proxy_streams_open", watch.size()));

  function relayOrAbandon(admitted: AdmittedRequest, response: ServerResponse): void {
    keys.used(admitted.standing.keyId);
    try {
      relay(admitted, response, { upstreams, proxies, watch, log: context.log });
    } catch (error) {
      admitted.abandon("failed");
      throw error;
    }
  }

  return {
    handle(request, response) {
      // A client that is gone is no failure of ours; without a listener its reset would end the process.
      request.on("error", () => {});
      response.on("error", () => {});
      let bytes: Uint8Array | undefined;
      const proxyRequest: ProxyRequest = {
        method: request.method ?? "GET",
        target: request.url ?? "",
        headers: lowered(request.rawHeaders),
        address: () => addressOf(request) ?? "unknown",
        requestId: newRequestId(),
        decoders: ownDecoders,
        async body(...how) {
          const read = await readBody(request, ...how);
          if (read.outcome === "read") bytes = read.bytes;
          return read;
        },
      };
      admit(proxyRequest)
        .then((admission) => {
          if (admission.outcome !== "granted" && bytes) freeBody(bytes);
          // The text sent may be another one, and the request lives for as long as the answer.
          bytes = undefined;
          if (admission.outcome === "refused") refuse(response, admission);
          else if (admission.outcome === "answered") response.writeHead(admission.status, admission.headers).end();
          else if (admission.outcome === "granted") relayOrAbandon(admission, response);
        })
        .catch((cause: unknown) => {
          // A rejection that nobody takes would end the process.
          context.log("error", "a proxied request failed", { requestId: proxyRequest.requestId, cause });
          response.destroy();
        });
    },
    underWay: () => watch.size(),
    cutAll: () => watch.cutAll({ status: 503, message: restartedMessage }),
    close: () => upstreams.close(),
  };
}

const restartedMessage = "This service was restarted while the answer was under way; try again";

let requests = 0;
const processPart = crypto.randomUUID().slice(0, 13).replace("-", "");
/** Unique, and no secret: a random one would cost more than the hash of the key. */
const newRequestId = (): string => `req_${processPart}${(requests++).toString(36).padStart(6, "0")}`;

function lowered(raw: readonly string[]): string[] {
  const headers = raw.slice();
  for (let at = 0; at < headers.length; at += 2) headers[at] = headers[at]!.toLowerCase();
  return headers;
}

function refuse(response: ServerResponse, { status, headers, body }: Refusal): void {
  const close = status === 408 && { connection: "close" };
  response.writeHead(status, { ...headers, ...close, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
