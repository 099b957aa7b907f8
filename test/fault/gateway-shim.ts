import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A request's fate. `lose`: it arrives, its answer does not. `late`: it arrives after the sender's patience. `first`,
 * `second`: it arrives twice at once, and the one or the other answer comes back.
 */
export type Fate = "pass" | "lose" | "late" | "first" | "second";

export interface ShimmedRequest {
  method: string;
  path: string;
  idempotencyKey: string | undefined;
}

export interface GatewayShim {
  origin: string;
  /** Decides on each request from now on. */
  behave(fate: (request: ShimmedRequest) => Fate): void;
  /** Refuses connections, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** A bad network in front of a gateway. */
export async function startGatewayShim(gateway: string, { lateMs = 1_500 } = {}): Promise<GatewayShim> {
  const agent = new Agent({ keepAlive: false });
  const running = new Set<Promise<void>>();
  let fateOf: (request: ShimmedRequest) => Fate = () => "pass";

  /** The answer whole, before anything of it is passed on. */
  function send(incoming: IncomingMessage, body: Buffer): Promise<{ answer: IncomingMessage; bytes: Buffer }> {
    return new Promise((resolve, reject) => {
      const { host: _host, connection: _connection, ...headers } = incoming.headers;
      const url = gateway + incoming.url;
      const sent = request(url, { agent, method: incoming.method!, headers }, async (answer) => {
        resolve({ answer, bytes: await read(answer) });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const idempotencyKey = incoming.headers["idempotency-key"] as string | undefined;
    const fate = fateOf({ method: incoming.method!, path: incoming.url!, idempotencyKey });
    const body = await read(incoming);
    if (fate === "late") await sleep(lateMs);
    const twice = fate === "first" || fate === "second";
    const sent = await Promise.all(Array.from({ length: twice ? 2 : 1 }, () => send(incoming, body)));
    const { answer, bytes } = sent[fate === "second" ? 1 : 0]!;
    if (fate === "lose") response.destroy();
    else if (!response.destroyed) response.writeHead(answer.statusCode!, answer.headers).end(bytes);
  }

  let server: Server;
  const listen = (port: number): Promise<void> => {
    server = createServer((incoming, response) => {
      const handled = handle(incoming, response).catch(() => void response.destroy());
      running.add(handled);
      void handled.finally(() => running.delete(handled));
    });
    // A kept connection would outlive `down`.
    server.keepAliveTimeout = 1;
    return new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  };
  const down = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server!.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    behave(fate) {
      fateOf = fate;
    },
    down,
    up: () => listen(port),
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    async close() {
      if (server.listening) await down();
    },
  };
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
