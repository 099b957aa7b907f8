import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { createTurnBatch } from "../turn-batch.ts";
import { AnswerReader } from "./answer-reader.ts";
import { type ExchangeControl, type ExchangeHandler, UpstreamFault } from "./exchange.ts";

/** The origin and the bounds of one connection. */
export interface ConnectionOptions {
  origin: URL;
  connectTimeoutMs: number;
  /** Bytes of an answer's head. */
  maxHead: number;
}

/** The pool's side of a connection. It counts time in turns of its own, so that no answer needs a timer. */
export interface ConnectionOwner {
  /** The turn under way. */
  turn(): number;
  /** The last TLS session of the origin, by which the next connection begins sooner. */
  session: Buffer | undefined;
  /** It may take another request. */
  idle(connection: UpstreamConnection, keptFor: number | undefined): void;
  /** It takes no other request. */
  gone(connection: UpstreamConnection): void;
}

/** The buffer into which all connections read. The bytes go into memory of the answer's own at once. */
const shared = process.platform === "win32" ? undefined : Buffer.allocUnsafeSlow(65_536);

/**
 * Milliseconds for one of several addresses of a name. Node's 250 end an address for good before its lost first
 * packet is sent again (after a second), and are over where the event loop was held up; the next may lead nowhere.
 */
const addressTimeoutMs = 1_500;

/** One request on a connection. */
class Exchange implements ExchangeControl {
  readonly handler: ExchangeHandler;
  readonly bytes: Buffer;
  readonly reader: AnswerReader;
  connection: UpstreamConnection | undefined;
  isStarted = false;
  isPaused = false;

  constructor(handler: ExchangeHandler, bytes: Buffer, reader: AnswerReader, connection: UpstreamConnection) {
    this.handler = handler;
    this.bytes = bytes;
    this.reader = reader;
    this.connection = connection;
  }

  pause(): void {
    if (this.connection === undefined || this.isPaused) return;
    this.isPaused = true;
    this.connection.socket.pause();
  }

  resume(): void {
    if (this.connection === undefined || !this.isPaused) return;
    this.isPaused = false;
    this.connection.heard();
    this.connection.socket.resume();
  }

  abort(reason: Error): void {
    this.connection?.fail(reason);
  }
}

/** Within the turn, so that nothing that the upstream says can come in between. */
const writeTogether = createTurnBatch<Exchange>(({ connection, bytes }) => {
  // It may have ended meanwhile.
  connection?.socket.write(bytes);
}, process.nextTick);

/** A connection to an origin, which carries one request after another. */
export class UpstreamConnection {
  readonly socket: Socket;
  /** The owner's turn in which something came. */
  heardAt: number;
  readonly #owner: ConnectionOwner;
  readonly #maxHead: number;
  #exchange: Exchange | undefined;
  #isOpen = false;
  #isOver = false;
  #error: Error | undefined;

  constructor({ origin, connectTimeoutMs, maxHead }: ConnectionOptions, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#maxHead = maxHead;
    this.heardAt = owner.turn();
    const buffer = shared ?? Buffer.allocUnsafeSlow(65_536);
    const hostname = origin.hostname.replace(/^\[|\]$/g, "");
    const callback = (length: number): boolean => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    const isTls = origin.protocol === "https:";
    const target = {
      host: hostname,
      port: Number(origin.port) || (isTls ? 443 : 80),
      noDelay: true,
      keepAlive: true,
      autoSelectFamilyAttemptTimeout: addressTimeoutMs,
      onread: { buffer, callback },
    };
    const { session } = owner;
    this.socket = isTls
      ? connectTls({
          ...target,
          ALPNProtocols: ["http/1.1"],
          ...(isIP(hostname) === 0 && { servername: hostname }),
          ...(session && { session }),
        })
      : connectPlain(target);
    this.socket.on("session", (newer: Buffer) => {
      owner.session = newer;
    });
    const timer = setTimeout(() => {
      this.socket.destroy(new UpstreamFault("connect_timeout", `there is no connection after ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    this.socket.once(isTls ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      this.#isOpen = true;
      this.#start();
    });
    this.socket.on("error", (error) => {
      this.#error = error;
      // A session that the upstream does not take is not offered again.
      if (!this.#isOpen) owner.session = undefined;
    });
    this.socket.on("end", () => this.#ended());
    this.socket.on("close", () => {
      clearTimeout(timer);
      this.fail(this.#error ?? new UpstreamFault("closed", "the upstream closed the connection"));
    });
  }

  /** Only where nothing is under way. */
  send(bytes: Buffer, bodiless: boolean, handler: ExchangeHandler): void {
    this.#exchange = new Exchange(handler, bytes, new AnswerReader(bodiless, this.#maxHead), this);
    if (this.#isOpen) {
      this.socket.ref();
      this.#start();
    }
  }

  heard(): void {
    this.heardAt = this.#owner.turn();
  }

  /** Whether the upstream is waited for, and nobody holds its answer back. */
  awaits(): boolean {
    return this.#exchange?.isStarted === true && !this.#exchange.isPaused;
  }

  isIdle(): boolean {
    return this.#exchange === undefined;
  }

  /** Ends it, and with it what is under way. */
  fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!this.#isOver) {
      this.#isOver = true;
      this.#owner.gone(this);
    }
    this.socket.destroy();
    if (exchange === undefined) return;
    exchange.connection = undefined;
    exchange.handler.onResponseError(exchange.isStarted ? exchange : undefined, error);
  }

  #start(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.heard();
    exchange.isStarted = true;
    exchange.handler.onRequestStart(exchange);
    writeTogether(exchange);
  }

  #read(piece: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined || !exchange.isStarted) {
      this.fail(new UpstreamFault("malformed", "the upstream says something that nobody asked for"));
      return;
    }
    this.heard();
    const { reader, handler } = exchange;
    const begins = reader.head === undefined;
    const body = reader.read(piece);
    const { head, fault } = reader;
    if (begins && head !== undefined) handler.onResponseStart(exchange, head.status, head.headers);
    // Each of these calls may end it.
    if (body !== undefined && exchange.connection !== undefined) handler.onResponseData(exchange, body);
    if (exchange.connection === undefined) return;
    if (fault !== undefined) this.fail(new UpstreamFault("malformed", fault));
    else if (reader.isWhole()) this.#complete(exchange);
  }

  #ended(): void {
    const exchange = this.#exchange;
    if (exchange?.reader.end()) this.#complete(exchange);
    else this.fail(this.#error ?? new UpstreamFault("closed", "the upstream closed the connection"));
  }

  #complete(exchange: Exchange): void {
    const { reader } = exchange;
    this.#exchange = undefined;
    exchange.connection = undefined;
    const isReusable = reader.head!.keepsAlive && reader.beyond === 0 && this.socket.writableLength === 0;
    if (isReusable && this.socket.writable && !this.#isOver) {
      if (exchange.isPaused) this.socket.resume();
      this.socket.unref();
      this.heard();
      this.#owner.idle(this, reader.head!.keptFor);
    } else this.fail(new UpstreamFault("closed", "the connection takes no other request"));
    exchange.handler.onResponseEnd();
  }
}
