import { isRecord } from "../domain/is-record.ts";
import { parsedJson } from "../domain/parsed-json.ts";

/** A provider that answers so has looked at the request and done nothing. */
const refusals: ReadonlySet<number> = new Set([
  ...[400, 401, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 421, 422, 426, 428, 429, 431, 451],
]);
/** The same, if it says so itself: a proxy in front of it answers so too when the provider took too long. */
const busy: ReadonlySet<number> = new Set([503, 529]);

/** The fields that only an answer of a model has. */
const written: ReadonlySet<string> = new Set([
  ...["usage", "usageMetadata", "choices", "candidates", "content", "output", "completion", "failed_generation"],
]);
const writtenInText = new RegExp(`"(${[...written].join("|")})"\\s*:`);
/** Fields where a service repeats the request that it refuses. */
const echoes: ReadonlySet<string> = new Set(["input", "ctx", "body", "request", "loc"]);
const maxDepth = 16;
/** Compressed in a way that nobody has undone. */
const isPacked = /(?!\s)\p{Cc}/u;
/** JSON whose end did not come may have gone on with a model's text. */
const beginsJson = /^\s*[[{]\s*(["[{]|$)/;

const decoder = new TextDecoder();

/**
 * The cost of an answer of 4xx or 5xx: `nothing` where the provider refused, `answer` where it carries a model's text,
 * and `unknown` where the provider may have worked, and billed it.
 *
 * @param body as far as it came, `undefined` where it is too long to be an error, or cannot be read
 */
export function failureCost(status: number, body: Uint8Array | undefined): "nothing" | "answer" | "unknown" {
  if (body === undefined || !(refusals.has(status) || busy.has(status))) return "unknown";
  const text = decoder.decode(body);
  const error = parsedJson(text);
  if (error === undefined ? writtenInText.test(text) : holdsAnswer(error, 0)) return "answer";
  if (error === undefined && (isPacked.test(text) || beginsJson.test(text))) return "unknown";
  return refusals.has(status) || isOwnError(error) ? "nothing" : "unknown";
}

/** The shape of every provider's errors. */
const isOwnError = (value: unknown): boolean =>
  isRecord(value) && isRecord(value.error) && typeof value.error.message === "string";

function holdsAnswer(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth > maxDepth) return true;
  if (Array.isArray(value)) return value.some((item) => holdsAnswer(item, depth + 1));
  return Object.entries(value).some(([key, inner]) => {
    if (echoes.has(key)) return false;
    return (written.has(key) && holdsSomething(inner)) || holdsAnswer(inner, depth + 1);
  });
}

function holdsSomething(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
