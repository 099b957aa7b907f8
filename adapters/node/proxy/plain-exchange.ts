import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ReadBody } from "../../../src/proxy/proxy-request.ts";
import { Latin1Text } from "../latin1-text.ts";
import { unsendableInValue } from "../upstream/request-bytes.ts";
import { type ClientAnswer, hasLength } from "./client-answer.ts";
import type { PlainHead } from "./plain-head.ts";
import { BodyReading, type BodyTerms } from "./read-body.ts";

/** The connection's side of an exchange. */
export interface ExchangeOwner {
  readonly socket: Socket;
  /** The rest of the body may come, or is not to come yet. */
  reads(wanted: boolean): void;
  /** Whether this answer is the last one of the connection, whatever the client means to do. */
  isLast(): boolean;
  /** Seconds for which the connection waits for another request. */
  readonly keptSeconds: number;
  /** The answer is written. */
  answered(): void;
}

const noBytes = Buffer.alloc(0);
const text = new Latin1Text();
/** Above it a copy, in memory of its own, costs more than a second part of a write. */
const maxJoined = 6_144;

/** One plain request and its answer. */
export class PlainExchange implements ClientAnswer {
  readonly method: string;
  readonly target: string;
  readonly headers: string[];
  /** The connection ends with the answer. */
  closes: boolean;
  readonly #owner: ExchangeOwner;
  /** Bytes of the body that have not come. */
  #missing: number;
  /** The bytes that came before they were asked for. */
  #early: Buffer | undefined;
  #reading: BodyReading | undefined;
  #isBegun = false;
  #isAnswered = false;
  #isClosed = false;
  #drained: (() => void) | undefined;
  #closed: (() => void) | undefined;

  constructor(head: PlainHead, owner: ExchangeOwner) {
    this.method = head.method;
    this.target = head.target;
    this.headers = head.headers;
    this.closes = !head.keepsAlive;
    this.#missing = head.length;
    this.#owner = owner;
  }

  get socket(): Socket {
    return this.#owner.socket;
  }

  remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  isReceived(): boolean {
    return this.#missing === 0;
  }

  /** @returns how many of the bytes are the body's */
  receive(bytes: Buffer): number {
    const length = Math.min(bytes.length, this.#missing);
    if (length === 0) return 0;
    const part = length === bytes.length ? bytes : bytes.subarray(0, length);
    this.#missing -= length;
    if (this.#reading) {
      this.#reading.add(part);
      if (this.#missing > 0) return length;
      this.#reading.complete();
      // It holds on to the body, and the exchange lives for as long as the answer.
      this.#reading = undefined;
    } else if (!this.#isAnswered) {
      this.#early = this.#early ? Buffer.concat([this.#early, part]) : part;
      if (this.#missing > 0) this.#owner.reads(false);
    }
    return length;
  }

  body(...terms: BodyTerms): ReadBody | Promise<ReadBody> {
    const early = this.#early ?? noBytes;
    this.#early = undefined;
    if (this.#isClosed) return { outcome: "aborted" };
    if (this.#missing === 0) {
      const refusal = early.length > 0 ? terms[0](early.length) : undefined;
      return refusal ?? { outcome: "read", bytes: early };
    }
    return new Promise((resolve) => {
      this.#reading = new BodyReading(terms, resolve);
      if (early.length > 0) this.#reading.add(early);
      this.#owner.reads(true);
    });
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  isBegun(): boolean {
    return this.#isBegun;
  }

  whole(status: number, fields: string[], body: Uint8Array | string | undefined): void {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const told = hasLength(status);
    const part = told ? bytes : undefined;
    this.#head(status, fields);
    if (told) text.addField("content-length", String(bytes?.length ?? 0));
    text.add("\r\n");
    this.#send(part, "");
    this.#answered();
  }

  begin(status: number, fields: string[], first: Uint8Array | undefined): boolean {
    this.#head(status, fields);
    text.add("transfer-encoding: chunked\r\n\r\n");
    return first && first.length > 0 ? this.#chunk(first, "\r\n") : this.#send(undefined, "");
  }

  write(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    text.begin();
    return this.#chunk(bytes, "\r\n");
  }

  end(last: Uint8Array | string | undefined): void {
    const bytes = typeof last === "string" ? Buffer.from(last) : last;
    text.begin();
    if (bytes && bytes.length > 0) this.#chunk(bytes, "\r\n0\r\n\r\n");
    else this.#send(undefined, "0\r\n\r\n");
    this.#answered();
  }

  breakOff(): void {
    const { socket } = this.#owner;
    if (socket.writable) socket.write("", () => socket.destroy());
    else socket.destroy();
  }

  destroy(): void {
    this.#owner.socket.destroy();
  }

  onceDrained(listener: () => void): void {
    this.#drained = listener;
  }

  onceClosed(listener: () => void): void {
    this.#closed = listener;
  }

  drained(): void {
    const listener = this.#drained;
    this.#drained = undefined;
    listener?.();
  }

  /** The client is gone, or has all of the answer. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#early = undefined;
    this.#reading?.abort();
    this.#reading = undefined;
    this.#closed?.();
  }

  #head(status: number, fields: string[]): void {
    this.#isBegun = true;
    text.begin();
    text.add("HTTP/1.1 ");
    text.add(String(status));
    text.add(" ");
    text.add(STATUS_CODES[status] ?? "unknown");
    text.add("\r\n");
    let isDated = false;
    for (let at = 0; at < fields.length; at += 2) {
      const name = fields[at]!;
      const value = fields[at + 1]!;
      if (name === "connection") {
        this.closes ||= value === "close";
        continue;
      }
      isDated ||= name === "date";
      if (unsendableInValue.test(value)) throw new Error(`the answer's header ${name} cannot be sent`);
      text.addField(name, value);
    }
    if (!isDated) text.addField("date", httpDate());
    this.closes ||= this.#owner.isLast();
    if (this.closes) text.add("connection: close\r\n");
    else {
      text.add("connection: keep-alive\r\nkeep-alive: timeout=");
      text.add(String(this.#owner.keptSeconds));
      text.add("\r\n");
    }
  }

  #chunk(bytes: Uint8Array, end: string): boolean {
    text.add(bytes.length.toString(16));
    text.add("\r\n");
    return this.#send(bytes, end);
  }

  /** The text, what follows it, and the end. */
  #send(bytes: Uint8Array | undefined, end: string): boolean {
    if (bytes === undefined || bytes.length <= maxJoined) return this.#write(text.joined(bytes, end));
    const { socket } = this.#owner;
    socket.cork();
    this.#write(text.joined(undefined));
    let mayGoOn = this.#write(bytes);
    if (end !== "") mayGoOn = this.#write(end);
    socket.uncork();
    return mayGoOn;
  }

  #write(data: Uint8Array | string): boolean {
    const { socket } = this.#owner;
    // A client that is gone is told of by the socket's end.
    if (!socket.writable) return true;
    return typeof data === "string" ? socket.write(data, "latin1") : socket.write(data);
  }

  #answered(): void {
    this.#isAnswered = true;
    // The rest of the body is read and dropped, so that the client gets to see the answer.
    this.#early = undefined;
    if (this.#missing > 0) this.#owner.reads(true);
    this.#owner.answered();
  }
}

let second = 0;
let dateOfSecond = "";

function httpDate(): string {
  const now = Date.now();
  const current = Math.floor(now / 1_000);
  if (current !== second) {
    second = current;
    dateOfSecond = new Date(now).toUTCString();
  }
  return dateOfSecond;
}
