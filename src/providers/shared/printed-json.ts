/** No schema of a tool that a person wrote is as deep. */
export const maxPrintedDepth = 64;

/** `json.dumps` writes 1e15 as `1000000000000000.0`. */
const longestNumber = 24;
const quotes = /^[{[]/;

/**
 * Bytes that a template needs for a value beyond those of its most compact JSON, at most: `tojson(indent=4)`, of Llama's
 * template and others'.
 *
 * @returns `undefined` where it is nested too deeply
 */
export function printedBeyond(value: unknown, depth = 0): number | undefined {
  switch (typeof value) {
    case "string":
      // A call's arguments are JSON within a text, which templates read and print on one line.
      return quotes.test(value) ? textBeyond(value) + argumentsBeyond(value) : textBeyond(value);
    case "number":
      return longestNumber;
    case "object":
      break;
    default:
      return 0;
  }
  if (value === null) return 0;
  if (depth === maxPrintedDepth) return undefined;
  // Each item stands on a line of its own, and the closing bracket on another.
  const line = 1 + 4 * (depth + 1);
  // `for ... in` over a million numbers takes a tenth of a second.
  const items: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let beyond = items.length * line;
  for (let at = 0; at < items.length; at++) {
    const inner = printedBeyond(items[at], depth + 1);
    if (inner === undefined) return undefined;
    beyond += inner;
  }
  // A space follows the colon.
  if (items !== value) for (const key in value) beyond += 1 + textBeyond(key);
  return items.length === 0 ? 0 : beyond + line - 4;
}

/**
 * Bytes of `json.dumps` on one line, which providers' own prompts hold, beyond those of the most compact JSON, where
 * tokens can be as many: a space before each number of a list, and a number in full that an exponent made short. Other
 * values are in quotes, of which a tokenizer needs fewer than their bytes.
 */
export function numbersBeyond(value: unknown, inList = false): number {
  if (typeof value === "number") {
    if (mayBeShorter(value)) return longestNumber;
    // `7e2` is `700.0`.
    return inList ? (value !== 0 && value % 10 === 0 ? 3 : 1) : 0;
  }
  if (typeof value !== "object" || value === null) return 0;
  const isList = Array.isArray(value);
  const items: unknown[] = isList ? value : Object.values(value);
  let beyond = 0;
  for (let at = 0; at < items.length; at++) beyond += numbersBeyond(items[at], isList);
  return beyond;
}

/** Whether an exponent may well shorten it: `1e9` is `1000000000.0`. A text of each would take too long for a million. */
function mayBeShorter(value: number): boolean {
  const size = Math.abs(value);
  if (size < 1_000) return size > 0 && size < 0.01;
  // A larger one was rounded: `83.47034e19` is 834703400000000000000 in full, and no multiple of a thousand.
  return size > Number.MAX_SAFE_INTEGER || size % 1_000 === 0;
}

function argumentsBeyond(json: string): number {
  let beyond = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x2c || code === 0x3a) beyond++;
    // An exponent: behind a digit, which a word seldom is.
    else if ((code | 0x20) === 0x65 && json.charCodeAt(at - 1) >= 0x30 && json.charCodeAt(at - 1) <= 0x39) {
      beyond += longestNumber;
    }
  }
  return beyond;
}

/** Jinja's own filter escapes what is not ASCII and what HTML knows, with six bytes where at least one was. */
function textBeyond(text: string): number {
  let beyond = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7e || code === 0x3c || code === 0x3e || code === 0x26 || code === 0x27) beyond += 5;
  }
  return beyond;
}
