import { BACKSLASH, CR, LF, marks, QUOTE } from "./bytes.ts";

const ends = marks(QUOTE, BACKSLASH, LF, CR);

/** Alone in its function this loop is compiled to half the time that it takes inside another. */
function plainRun(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && ends[bytes[at]!] === 0) at++;
  return at;
}

/** The runtime's own search looks through a longer run: a call of it costs as much as some bytes here. */
const shortRun = 64;

/** @returns the index of the first quote that no backslash escapes, or `end` */
function closingQuote(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1 || quote >= end) return end;
    if (backslashesBefore(bytes, quote, from) % 2 === 0) return quote;
    at = quote + 1;
  }
}

function backslashesBefore(bytes: Uint8Array, at: number, from: number): number {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first--;
  return at - first;
}

/** Finds the end of a JSON string that arrives in pieces. */
export interface StringScan {
  /** @returns the index of the closing quote, in line mode of a CR or LF before it, or `end` */
  end(bytes: Uint8Array, at: number, end: number): number;
  reset(): void;
}

/** @param lineMode whether a line's end ends the string too, as in an event of a stream */
export const createStringScan = (lineMode: boolean): StringScan => new Scan(lineMode);

class Scan implements StringScan {
  readonly #lineMode: boolean;
  /** The piece before ended in a backslash. */
  #escaped = false;

  constructor(lineMode: boolean) {
    this.#lineMode = lineMode;
  }

  end(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#escaped && at < end) {
      this.#escaped = false;
      // A line's end inside a broken string ends the line all the same.
      if (!this.#lineMode || (bytes[at] !== LF && bytes[at] !== CR)) at++;
    }
    for (;;) {
      const run = at;
      at = plainRun(bytes, at, this.#lineMode ? end : Math.min(end, at + shortRun));
      if (at >= end) return end;
      if (at === run + shortRun && !this.#lineMode) return this.#longEnd(bytes, at, end);
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) {
        if (at + 1 === end) {
          this.#escaped = true;
          return end;
        }
        at += this.#lineMode && (bytes[at + 1] === LF || bytes[at + 1] === CR) ? 1 : 2;
      } else if (this.#lineMode) return at;
      else at++;
    }
  }

  #longEnd(bytes: Uint8Array, from: number, end: number): number {
    const at = closingQuote(bytes, from, end);
    if (at === end) this.#escaped = backslashesBefore(bytes, end, from) % 2 === 1;
    return at;
  }

  reset(): void {
    this.#escaped = false;
  }
}
