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
  let beyond = 0;
  let items = 0;
  for (const key in value) {
    const inner = printedBeyond((value as Record<string, unknown>)[key], depth + 1);
    if (inner === undefined) return undefined;
    // A space follows the colon.
    beyond += inner + line + (Array.isArray(value) ? 0 : 1 + textBeyond(key));
    items++;
  }
  return items === 0 ? 0 : beyond + line - 4;
}

/**
 * Bytes of `json.dumps` on one line, which providers' own prompts hold, beyond those of the most compact JSON, where
 * tokens can be as many: a space before each number of a list, and a number in full that an exponent made short. Other
 * values are in quotes, of which a tokenizer needs fewer than their bytes.
 */
export function numbersBeyond(value: unknown, inList = false): number {
  if (typeof value === "number") return (inList ? 1 : 0) + exponentBeyond(value);
  if (typeof value !== "object" || value === null) return 0;
  const isList = Array.isArray(value);
  let beyond = 0;
  for (const inner of isList ? value : Object.values(value)) beyond += numbersBeyond(inner, isList);
  return beyond;
}

/** The bytes that `1e9` gains when printed in full: `1000000000.0`. */
function exponentBeyond(value: number): number {
  const beyond = String(value).length + 2 - value.toExponential().replace("+", "").length;
  return beyond > 2 ? beyond : 0;
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
