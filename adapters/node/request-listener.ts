import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerRequest } from "srvx";
import { toNodeHandler } from "srvx/node";
import type { App } from "../../src/app.ts";
import { createClientAddress } from "./client-address.ts";
import { createProxyServer } from "./proxy-server.ts";

export interface RequestListener {
  /** Answers the request. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Closes the connections upstream; what is under way is cut. */
  close(): Promise<void>;
}

/** Fields that Node keeps the first of, or joins: a repeated credential must not pass unseen. */
const credentialFields = new Set(["authorization", "x-agent-provisioning-key"]);

/** Marks a request whose credential came twice, in a form that the guards refuse. */
function joinRepeatedCredentials(request: IncomingMessage): void {
  const seen = new Map<string, string>();
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]!.toLowerCase();
    if (!credentialFields.has(name)) continue;
    const before = seen.get(name);
    if (before !== undefined) request.headers[name] = `${before}, ${request.rawHeaders[at + 1]}`;
    seen.set(name, request.rawHeaders[at + 1]!);
  }
}

/** The app on Node's own request and response: the proxy below the fetch layer, everything else through it. */
export function createRequestListener(app: App): RequestListener {
  const clientAddress = createClientAddress(app.context.settings.provisioning.trustedProxies);
  const addressOf = (request: IncomingMessage): string | undefined => {
    const forwarded = request.headers["x-forwarded-for"];
    return clientAddress(request.socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join(",") : forwarded);
  };
  const proxy = createProxyServer(app.proxy, app.context);
  const answer = toNodeHandler((request: ServerRequest) => {
    const incoming = request.runtime?.node?.req as IncomingMessage;
    return app.fetch(request, { address: addressOf(incoming) });
  }) as (request: IncomingMessage, response: ServerResponse) => void;

  return {
    handle(request, response) {
      if (request.url?.startsWith("/proxy/")) {
        proxy.handle(request, response);
        return;
      }
      joinRepeatedCredentials(request);
      answer(request, response);
    },
    close: () => proxy.close(),
  };
}
