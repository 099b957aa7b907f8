/**
 * The upstream and the clients of a proxy under load, in one process and on bare sockets: they must cost less than
 * what is measured.
 */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

const text = "The quick brown fox jumps over the lazy dog. ".repeat(24);
const usage = { prompt_tokens: 210, completion_tokens: 240, total_tokens: 450 };
const model = "gpt-5";
const jsonBody = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1_790_000_000,
  model,
  choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
  usage,
});
const jsonAnswer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: ${Buffer.byteLength(jsonBody)}\r\n\r\n${jsonBody}`,
);

export const eventsPerStream = 200;
const httpChunk = (data: string): string => `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`;
const event = (choices: unknown, told: unknown = null): string =>
  httpChunk(
    `data: ${JSON.stringify({ id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_790_000_000, model, choices, usage: told })}\n\n`,
  );
const deltas = Array.from({ length: eventsPerStream }, (_, at) =>
  event([{ index: 0, delta: { content: ` word${at}` }, finish_reason: null }]),
);
const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
/** Each event is a chunk of its own; a socket takes ten of them at once, as it does when the reader is busy. */
const streamWrites: Buffer[] = [];
for (let at = 0; at < deltas.length; at += 10) streamWrites.push(Buffer.from(deltas.slice(at, at + 10).join("")));
streamWrites[0] = Buffer.concat([Buffer.from(streamHead), streamWrites[0]!]);
streamWrites.push(Buffer.from(event([], usage) + httpChunk("data: [DONE]\n\n") + lastChunk));

export async function startUpstream(): Promise<{ origin: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    let pending: Buffer = Buffer.alloc(0);
    socket.on("data", (data) => {
      pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
      for (;;) {
        const head = pending.indexOf(headEnd);
        if (head === -1) return;
        const [, length] = /content-length: (\d+)/i.exec(pending.toString("latin1", 0, head)) ?? [];
        // The bare proxy pipes the body without knowing its length.
        const chunkedEnd = length === undefined ? pending.indexOf(lastChunk, head) : -1;
        const end = length === undefined ? chunkedEnd + lastChunk.length : head + 4 + Number(length);
        if ((length === undefined && chunkedEnd === -1) || pending.length < end) return;
        const streams = pending.includes('"stream":true', head);
        pending = pending.subarray(end);
        if (streams) writeAll(socket, 0);
        else socket.write(jsonAnswer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function writeAll(socket: Socket, from: number): void {
  let at = from;
  while (at < streamWrites.length && !socket.destroyed) {
    if (!socket.write(streamWrites[at++]!)) {
      socket.once("drain", () => writeAll(socket, at));
      return;
    }
  }
}

export interface Endpoint {
  origin: string;
  path: string;
  headers: Record<string, string>;
}

export const requestBody = (stream: boolean): string =>
  JSON.stringify({ model, max_completion_tokens: 500, stream, messages: [{ role: "user", content: text }] });

function requestBytes({ origin, path, headers }: Endpoint, stream: boolean): Buffer {
  const body = requestBody(stream);
  const lines = Object.entries({
    host: new URL(origin).host,
    "content-type": "application/json",
    accept: "application/json",
    "user-agent": "bench",
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

export interface Load {
  perSecond: number;
  /** Milliseconds, in ascending order. */
  latencies: number[];
  firstBytes: number[];
  /** The target's, each request, in microseconds: what neither a slow driver nor a busy machine distorts. */
  cpuUs: number;
}

/** Keeps `concurrency` requests under way, each on a connection of its own, for a while. */
export async function runLoad(
  endpoint: Endpoint,
  stream: boolean,
  concurrency: number,
  forMs: number,
  cpuUs: () => number = () => 0,
): Promise<Load> {
  const cpuBefore = cpuUs();
  const bytes = requestBytes(endpoint, stream);
  const { hostname, port } = new URL(endpoint.origin);
  const latencies: number[] = [];
  const firstBytes: number[] = [];
  const begun = performance.now();
  const until = begun + forMs;
  await Promise.all(
    Array.from(
      { length: concurrency },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect({ host: hostname, port: Number(port), noDelay: true });
          let sentAt = 0;
          let received = 0;
          let expected = -1;
          const send = () => {
            sentAt = performance.now();
            received = 0;
            expected = -1;
            socket.write(bytes);
          };
          socket.on("connect", send).on("error", reject);
          socket.on("data", (data) => {
            if (received === 0) {
              firstBytes.push(performance.now() - sentAt);
              if (data[9] !== 0x32) {
                reject(new Error(`the target answered ${data.toString("utf8", 0, 400)}`));
                socket.destroy();
                return;
              }
              const head = data.indexOf(headEnd);
              const [, length] = /content-length: (\d+)/i.exec(data.toString("latin1", 0, head)) ?? [];
              if (length !== undefined) expected = head + 4 + Number(length);
            }
            received += data.length;
            const ended = expected === -1 ? data.subarray(-5).equals(lastChunk) : received >= expected;
            if (!ended) return;
            const now = performance.now();
            latencies.push(now - sentAt);
            if (now < until) send();
            else {
              socket.destroy();
              resolve();
            }
          });
        }),
    ),
  );
  const seconds = (performance.now() - begun) / 1000;
  const ascending = (a: number, b: number) => a - b;
  return {
    perSecond: latencies.length / seconds,
    cpuUs: (cpuUs() - cpuBefore) / latencies.length,
    latencies: latencies.sort(ascending),
    firstBytes: firstBytes.sort(ascending),
  };
}
