/** A field of the outermost object; offsets are in bytes. */
export interface Field {
  key: string;
  /** The offset of the quote before the key. */
  keyStart: number;
  /** The offset of the value. */
  start: number;
  end: number;
}

/** A body's outermost fields, found without parsing their values. */
export interface Scan {
  /** The outermost object's, repeated ones included. */
  fields: Field[];
  /** The count of the keys of all objects, nested ones included, each as often as it stands. */
  keys: number;
}

/** Far beyond any schema; what goes deeper could be parsed, but not written again. */
const maxDepth = 512;
/** Beyond the longest conversation with the most tools; `JSON.parse` takes some 40 ms for as many. */
const maxParts = 150_000;

/**
 * The time that `JSON.parse` takes for a part, in thirty-seconds of what a string, a list or an object costs.
 * The length of a string costs next to nothing.
 */
const partCost = 32;
const plainCost = 4;
const escapedQuoteCost = 1;

/** The reason for which a body is refused. */
export interface ScanFault {
  fault: string;
  /** It is too much, rather than wrong. */
  tooMuch: boolean;
}

const tooDeep: ScanFault = { fault: `the body is nested deeper than ${maxDepth} levels`, tooMuch: false };
const tooMany = (most: number): ScanFault => ({
  fault:
    `the body has more than ${most.toLocaleString("en-US")} names, strings, lists and objects, ` +
    "which is more than can be read at once",
  tooMuch: true,
});

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/**
 * Finds the fields of an object and refuses what would hold up everybody else while it is parsed. It runs before the
 * parser, so the text may be anything; the fields are right where `JSON.parse` accepts the text as an object.
 */
export function scanObject(text: string, mostParts = maxParts): Scan | ScanFault {
  const fields: Field[] = [];
  let keys = 0;
  let budget = mostParts * partCost;
  let depth = 0;
  let open: Field | undefined;
  let keyStart = 0;
  let keyEnd = 0;

  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const from = at;
        for (;;) {
          at = text.indexOf('"', at + 1);
          if (at === -1) return { fields, keys };
          let slashes = 0;
          while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
          if (slashes % 2 === 0) break;
          budget -= escapedQuoteCost;
          if (budget < 0) return tooMany(mostParts);
        }
        budget -= partCost;
        if (depth === 1 && open === undefined) {
          keyStart = from;
          keyEnd = at;
        }
        break;
      }
      case COLON:
        keys++;
        if (depth === 1 && open === undefined) {
          const written = text.slice(keyStart + 1, keyEnd);
          open = { key: written, keyStart, start: valueStart(text, at + 1), end: 0 };
          fields.push(open);
        }
        break;
      case COMMA:
        budget -= plainCost;
        if (depth === 1) close(at);
        break;
      case 0x5b:
      case 0x7b:
        if (depth > maxDepth) return tooDeep;
        depth++;
        budget -= partCost;
        break;
      case 0x5d:
      case 0x7d:
        if (depth === 1) close(at);
        depth--;
        break;
    }
    if (budget < 0) return tooMany(mostParts);
  }
  return { fields, keys };

  function close(end: number): void {
    if (open) open.end = trimmed(text, end);
    open = undefined;
  }
}

/** The index of the first character from `from` on that is no white space. */
export function valueStart(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The index after the last character before `end` that is no white space. */
export function trimmed(text: string, end: number): number {
  let at = end;
  while (text.charCodeAt(at - 1) <= 0x20) at--;
  return at;
}
