import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerRequest } from "srvx";
import { toNodeHandler } from "srvx/node";
import type { App } from "../../src/app.ts";
import { createClientAddress } from "./client-address.ts";
import type { NodeSettings } from "./node-settings.ts";
import { createProxyServer } from "./proxy-server.ts";

export interface RunningServer {
  /** Where it really listens. */
  port: number;
  /** Answers what is under way, then stops; cuts what is not done after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
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

/** Serves the app over HTTP: the proxy below the fetch layer, everything else through it. */
export async function serve(app: App, node: Pick<NodeSettings, "host" | "port">): Promise<RunningServer> {
  const { trustedProxies } = app.context.settings.provisioning;
  const clientAddress = createClientAddress(trustedProxies);
  const addressOf = (request: IncomingMessage): string | undefined => {
    const forwarded = request.headers["x-forwarded-for"];
    return clientAddress(request.socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join(",") : forwarded);
  };
  const proxy = createProxyServer(app.proxy, app.context);
  const handle = toNodeHandler((request: ServerRequest) => {
    const incoming = request.runtime?.node?.req as IncomingMessage;
    return app.fetch(request, { address: addressOf(incoming) });
  }) as (request: IncomingMessage, response: ServerResponse) => void;
  let draining = false;

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that keeps its connection would keep the stop waiting.
    if (draining) response.setHeader("connection", "close");
    if (request.url?.startsWith("/proxy/")) {
      proxy.handle(request, response);
      return;
    }
    joinRepeatedCredentials(request);
    handle(request, response);
  };
  const server = createServer({ requestTimeout: 300_000, headersTimeout: 60_000, keepAliveTimeout: 65_000 }, listener);
  await listen(server, node);
  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs = 4_500) {
      draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
      await proxy.close();
    },
  };
}

async function listen(server: Server, { host, port }: Pick<NodeSettings, "host" | "port">): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
