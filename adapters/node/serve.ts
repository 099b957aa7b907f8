import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../src/app.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { NodeSettings } from "./node-settings.ts";
import { servePlain } from "./proxy/plain-server.ts";
import type { CutOff } from "./proxy/stream-watch.ts";
import { createRequestListener } from "./request-listener.ts";

/** A server that listens. */
export interface RunningServer {
  /** The port on which it really listens. */
  port: number;
  /**
   * Goes on answering until nothing is under way, or for `drainMs`; each answer ends its connection, so that its client
   * comes back elsewhere. The metered requests still under way then are cut.
   */
  drain(drainMs: number): Promise<CutOff>;
  /** Answers what is under way, then stops; cuts what is not done after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

const drainLookMs = 50;

const remedies: Record<string, string> = {
  EADDRINUSE: "something else listens there; stop it, or set OPENCLAW_GATEWAY_PORT",
  EACCES: "this user may not listen there; set OPENCLAW_GATEWAY_PORT to 1024 or more",
  EADDRNOTAVAIL: "this machine has no such address; correct OPENCLAW_GATEWAY_HOST",
  ENOTFOUND: "there is no such host; correct OPENCLAW_GATEWAY_HOST",
};

/** Serves the app over HTTP. */
export async function serve(app: App, node: Pick<NodeSettings, "host" | "port">): Promise<RunningServer> {
  const requests = createRequestListener(app);
  /**
   * Each connection's latest. A set of those under way would be rebuilt all the time, and V8 then keeps every request
   * alive until the next full collection (ten times the pause, twice the memory).
   */
  const latest = new Map<Socket, ServerResponse>();

  let draining = false;
  const isEnding = (): boolean => draining || !server.listening;
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    latest.set(request.socket, response);
    // A request read from a connection after the stop began was sent before it.
    if (isEnding()) response.setHeader("connection", "close");
    requests.handle(request, response);
  };
  const server = createServer({ requestTimeout: 300_000, headersTimeout: 60_000, keepAliveTimeout: 65_000 }, listener);
  const plain = app.context.settings.provisioning.proxy.fastPath
    ? servePlain(server, requests.handlePlain, isEnding)
    : undefined;
  /** Node does not count a connection that has not sent anything yet as idle. */
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      latest.delete(socket);
    });
  });
  const isUnderWay = (response: ServerResponse): boolean => !response.writableFinished && !response.destroyed;
  const endConnections = (): void => {
    for (const response of latest.values()) if (!response.headersSent) response.setHeader("connection", "close");
  };
  await listen(server, node);
  return {
    port: (server.address() as AddressInfo).port,
    async drain(drainMs) {
      draining = true;
      endConnections();
      const until = performance.now() + drainMs;
      const areUnderWay = (): boolean | undefined =>
        requests.underWay() > 0 || plain?.isUnderWay() || [...latest.values()].some(isUnderWay);
      while (areUnderWay()) {
        if (performance.now() >= until) return await requests.cutAll();
        await sleep(drainLookMs);
      }
      return { requests: 0, tokens: 0 };
    },
    async stop(graceMs = 4_500) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A client that keeps its connection would keep the stop waiting.
      endConnections();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const closeIdle = (): void => {
        server.closeIdleConnections();
        plain?.closeIdle();
      };
      const idle = setInterval(closeIdle, 50);
      const cut = setTimeout(() => {
        server.closeAllConnections();
        plain?.closeAll();
      }, graceMs);
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
      await requests.close();
    },
  };
}

async function listen(server: Server, { host, port }: Pick<NodeSettings, "host" | "port">): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const remedy = remedies[error.code ?? ""];
      reject(remedy ? new SettingsError(`cannot listen on ${host}, port ${port}: ${remedy}`) : error);
    };
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      resolve();
    });
  });
}
