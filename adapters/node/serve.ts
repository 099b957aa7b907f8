import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { App } from "../../src/app.ts";
import type { NodeSettings } from "./node-settings.ts";
import { createRequestListener } from "./request-listener.ts";

export interface RunningServer {
  /** Where it really listens. */
  port: number;
  /** Answers what is under way, then stops; cuts what is not done after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

/** Serves the app over HTTP. */
export async function serve(app: App, node: Pick<NodeSettings, "host" | "port">): Promise<RunningServer> {
  const requests = createRequestListener(app);
  let draining = false;

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that keeps its connection would keep the stop waiting.
    if (draining) response.setHeader("connection", "close");
    requests.handle(request, response);
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
      await requests.close();
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
