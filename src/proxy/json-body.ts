import { isRecord } from "../domain/is-record.ts";
import { parsedJson } from "../domain/parsed-json.ts";
import { type Field, type Scan, scanObject, trimmed, valueStart } from "../domain/scan-object.ts";
import { COMMA } from "./usage/bytes.ts";

/**
 * A request's body as the upstream will read it. It goes on as the client wrote it, except for fields that are
 * spliced in: numbers keep their digits and prompts their cache.
 */
export interface JsonBody {
  /** Every field, under the names that the client wrote. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Keys in the text, nested ones included, each as often as it stands: more than `value` has where one is repeated. */
  readonly keys: number;
  /** A top-level field's value, whichever accepted spelling the client used. */
  get(name: string): unknown;
  /** The same for an object's own fields, under the same rules. */
  open(name: string): { body: JsonBody } | { fault: string };
  /** The body with these fields set, in place where they stand; `undefined` takes one out. */
  with(fields: Record<string, unknown>): string;
}

export interface FieldRules {
  /** The fields whose values decide something; another spelling of one is refused. */
  known: readonly string[];
  /** Protobuf JSON (Gemini) takes `snake_case` for `camelCase`. */
  snakeCase: boolean;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const notUtf8 = "the body is not valid UTF-8";

/** @returns `undefined` for what is not UTF-8 */
export function decodeBody(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * A fault is worded for the client: bytes that are no UTF-8, what is no JSON object, and a name that two parsers may
 * read differently.
 */
export function readJsonBody(bytes: Uint8Array, rules: FieldRules): { body: JsonBody } | { fault: string } {
  const text = decodeBody(bytes);
  if (text === undefined) return { fault: notUtf8 };
  const scan = scanObject(text);
  return "fault" in scan ? scan : readBody(text, scan, rules);
}

/** A class compares both places at once: a search for one alone stops at each of millions of them, for a tenth of a second. */
const escapedNul = /[\\]u0000/;

/** A whole body that was scanned. */
export function readBody(text: string, scan: Scan, rules: FieldRules): { body: JsonBody } | { fault: string } {
  const read = readObject(text, scan, rules);
  if ("fault" in read) return read;
  const { value } = read.body;
  // Parsers of C end a name at a NUL.
  const ended = escapedNul.test(text) ? keyWithNul(value) : undefined;
  if (ended !== undefined) return { fault: `the field "${shown(ended)}" has a NUL in its name` };
  return read;
}

/**
 * Parsers differ in what they make of a repeated key or of another case (`MAX_TOKENS`), and the upstream's need not
 * be ours: what could be read in two ways is refused, so that no bound is read here and another one there.
 */
function readObject(text: string, scan: Scan, rules: FieldRules): { body: JsonBody } | { fault: string } {
  const value = parsedJson(text);
  if (value === undefined) return { fault: "the body is not valid JSON" };
  if (!isRecord(value)) return { fault: "the body is not a JSON object" };
  const fields = new Map<string, Field>();
  const known = knownBy(rules);
  for (const found of scan.fields) {
    // Only now is it known to be a JSON string.
    const field = found.key.includes("\\") ? { ...found, key: JSON.parse(`"${found.key}"`) as string } : found;
    if (field.key.length > maxName) return { fault: `a field's name is longer than ${maxName} characters` };
    const id = plain(field.key);
    if (fields.has(id)) return { fault: `"${shown(field.key)}" stands more than once in the body` };
    const spellings = known.get(id);
    if (spellings && !spellings.includes(field.key)) {
      return { fault: `"${shown(field.key)}" is not a field; write "${spellings[0]}"` };
    }
    fields.set(id, field);
  }
  return { body: new ReadObject(text, value, scan.keys, fields, rules) };
}

class ReadObject implements JsonBody {
  readonly value: Record<string, unknown>;
  readonly keys: number;
  readonly #text: string;
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #rules: FieldRules;

  constructor(
    text: string,
    value: Record<string, unknown>,
    keys: number,
    fields: ReadonlyMap<string, Field>,
    rules: FieldRules,
  ) {
    this.value = value;
    this.keys = keys;
    this.#text = text;
    this.#fields = fields;
    this.#rules = rules;
  }

  get(name: string): unknown {
    const field = this.#find(name);
    return field === undefined ? undefined : this.value[field.key];
  }

  open(name: string): { body: JsonBody } | { fault: string } {
    const field = this.#find(name);
    if (field === undefined || this.value[field.key] === null) return empty;
    const part = this.#text.slice(field.start, field.end);
    const partScan = scanObject(part);
    const inner = "fault" in partScan ? partScan : readObject(part, partScan, this.#rules);
    return "fault" in inner ? { fault: `${name}: ${inner.fault.replace("the body", "it")}` } : inner;
  }

  with(changes: Record<string, unknown>): string {
    const replaced: (Field & { json: string | undefined })[] = [];
    let added = "";
    for (const [name, change] of Object.entries(changes)) {
      const field = this.#find(name);
      const json = JSON.stringify(change) as string | undefined;
      if (field) replaced.push({ ...field, json });
      else if (json !== undefined) added += `${JSON.stringify(name)}:${json},`;
    }
    replaced.sort((a, b) => b.start - a.start);
    let result = this.#text;
    for (const field of replaced) {
      const { start, end, json } = field;
      result = json === undefined ? without(result, field) : result.slice(0, start) + json + result.slice(end);
    }
    if (added === "") return result;
    const brace = result.indexOf("{") + 1;
    const isEmpty = result[valueStart(result, brace)] === "}";
    return result.slice(0, brace) + (isEmpty ? added.slice(0, -1) : added) + result.slice(brace);
  }

  #find(name: string): Field | undefined {
    return this.#fields.get(plain(name));
  }
}

/** Several times the longest of any API, and no work to bring into its plain form. */
const maxName = 256;

const noFields: JsonBody = {
  value: {},
  keys: 0,
  get: () => undefined,
  open: () => empty,
  with: (changes) => JSON.stringify(changes),
};
const empty = { body: noFields };

/** Holds names from our own code: a client's would keep alive the whole body that they were cut out of. */
const plainForms = new Map<string, string>();

// Upper case first: Go takes U+017F for an s.
const plain = (key: string): string => plainForms.get(key) ?? key.toUpperCase().toLowerCase().replaceAll("_", "");
const shown = (key: string): string => key.slice(0, 40);

const spellingsOf = new WeakMap<FieldRules, Map<string, string[]>>();

function knownBy(rules: FieldRules): Map<string, string[]> {
  let known = spellingsOf.get(rules);
  if (!known) {
    for (const name of rules.known) plainForms.set(name, plain(name));
    known = new Map(
      rules.known.map((name) => [
        plain(name),
        rules.snakeCase ? [name, name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] : [name],
      ]),
    );
    spellingsOf.set(rules, known);
  }
  return known;
}

function keyWithNul(value: object): string | undefined {
  for (const [key, inner] of Object.entries(value)) {
    if (key.includes("\0")) return key.replaceAll("\0", "\\0");
    const found = typeof inner === "object" && inner !== null ? keyWithNul(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The object's text without a field and without one of the commas beside it. */
function without(text: string, { keyStart, end }: Field): string {
  const next = valueStart(text, end);
  if (text.charCodeAt(next) === COMMA) return text.slice(0, keyStart) + text.slice(valueStart(text, next + 1));
  const before = trimmed(text, keyStart);
  return text.slice(0, text.charCodeAt(before - 1) === COMMA ? before - 1 : before) + text.slice(next);
}
