import { createByteCapture } from "./byte-capture.ts";

/** What to look for, by key. Arrays on the way are looked into element by element. */
export interface Watch {
  /** `value`: the value's text. `filled`: only whether the array or object holds anything. */
  [key: string]: Watch | "value" | "filled";
}

/** @param text the value's JSON; `undefined` for a value too long to be one that counts */
export type Found = (path: string, text: string | undefined) => void;

export interface JsonScan {
  /**
   * Scans `bytes` from `at` up to `end`; in line mode it stops at the first CR or LF.
   * @returns the index at which it stopped
   */
  scan(bytes: Uint8Array, at: number, end: number): number;
  /** Whether the outermost value has ended. */
  readonly closed: boolean;
  /** Begins anew, for the next document. */
  reset(): void;
}

/** A usage object has less than a kilobyte. */
const maxValue = 16_384;
const maxKey = 64;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const marks = (...codes: number[]): Uint8Array => {
  const table = new Uint8Array(256);
  for (const code of codes) table[code] = 1;
  return table;
};
const endsString = marks(QUOTE, BACKSLASH, LF, CR);
const structural = marks(QUOTE, COMMA, COLON, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT, LF, CR);
/** In what is skipped only the depth matters. */
const nesting = marks(QUOTE, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT, LF, CR);

interface Level {
  array: boolean;
  watch: Watch;
  path: string;
}

/**
 * Finds a few values in JSON that arrives in pieces and holds nothing else: one table lookup a byte, whatever the
 * size, wherever it is cut. UTF-8 needs no decoding: no byte of a longer character is an ASCII one.
 */
export function createJsonScan(watch: Watch, found: Found, lineMode: boolean): JsonScan {
  const capture = createByteCapture();
  /** The containers that are looked into; what lies deeper is only counted, in `skipped`. */
  let levels: Level[] = [];
  let level: Level | undefined;
  let skipped = 0;
  let closed = false;
  let inString = false;
  let escaped = false;
  let expectKey = false;
  let readsKey = false;
  /** What was asked of the value that comes next. */
  let asked: Watch | "value" | "filled" | undefined;
  let askedPath = "";
  /** A container was just opened of which only its first content is of interest. */
  let awaitsContent = false;

  function reset(): void {
    levels = [];
    level = asked = undefined;
    skipped = 0;
    closed = inString = escaped = expectKey = readsKey = awaitsContent = false;
    capture.drop();
  }

  function keyRead(key: string | undefined): void {
    asked = key !== undefined && level && Object.hasOwn(level.watch, key) ? level.watch[key] : undefined;
    if (asked !== undefined) askedPath = level!.path === "" ? key! : `${level!.path}.${key}`;
  }

  function valueRead(text: string | undefined): void {
    asked = undefined;
    found(askedPath, text);
  }

  function open(array: boolean, at: number): void {
    if (skipped > 0) {
      skipped++;
      return;
    }
    if (asked === "value") capture.begin(at, maxValue);
    awaitsContent = asked === "filled";
    const inner = level === undefined ? watch : level.array ? level.watch : asked;
    if (typeof inner !== "object") {
      skipped = 1;
      return;
    }
    level = { array, watch: inner, path: level === undefined ? "" : level.array ? level.path : askedPath };
    levels.push(level);
    asked = undefined;
    expectKey = !array;
  }

  function close(bytes: Uint8Array, at: number): void {
    if (skipped > 0) {
      skipped--;
      if (skipped > 0) return;
      awaitsContent = false;
      if (capture.active) valueRead(capture.end(bytes, at + 1));
      return;
    }
    if (capture.active) valueRead(capture.end(bytes, at));
    levels.pop();
    level = levels.at(-1);
    asked = undefined;
    expectKey = false;
    closed = level === undefined;
  }

  function stringClosed(bytes: Uint8Array, quote: number): void {
    if (readsKey) {
      readsKey = false;
      keyRead(capture.end(bytes, quote));
    } else if (skipped === 0 && capture.active) valueRead(capture.end(bytes, quote + 1));
  }

  function scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (capture.active) capture.goOn(at);
    while (at < end) {
      const byte = bytes[at]!;
      if (inString) {
        if (escaped && !(lineMode && (byte === LF || byte === CR))) {
          escaped = false;
          at++;
        } else if (endsString[byte] === 0) {
          do at++;
          while (at < end && endsString[bytes[at]!] === 0);
        } else if (byte === BACKSLASH) {
          escaped = true;
          at++;
        } else if (byte === QUOTE) {
          inString = false;
          stringClosed(bytes, at);
          at++;
        } else if (lineMode) break;
        else at++;
        continue;
      }
      if (awaitsContent && byte > SPACE && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) {
        awaitsContent = false;
        found(askedPath, "filled");
      }
      const ends = skipped > 0 ? nesting : structural;
      if (ends[byte] === 0) {
        // The first character of a number or a literal.
        if (asked === "value" && skipped === 0 && !capture.active && byte > SPACE) capture.begin(at, maxValue);
        at++;
        if (!awaitsContent && asked === undefined) while (at < end && ends[bytes[at]!] === 0) at++;
        continue;
      }
      switch (byte) {
        case LF:
        case CR:
          if (!lineMode) break;
          if (capture.active) capture.hold(bytes, at);
          return at;
        case QUOTE:
          inString = true;
          if (skipped > 0) break;
          if (expectKey) {
            readsKey = true;
            capture.begin(at + 1, maxKey);
          } else if (asked === "value") capture.begin(at, maxValue);
          break;
        case OPEN_OBJECT:
        case OPEN_ARRAY:
          open(byte === OPEN_ARRAY, at);
          break;
        case CLOSE_OBJECT:
        case CLOSE_ARRAY:
          close(bytes, at);
          break;
        case COMMA:
          if (skipped > 0) break;
          if (capture.active) valueRead(capture.end(bytes, at));
          asked = undefined;
          expectKey = level !== undefined && !level.array;
          break;
        case COLON:
          if (skipped === 0) expectKey = false;
          break;
      }
      at++;
    }
    if (capture.active) capture.hold(bytes, at);
    return at;
  }

  return {
    scan,
    reset,
    get closed() {
      return closed;
    },
  };
}
