import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { toNodeHandler } from "srvx/node";
import { Agent, fetch as undiciFetch } from "undici";
import type { App } from "../../src/app.ts";

/** The operating system's bound of a socket's path. */
const longestPath = 100;

const pathOf = (stateDir: string): string => join(stateDir, "provisioning", "operator.sock");

/**
 * The running gateway's app for the commands on its machine: whoever can open a file of the private directory is the
 * operator. A command that worked on OpenClaw's files beside the gateway would hold agents open against it.
 *
 * @returns ends it
 */
export async function serveOperator(app: App, stateDir: string): Promise<() => Promise<void>> {
  const path = pathOf(stateDir);
  if (path.length > longestPath) return async () => undefined;
  rmSync(path, { force: true });
  const handle = toNodeHandler((request) => app.fetchAsOperator(request));
  const server = createServer(handle as Parameters<typeof createServer>[1]);
  // The socket is private from birth, whatever the gateway's own mask is.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  server.unref();
  return async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

export interface OperatorConnection {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/** To the gateway that runs on this state directory; `undefined` where none does. */
export async function connectOperator(stateDir: string): Promise<OperatorConnection | undefined> {
  const path = pathOf(stateDir);
  if (path.length > longestPath || !(await answers(path))) return undefined;
  const dispatcher = new Agent({ connect: { socketPath: path } });
  return {
    async fetch(request) {
      const body = request.body ? await request.text() : null;
      const headers = Object.fromEntries(request.headers);
      const response = await undiciFetch(request.url, { method: request.method, headers, body, dispatcher });
      return new Response(response.status === 204 ? null : await response.arrayBuffer(), {
        status: response.status,
        headers: [...response.headers],
      });
    },
    close: () => dispatcher.close(),
  };
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    const settle = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
