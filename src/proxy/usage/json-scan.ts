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
import { createStringScan, type StringScan } from "./string-scan.ts";

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
/** Only the depth matters in what is skipped. */
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
export const createJsonScan = (watch: Watch, found: Found, lineMode: boolean, objectEnds?: () => void): JsonScan =>
  new Scan(watch, found, lineMode, objectEnds);

/** A class: each answer has one, and closures over as much would be ten times the garbage. */
class Scan implements JsonScan {
  readonly #watch: Watch;
  readonly #found: Found;
  readonly #lineMode: boolean;
  readonly #objectEnds: (() => void) | undefined;
  readonly #capture = createByteCapture();
  readonly #string: StringScan;
  /** The containers that are looked into; what lies deeper is only counted, in `skipped`. */
  #levels: Level[] = [];
  #level: Level | undefined;
  #skipped = 0;
  #closed = false;
  /** Outermost objects that have ended, and commas between what stands in outermost lists. */
  #objects = 0;
  #commas = 0;
  #inString = false;
  #expectKey = false;
  #readsKey = false;
  /** The question about the value that comes next. */
  #asked: Watch | "value" | "filled" | undefined;
  #askedPath = "";
  /** A container was just opened of which only its first content is of interest. */
  #awaitsContent = false;

  constructor(watch: Watch, found: Found, lineMode: boolean, objectEnds: (() => void) | undefined) {
    this.#watch = watch;
    this.#found = found;
    this.#lineMode = lineMode;
    this.#objectEnds = objectEnds;
    this.#string = createStringScan(lineMode);
  }

  reset(): void {
    if (this.#levels.length > 0) this.#levels = [];
    this.#level = this.#asked = undefined;
    this.#skipped = this.#objects = this.#commas = 0;
    this.#closed = this.#inString = this.#expectKey = this.#readsKey = this.#awaitsContent = false;
    this.#string.reset();
    this.#capture.drop();
  }

  #keyRead(key: string | undefined): void {
    this.#asked =
      key !== undefined && this.#level && Object.hasOwn(this.#level.watch, key) ? this.#level.watch[key] : undefined;
    if (this.#asked !== undefined) this.#askedPath = this.#level!.path === "" ? key! : `${this.#level!.path}.${key}`;
  }

  /** Few keys are as long as one that is looked for, and no text is made of the others. */
  #mayBeAsked(length: number): boolean {
    if (this.#level !== undefined) for (const key in this.#level.watch) if (key.length === length) return true;
    return false;
  }

  #valueRead(text: string | undefined): void {
    this.#asked = undefined;
    this.#found(this.#askedPath, text);
  }

  #open(array: boolean, at: number): void {
    if (this.#asked === "value") this.#capture.begin(at, maxValue);
    this.#awaitsContent = this.#asked === "filled";
    if (this.#level?.array && Object.hasOwn(this.#level.watch, "")) this.#found(this.#level.path, "filled");
    const inner = this.#level === undefined ? this.#watch : this.#level.array ? this.#level.watch : this.#asked;
    if (typeof inner !== "object" || this.#levels.length === maxLevels) {
      this.#skipped = 1;
      return;
    }
    this.#level = {
      array,
      watch: inner,
      path: this.#level === undefined ? "" : this.#level.array ? this.#level.path : this.#askedPath,
    };
    this.#levels.push(this.#level);
    this.#asked = undefined;
    this.#expectKey = !array;
  }

  #close(bytes: Uint8Array, at: number): void {
    if (this.#capture.isActive()) this.#valueRead(this.#capture.end(bytes, at));
    const ended = this.#levels.pop();
    this.#level = this.#levels.at(-1);
    this.#asked = undefined;
    this.#expectKey = false;
    this.#closed = this.#level === undefined;
    if (ended && !ended.array && (this.#level === undefined || isOutermost(this.#level))) {
      this.#objects++;
      this.#objectEnds?.();
    }
  }

  #stringClosed(bytes: Uint8Array, quote: number): void {
    this.#inString = false;
    if (this.#readsKey) {
      this.#readsKey = false;
      if (this.#mayBeAsked(this.#capture.length(quote))) this.#keyRead(this.#capture.end(bytes, quote));
      else {
        this.#capture.drop();
        this.#keyRead(undefined);
      }
    } else if (this.#skipped === 0 && this.#capture.isActive()) this.#valueRead(this.#capture.end(bytes, quote + 1));
  }

  /** To the end of the container that is skipped, or of the piece. */
  #skip(bytes: Uint8Array, start: number, end: number): number {
    let depth = this.#skipped;
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      if (this.#awaitsContent && byte > SPACE && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) {
        this.#awaitsContent = false;
        this.#found(this.#askedPath, "filled");
      }
      if (nesting[byte] === 0) {
        at++;
        continue;
      }
      if (byte === QUOTE) {
        at = this.#string.end(bytes, at + 1, end);
        if (at === end || bytes[at] !== QUOTE) {
          this.#inString = true;
          break;
        }
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        depth--;
        if (depth === 0) {
          this.#awaitsContent = false;
          at++;
          this.#skipped = 0;
          if (this.#capture.isActive()) this.#valueRead(this.#capture.end(bytes, at));
          return at;
        }
      } else if (this.#lineMode) break;
      at++;
    }
    this.#skipped = depth;
    return at;
  }

  scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#capture.isActive()) this.#capture.goOn(at);
    while (at < end) {
      if (this.#inString) {
        at = this.#string.end(bytes, at, end);
        if (at === end || bytes[at] !== QUOTE) break;
        this.#stringClosed(bytes, at);
        at++;
        continue;
      }
      if (this.#skipped > 0) {
        at = this.#skip(bytes, at, end);
        if (this.#skipped > 0 && !this.#inString) break;
        continue;
      }
      const byte = bytes[at]!;
      if (structural[byte] === 0) {
        // The first character of a number or a literal.
        if (this.#asked === "value" && byte > SPACE && !this.#capture.isActive()) this.#capture.begin(at, maxValue);
        do at++;
        while (at < end && structural[bytes[at]!] === 0 && this.#asked !== "value");
        continue;
      }
      switch (byte) {
        case LF:
        case CR:
          if (!this.#lineMode) break;
          if (this.#capture.isActive()) this.#capture.hold(bytes, at);
          return at;
        case QUOTE:
          if (this.#expectKey) {
            this.#readsKey = true;
            this.#capture.begin(at + 1, maxKey);
          } else if (this.#asked === "value") this.#capture.begin(at, maxValue);
          this.#inString = true;
          break;
        case OPEN_OBJECT:
        case OPEN_ARRAY:
          this.#open(byte === OPEN_ARRAY, at);
          break;
        case CLOSE_OBJECT:
        case CLOSE_ARRAY:
          this.#close(bytes, at);
          break;
        case COMMA:
          if (this.#capture.isActive()) this.#valueRead(this.#capture.end(bytes, at));
          this.#asked = undefined;
          this.#expectKey = this.#level !== undefined && !this.#level.array;
          if (this.#level !== undefined && isOutermost(this.#level)) this.#commas++;
          break;
        case COLON:
          this.#expectKey = false;
          break;
      }
      at++;
    }
    if (this.#capture.isActive()) this.#capture.hold(bytes, at);
    return at;
  }

  isClosed(): boolean {
    return this.#closed;
  }

  objects(): number | undefined {
    // However deep the lists: each has one comma less than things in it, and is a thing in the one around it.
    return this.#objects === this.#commas + 1 ? this.#objects : undefined;
  }
}

const isOutermost = ({ array, path }: Level): boolean => array && path === "";
