import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type ExchangeOwner, PlainExchange } from "./plain-exchange.ts";
import { readPlainHead } from "./plain-head.ts";

/** The server's side of a connection. It counts time in turns of its own, so that no request needs a timer. */
export interface ConnectionOwner {
  /** The turn under way. */
  turn(): number;
  /** Whether each answer is the last one of its connection. */
  isEnding(): boolean;
  keptSeconds: number;
  handle(exchange: PlainExchange): void;
  /** Takes the socket over, with these bytes unread. */
  handOver(socket: Socket, bytes: Buffer): void;
  gone(connection: PlainConnection): void;
}

/** Bytes of requests that are sent without waiting: no more is read while one is under way. */
const maxHeld = 16_384;
const noBytes = Buffer.alloc(0);

/**
 * A client's connection, for as long as its requests are plain: one after another. The first that is not, whose head does
 * not come in one piece or that comes in one piece with the next goes to `node:http`, with all that follows it.
 */
export class PlainConnection implements ExchangeOwner {
  readonly socket: Socket;
  readonly keptSeconds: number;
  /** The owner's turn since which it waits, or since which the request under way comes. */
  since: number;
  readonly #owner: ConnectionOwner;
  #exchange: PlainExchange | undefined;
  /** The bytes that came after the request under way. */
  #held: Buffer = noBytes;
  #isFresh = true;
  #isPaused = false;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.keptSeconds = owner.keptSeconds;
    this.since = owner.turn();
    socket
      .on("data", this.#data)
      .on("drain", this.#drain)
      .on("end", this.#end)
      .on("error", this.#error)
      .on("close", this.#close);
  }

  /** Nothing has come yet. */
  isFresh(): boolean {
    return this.#isFresh;
  }

  isIdle(): boolean {
    return this.#exchange === undefined;
  }

  /** A request is here whose answer is not: the rest of an answered one's body keeps nobody waiting. */
  isUnderWay(): boolean {
    return this.#exchange?.isClosed() === false;
  }

  /** A body is on its way. */
  isReceiving(): boolean {
    return this.#exchange?.isReceived() === false;
  }

  isLast(): boolean {
    return this.#owner.isEnding();
  }

  reads(wanted: boolean): void {
    if (wanted !== this.#isPaused) return;
    this.#isPaused = !wanted;
    if (wanted) this.socket.resume();
    else this.socket.pause();
  }

  answered(): void {
    // The socket's end is on its way once nothing can be sent any more.
    if (!this.socket.writable) return;
    // Neither the next answer nor the connection's end is to overtake what waits to be sent.
    if (this.socket.writableLength === 0) this.#sent();
    else this.socket.write("", () => this.#sent());
  }

  /** To `node:http`, with what came of a request that has not begun. */
  handOver(bytes: Buffer = noBytes): void {
    this.#isPaused = false;
    this.socket
      .off("data", this.#data)
      .off("drain", this.#drain)
      .off("end", this.#end)
      .off("error", this.#error)
      .off("close", this.#close);
    this.#owner.gone(this);
    this.#owner.handOver(this.socket, bytes);
  }

  /** The request under way will never be whole. */
  breakOff(status: 400 | 408): void {
    const { socket } = this;
    if (this.#exchange?.isBegun() === true || !socket.writable) socket.destroy();
    else {
      socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n\r\n`, "latin1");
      socket.destroySoon();
    }
  }

  readonly #data = (piece: Buffer): void => {
    // Nothing that comes after the last answer is read.
    if (!this.socket.writable) return;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#begin(piece);
      return;
    }
    const length = exchange.receive(piece);
    if (length < piece.length) this.#hold(length === 0 ? piece : piece.subarray(length));
    if (length > 0) this.#next();
  };

  #begin(bytes: Buffer): void {
    const head = readPlainHead(bytes);
    // The bytes that come along with it are to be judged before anything is answered.
    if (head === undefined || bytes.length - head.end > head.length) {
      this.handOver(bytes);
      return;
    }
    this.#isFresh = false;
    this.since = this.#owner.turn();
    const exchange = new PlainExchange(head, this);
    this.#exchange = exchange;
    exchange.receive(bytes.subarray(head.end));
    this.#owner.handle(exchange);
  }

  #hold(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    if (this.#held.length > maxHeld) this.reads(false);
  }

  /** All of the answer is with the system. */
  #sent(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.close();
    if (exchange.closes) this.socket.destroySoon();
    else this.#next();
  }

  /** Goes on to the next request, once this one is here and answered. */
  #next(): void {
    if (this.#exchange?.isClosed() !== true || !this.#exchange.isReceived() || !this.socket.writable) return;
    this.#exchange = undefined;
    this.since = this.#owner.turn();
    const held = this.#held;
    this.#held = noBytes;
    this.reads(true);
    if (held.length > 0) this.#begin(held);
  }

  readonly #drain = (): void => this.#exchange?.drained();

  /** The client sends nothing more: as `node:http` does, it is taken to have left. */
  readonly #end = (): void => {
    if (this.isReceiving()) this.breakOff(400);
    else this.socket.end();
  };

  /** Its end says all; without a listener it would end the process. */
  readonly #error = (): void => {};

  readonly #close = (): void => {
    this.#owner.gone(this);
    this.#exchange?.close();
  };
}
