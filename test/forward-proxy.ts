import { createServer, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface ForwardProxy {
  /** As `HTTPS_PROXY` and `HTTP_PROXY` take it, with what it asks for before its host. */
  url: string;
  /** Each request line that it let through or refused: `CONNECT name:443`, `POST http://name/path`. */
  seen: string[];
  close(): Promise<void>;
}

/**
 * A forward proxy as companies have them: CONNECT for https, a request with a whole address for http.
 *
 * @param options.to where every name leads: only the proxy knows it
 * @param options.user what it asks for, as `user:password`; absent: nothing
 * @param options.refuse the status by which it refuses everything
 */
export async function startForwardProxy(options: {
  to: string;
  user?: string;
  refuse?: number;
}): Promise<ForwardProxy> {
  const target = new URL(options.to);
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const refusal = (given: string | undefined): number | undefined => {
    const expected = `Basic ${Buffer.from(options.user ?? "").toString("base64")}`;
    return options.user !== undefined && given !== expected ? 407 : options.refuse;
  };
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const status = refusal(incoming.headers["proxy-authorization"]);
    if (status !== undefined) {
      response.writeHead(status).end("refused by the proxy");
      return;
    }
    const { pathname, search } = new URL(incoming.url ?? "");
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const { method } = incoming;
    const onward = request({ host: target.hostname, port: target.port, path: pathname + search, method, headers });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  server.on("connect", (incoming, socket: Socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    sockets.add(socket);
    const status = refusal(incoming.headers["proxy-authorization"]);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(Number(target.port), target.hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    for (const [one, other] of [[socket, onward] as const, [onward, socket] as const]) {
      one.on("error", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const user = options.user === undefined ? "" : `${options.user.split(":").map(encodeURIComponent).join(":")}@`;
  return {
    url: `http://${user}127.0.0.1:${port}`,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
