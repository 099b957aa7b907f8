import { type AnswerHead, areHeaderLines, readAnswerHead } from "./answer-head.ts";

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const headEnd = Buffer.from("\r\n\r\n");
const noBytes = Buffer.alloc(0);

/** Beyond them nobody looks for another end. */
const maxExtension = 4_096;
const maxInterim = 16;
/** The digits of a chunk's size: 281 TB. */
const maxDigits = 12;

const extension =
  /^(?:;[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)+$/;

type State =
  | "head"
  | "length"
  | "close"
  | "size"
  | "extension"
  | "sizeEnd"
  | "chunk"
  | "chunkCr"
  | "chunkLf"
  | "trailer"
  | "whole";

/**
 * Reads one answer of HTTP/1.1 from bytes that come in pieces cut anywhere. Interim answers (1xx) are passed over;
 * trailers are read and dropped.
 */
export class AnswerReader {
  /** From the end of the head on. */
  head: AnswerHead | undefined;
  /** The reason why nothing more is read. The part read before it counts. */
  fault: string | undefined;
  /** How many bytes came after the answer's end. */
  beyond = 0;
  readonly #bodiless: boolean;
  readonly #maxHead: number;
  #state: State = "head";
  #held: Buffer = noBytes;
  #interim = 0;
  /** The bytes left of the body or the chunk under way. */
  #left = 0;
  #digits = 0;
  #extension = "";

  /** @param bodiless the request was a HEAD; @param maxHead in bytes, of the head and of the trailers */
  constructor(bodiless: boolean, maxHead: number) {
    this.#bodiless = bodiless;
    this.#maxHead = maxHead;
  }

  isWhole(): boolean {
    return this.#state === "whole";
  }

  /** The connection has ended in order. @returns whether the answer has, too */
  end(): boolean {
    if (this.#state === "close" && this.fault === undefined) this.#state = "whole";
    return this.#state === "whole";
  }

  /** @returns what of the body is in the piece, in memory of its own */
  read(piece: Buffer): Buffer | undefined {
    let bytes = piece;
    let at = 0;
    while (this.#state === "head" && this.fault === undefined) {
      bytes = this.#gathered(bytes, at);
      at = this.#readHead(bytes);
      if (at === -1) return undefined;
    }
    if (this.fault !== undefined) return undefined;
    switch (this.#state) {
      case "whole":
        this.beyond += bytes.length - at;
        return undefined;
      case "close":
        return at < bytes.length ? copied(bytes, at, bytes.length) : undefined;
      case "length": {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = "whole";
        this.beyond = bytes.length - end;
        return end > at ? copied(bytes, at, end) : undefined;
      }
      default:
        return at < bytes.length ? this.#readChunks(bytes, at) : undefined;
    }
  }

  /** The bytes held back, with those that have come. */
  #gathered(bytes: Buffer, at: number): Buffer {
    const rest = at === 0 ? bytes : bytes.subarray(at);
    return this.#held.length === 0 ? rest : Buffer.concat([this.#held, rest]);
  }

  /** @returns the index after the head, -1 where it has not ended */
  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf(headEnd, Math.max(0, this.#held.length - 3));
    if (end === -1 ? bytes.length > this.#maxHead : end > this.#maxHead) {
      this.fault = `the answer's head is longer than ${this.#maxHead} bytes`;
      return -1;
    }
    if (end === -1) {
      this.#held = Buffer.from(bytes);
      return -1;
    }
    this.#held = noBytes;
    const head = readAnswerHead(bytes.toString("latin1", 0, end + 2), this.#bodiless);
    if ("fault" in head) {
      this.fault = head.fault;
      return -1;
    }
    if (head.status < 200) {
      if (++this.#interim > maxInterim) this.fault = "there are too many interim answers";
      else if (!head.keepsAlive) this.fault = "an interim answer ends the connection";
      return end + 4;
    }
    this.head = head;
    const { framing } = head;
    if (framing.kind === "length") this.#left = framing.bytes;
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) this.#state = "whole";
    else this.#state = framing.kind === "chunked" ? "size" : framing.kind;
    return end + 4;
  }

  #readChunks(bytes: Buffer, from: number): Buffer | undefined {
    const body = Buffer.allocUnsafe(bytes.length - from);
    let length = 0;
    let at = from;
    while (at < bytes.length && this.fault === undefined && this.#state !== "whole") {
      if (this.#state === "chunk") {
        const end = Math.min(bytes.length, at + this.#left);
        bytes.copy(body, length, at, end);
        length += end - at;
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "chunkCr";
      } else if (this.#state === "trailer") at = this.#readTrailer(bytes, at);
      else this.#readSize(bytes[at++]!);
    }
    this.beyond = bytes.length - at;
    return length === 0 ? undefined : body.subarray(0, length);
  }

  /** A byte of what stands between two chunks. */
  #readSize(byte: number): void {
    switch (this.#state) {
      case "chunkCr":
        if (byte === CR) this.#state = "chunkLf";
        else this.fault = "a chunk is longer than it says";
        return;
      case "chunkLf":
        if (byte === LF) this.#state = "size";
        else this.fault = "a chunk does not end its line";
        this.#left = this.#digits = 0;
        return;
      case "size": {
        const digit = hexDigit(byte);
        if (digit !== -1 && this.#digits < maxDigits) {
          this.#left = this.#left * 16 + digit;
          this.#digits++;
        } else if (this.#digits > 0 && byte === CR) this.#state = "sizeEnd";
        else if (this.#digits > 0 && byte === SEMICOLON) {
          this.#state = "extension";
          this.#extension = ";";
        } else this.fault = "a chunk's size is no number";
        return;
      }
      case "extension":
        if (byte !== CR) this.#extension += String.fromCharCode(byte);
        else if (extension.test(this.#extension)) this.#state = "sizeEnd";
        else this.fault = "a chunk's extension is not one";
        if (this.#extension.length > maxExtension) this.fault = "a chunk's extension is too long";
        return;
      default:
        if (byte !== LF) this.fault = "a chunk's size does not end its line";
        else this.#state = this.#left === 0 ? "trailer" : "chunk";
    }
  }

  /** After the last chunk: header lines, if any, and an empty one. @returns the index up to which it has read */
  #readTrailer(bytes: Buffer, at: number): number {
    const before = this.#held.length;
    const lines = this.#gathered(bytes, at);
    // The line end of the last chunk's size is before them.
    const empty = lines.length >= 2 && lines[0] === CR && lines[1] === LF;
    const end = empty ? 0 : lines.indexOf(headEnd, Math.max(0, before - 3));
    if (end === -1 ? lines.length > this.#maxHead : end > this.#maxHead) {
      this.fault = `the answer's trailers are longer than ${this.#maxHead} bytes`;
    } else if (end === -1) this.#held = Buffer.from(lines);
    else {
      this.#held = noBytes;
      if (empty || areHeaderLines(lines.toString("latin1", 0, end + 2))) this.#state = "whole";
      else this.fault = "a line of the trailers is no header";
      return at + end + (empty ? 2 : 4) - before;
    }
    return bytes.length;
  }
}

function copied(bytes: Buffer, from: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - from);
  bytes.copy(copy, 0, from, end);
  return copy;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
