import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ClientAnswer, nodeAnswer } from "../../adapters/node/proxy/client-answer.ts";
import { servePlain } from "../../adapters/node/proxy/plain-server.ts";
import { type BodyTerms, readBody } from "../../adapters/node/proxy/read-body.ts";
import type { ReadBody } from "../../src/proxy/proxy-request.ts";

interface SeenRequest {
  method: string;
  target: string;
  /** Names in lower case and values, by turns. */
  headers: string[];
  /** As Latin-1; `undefined` where it did not come whole. */
  body: string | undefined;
}

export interface Conversation {
  requests: SeenRequest[];
  /** How many of them were served on the socket. */
  plain: number;
  /** All that was answered, as Latin-1. */
  answers: string;
}

/** A connection that says these pieces, one a turn, and ends its side once all of it has been looked at. */
class Scripted extends Duplex {
  written = "";
  readonly remoteAddress = "127.0.0.1";
  readonly #pieces: Buffer[];
  constructor(pieces: Buffer[]) {
    super({ allowHalfOpen: true });
    this.#pieces = pieces;
    this.on("error", () => {});
  }
  start(): void {
    const next = (): void => {
      const piece = this.#pieces.shift();
      if (piece === undefined) this.#end(6);
      else {
        // In memory that is its own, as a socket's is.
        if (piece.length > 0) this.push(Buffer.from(piece));
        setImmediate(next);
      }
    };
    setImmediate(next);
  }
  #end(turns: number): void {
    if (turns > 0) setImmediate(() => this.#end(turns - 1));
    else {
      if (!this.destroyed) this.push(null);
      setImmediate(() => setImmediate(() => this.destroy()));
    }
  }
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
    this.end();
  }
  setTimeout(): this {
    return this;
  }
  override _read(): void {}
  override _write(bytes: Buffer, _: unknown, done: () => void): void {
    this.written += bytes.toString("latin1");
    done();
  }
}

/** A server of Node's own, or one that serves plain requests on the socket; both read bodies and answer alike. */
export function openRequestReader(isFast: boolean): (pieces: Buffer[]) => Promise<Conversation> {
  const seen = new WeakMap<object, Conversation>();

  async function serve(request: SeenRequest, body: (...terms: BodyTerms) => Promise<ReadBody>, client: ClientAnswer) {
    const read = await body(() => undefined, 60_000, undefined);
    if (read.outcome !== "read") return;
    request.body = Buffer.from(read.bytes).toString("latin1");
    client.whole(200, ["x-read", String(read.bytes.length)], request.body);
  }

  const server: Server = createServer((request, response) => {
    request.on("error", () => {});
    const headers = request.rawHeaders.map((one, at) => (at % 2 === 0 ? one.toLowerCase() : one));
    const one = { method: request.method!, target: request.url!, headers, body: undefined };
    seen.get(request.socket)!.requests.push(one);
    void serve(one, (...terms) => readBody(request, ...terms), nodeAnswer(response));
  });
  if (isFast) {
    servePlain(
      server,
      (exchange) => {
        const { method, target, headers } = exchange;
        const one = { method, target, headers, body: undefined };
        const conversation = seen.get(exchange.socket)!;
        conversation.requests.push(one);
        conversation.plain++;
        void serve(one, async (...terms) => exchange.body(...terms), exchange);
      },
      () => false,
    );
  }
  return (pieces) =>
    new Promise((resolve) => {
      const socket = new Scripted(pieces);
      const conversation: Conversation = { requests: [], plain: 0, answers: "" };
      seen.set(socket, conversation);
      socket.on("close", () => {
        conversation.answers = socket.written;
        setImmediate(() => resolve(conversation));
      });
      server.emit("connection", socket as unknown as Socket);
      socket.start();
    });
}
