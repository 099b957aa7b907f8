import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerRequest } from "srvx";
import { sendNodeResponse, toNodeHandler } from "srvx/node";
import type { App } from "../../src/app.ts";
import { newRequestId } from "../../src/domain/request-id.ts";
import { Problem } from "../../src/errors.ts";
import { respondProblem } from "../../src/http/respond.ts";
import { createClientAddress } from "./client-address.ts";
import { tellOfProcess } from "./process-metrics.ts";
import { createProxyServer, type ProxyServer } from "./proxy/proxy-server.ts";

/** Answers what arrives on the server's port, by way of `node:http` or not. */
export interface RequestListener {
  /** Answers the request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  handlePlain: ProxyServer["handlePlain"];
  underWay: ProxyServer["underWay"];
  cutAll: ProxyServer["cutAll"];
  /** Closes the connections upstream; what is under way is cut. */
  close(): Promise<void>;
}

/** Fields that Node keeps the first of, or joins: a repeated credential or Host must not pass unseen. */
const singleFields = new Set(["authorization", "x-agent-provisioning-key", "host"]);

/** Puts what came twice into a form that is refused later. */
function joinRepeated(request: IncomingMessage): void {
  const seen = new Map<string, string>();
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]!.toLowerCase();
    if (!singleFields.has(name)) continue;
    const before = seen.get(name);
    if (before !== undefined) request.headers[name] = `${before}, ${request.rawHeaders[at + 1]}`;
    seen.set(name, request.rawHeaders[at + 1]!);
  }
}

/**
 * Path and query of the request's target; `undefined` where it is no address (RFC 9112, 3.2), which no later `new URL`
 * could take either.
 */
function pathOf({ url = "/", headers: { host = "" } }: IncomingMessage): string | undefined {
  if (host !== "" && !URL.canParse(`http://${host}`)) return undefined;
  if (url.startsWith("/") || url === "*") return url;
  const target = URL.parse(url);
  return target && /^https?:$/.test(target.protocol) ? target.pathname + target.search : undefined;
}

/** The app on Node's own request and response: the proxy below the fetch layer, everything else through it. */
export function createRequestListener(app: App): RequestListener {
  const clientAddress = createClientAddress(app.context.settings.provisioning.trustedProxies);
  const proxy = createProxyServer(app.proxy, app.context);
  tellOfProcess(app.context.metrics);
  const { crypto, log } = app.context;
  const refused = (cause: unknown): Response => respondProblem(cause, newRequestId(crypto.randomBytes), log);
  const answer = toNodeHandler(async (request: ServerRequest) => {
    const incoming = request.runtime?.node?.req as IncomingMessage;
    const address = clientAddress(incoming.socket.remoteAddress, incoming.headers);
    // A rejection that nobody takes would end the process.
    return await app.fetch(request, { address }).catch(refused);
  }) as (request: IncomingMessage, response: ServerResponse) => void;

  return {
    handle(request, response) {
      // The proxy looks at neither Host nor headers as Node parses them, and is where every microsecond counts.
      if (request.url?.startsWith("/proxy/")) {
        proxy.handle(request, response);
        return;
      }
      joinRepeated(request);
      const path = pathOf(request);
      if (path === undefined) {
        const problem = new Problem("invalid_path", "The request's target or its Host is not an address.");
        void sendNodeResponse(response, refused(problem));
        return;
      }
      request.url = path;
      // The name by which a client calls us decides nothing.
      request.headers.host = "localhost";
      if (path.startsWith("/proxy/")) {
        proxy.handle(request, response);
        return;
      }
      answer(request, response);
    },
    handlePlain: (exchange) => proxy.handlePlain(exchange),
    underWay: () => proxy.underWay(),
    cutAll: () => proxy.cutAll(),
    close: () => proxy.close(),
  };
}
