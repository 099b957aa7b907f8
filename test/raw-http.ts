import { connect, type Socket } from "node:net";

/** A connection for requests that no client library would send. */
export interface RawConnection {
  socket: Socket;
  /** Resolves when the other side has taken it, or is gone. */
  send(text: string): Promise<void>;
  /** All that came until the connection ended, or for so long. */
  received(ms?: number): Promise<string>;
}

export async function rawConnection(origin: string): Promise<RawConnection> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let text = "";
  // A reset after the answer is the server's right; what came before it counts.
  socket
    .on("error", () => {})
    .on("data", (chunk) => {
      text += chunk;
    });
  return {
    socket,
    // Its callback comes also where the connection is gone.
    send: (part) => new Promise((resolve) => void socket.write(part, () => resolve())),
    received: (ms = 5_000) =>
      new Promise((resolve) => {
        const timer = setTimeout(end, ms);
        function end() {
          clearTimeout(timer);
          socket.destroy();
          resolve(text);
        }
        if (socket.destroyed) end();
        else socket.once("close", end);
      }),
  };
}

/** Sends one text, and reads until the server ends the connection: the request should ask for that. */
export async function exchange(origin: string, text: string, ms?: number) {
  const connection = await rawConnection(origin);
  await connection.send(text);
  const all = await connection.received(ms);
  // A chunked body passes too, as long as it is one chunk.
  const json = /\{.*\}/.exec(all)?.[0];
  return { status: statusesIn(all)[0] ?? 0, code: json && (JSON.parse(json) as { code?: string }).code, all };
}

export const statusesIn = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
