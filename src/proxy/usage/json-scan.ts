import { createByteCapture } from "./byte-capture.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  CR,
  LF,
  marks,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACE,
} from "./bytes.ts";
import { createStringScan } from "./string-scan.ts";

/** The values to look for, by key. Arrays on the way are looked into element by element. */
export interface Watch {
  /**
   * `value`: the value's text. `filled`: only whether the array or object holds anything; under "" of what is looked
   * into, whether it is a list that holds an object or a list.
   */
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
  isClosed(): boolean;
  /** How many outermost objects have ended: one, or those of a list; `undefined` where the list holds anything else. */
  objects(): number | undefined;
  /** Begins anew, for the next document. */
  reset(): void;
}

/** A usage object has less than a kilobyte. */
const maxValue = 16_384;
const maxKey = 64;
/** An answer has three or four; lists that only open would take memory without end. */
const maxLevels = 64;

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
 *
 * @param objectEnds after each object that is the document, or stands in the lists that are
 */
export function createJsonScan(watch: Watch, found: Found, lineMode: boolean, objectEnds?: () => void): JsonScan {
  const capture = createByteCapture();
  const string = createStringScan(lineMode);
  /** The containers that are looked into; what lies deeper is only counted, in `skipped`. */
  let levels: Level[] = [];
  let level: Level | undefined;
  let skipped = 0;
  let closed = false;
  /** Outermost objects that have ended, and commas between what stands in outermost lists. */
  let objects = 0;
  let commas = 0;
  let inString = false;
  let expectKey = false;
  let readsKey = false;
  /** The question about the value that comes next. */
  let asked: Watch | "value" | "filled" | undefined;
  let askedPath = "";
  /** A container was just opened of which only its first content is of interest. */
  let awaitsContent = false;

  function reset(): void {
    if (levels.length > 0) levels = [];
    level = asked = undefined;
    skipped = objects = commas = 0;
    closed = inString = expectKey = readsKey = awaitsContent = false;
    string.reset();
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
    if (asked === "value") capture.begin(at, maxValue);
    awaitsContent = asked === "filled";
    if (level?.array && Object.hasOwn(level.watch, "")) found(level.path, "filled");
    const inner = level === undefined ? watch : level.array ? level.watch : asked;
    if (typeof inner !== "object" || levels.length === maxLevels) {
      skipped = 1;
      return;
    }
    level = { array, watch: inner, path: level === undefined ? "" : level.array ? level.path : askedPath };
    levels.push(level);
    asked = undefined;
    expectKey = !array;
  }

  function close(bytes: Uint8Array, at: number): void {
    if (capture.isActive()) valueRead(capture.end(bytes, at));
    const ended = levels.pop();
    level = levels.at(-1);
    asked = undefined;
    expectKey = false;
    closed = level === undefined;
    if (ended && !ended.array && (level === undefined || isOutermost(level))) {
      objects++;
      objectEnds?.();
    }
  }

  const isOutermost = ({ array, path }: Level): boolean => array && path === "";

  function stringClosed(bytes: Uint8Array, quote: number): void {
    inString = false;
    if (readsKey) {
      readsKey = false;
      keyRead(capture.end(bytes, quote));
    } else if (skipped === 0 && capture.isActive()) valueRead(capture.end(bytes, quote + 1));
  }

  /** To the end of the container that is skipped, or of the piece. */
  function skip(bytes: Uint8Array, start: number, end: number): number {
    let depth = skipped;
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      if (awaitsContent && byte > SPACE && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) {
        awaitsContent = false;
        found(askedPath, "filled");
      }
      if (nesting[byte] === 0) {
        at++;
        continue;
      }
      if (byte === QUOTE) {
        at = string.end(bytes, at + 1, end);
        if (at === end || bytes[at] !== QUOTE) {
          inString = true;
          break;
        }
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth--;
        if (depth === 0) {
          awaitsContent = false;
          at++;
          skipped = 0;
          if (capture.isActive()) valueRead(capture.end(bytes, at));
          return at;
        }
      } else if (lineMode) break;
      at++;
    }
    skipped = depth;
    return at;
  }

  function scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (capture.isActive()) capture.goOn(at);
    while (at < end) {
      if (inString) {
        at = string.end(bytes, at, end);
        if (at === end || bytes[at] !== QUOTE) break;
        stringClosed(bytes, at);
        at++;
        continue;
      }
      if (skipped > 0) {
        at = skip(bytes, at, end);
        if (skipped > 0 && !inString) break;
        continue;
      }
      const byte = bytes[at]!;
      if (structural[byte] === 0) {
        // The first character of a number or a literal.
        if (asked === "value" && byte > SPACE && !capture.isActive()) capture.begin(at, maxValue);
        do at++;
        while (at < end && structural[bytes[at]!] === 0 && asked !== "value");
        continue;
      }
      switch (byte) {
        case LF:
        case CR:
          if (!lineMode) break;
          if (capture.isActive()) capture.hold(bytes, at);
          return at;
        case QUOTE:
          if (expectKey) {
            readsKey = true;
            capture.begin(at + 1, maxKey);
          } else if (asked === "value") capture.begin(at, maxValue);
          inString = true;
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
          if (capture.isActive()) valueRead(capture.end(bytes, at));
          asked = undefined;
          expectKey = level !== undefined && !level.array;
          if (level !== undefined && isOutermost(level)) commas++;
          break;
        case COLON:
          expectKey = false;
          break;
      }
      at++;
    }
    if (capture.isActive()) capture.hold(bytes, at);
    return at;
  }

  return {
    scan,
    reset,
    isClosed: () => closed,
    // However deep the lists: each has one comma less than things in it, and is a thing in the one around it.
    objects: () => (objects === commas + 1 ? objects : undefined),
  };
}
