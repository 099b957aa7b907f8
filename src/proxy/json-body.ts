/**
 * A request's body as the upstream will read it. It goes on as the client wrote it, except for fields that are
 * spliced in: numbers keep their digits and prompts their cache.
 */
export interface JsonBody {
  /** Every field, under the names that the client wrote. */
  readonly value: Readonly<Record<string, unknown>>;
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

interface Field {
  key: string;
  /** Of the quote before the key. */
  keyStart: number;
  /** Of the value. */
  start: number;
  end: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parsers differ in what they make of a repeated key or of another case (`MAX_TOKENS`), and the upstream's need not
 * be ours: what could be read in two ways is refused, so that no bound is read here and another one there.
 */
export function readJsonBody(bytes: Uint8Array, rules: FieldRules): { body: JsonBody } | { fault: string } {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { fault: "the body is not valid UTF-8" };
  }
  return readObject(text, rules, true);
}

/** @param outermost whether this is the whole body, so that what is nested in it is checked here and only once */
function readObject(text: string, rules: FieldRules, outermost = false): { body: JsonBody } | { fault: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: "the body is not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { fault: "the body is not a JSON object" };
  const read = value as Record<string, unknown>;
  const fields = new Map<string, Field>();
  const known = knownBy(rules);
  const stand = topLevelFields(text);
  if (stand === undefined) return { fault: `the body is nested deeper than ${maxDepth} levels` };
  for (const field of stand.fields) {
    const id = plain(field.key);
    if (fields.has(id)) return { fault: `"${shown(field.key)}" stands more than once in the body` };
    const spellings = known.get(id);
    if (spellings && !spellings.includes(field.key)) {
      return { fault: `"${shown(field.key)}" is not a field; write "${spellings[0]}"` };
    }
    fields.set(id, field);
  }
  if (outermost) {
    // Parsers of C end a name at a NUL.
    const ended = text.includes("\\u0000") ? keyWithNul(read) : undefined;
    if (ended !== undefined) return { fault: `the field "${shown(ended)}" has a NUL in its name` };
    // `JSON.parse` keeps the last of several equal keys, and other parsers keep the first.
    if (keysIn(read) !== stand.keys) return { fault: "an object in the body has a key that stands more than once" };
  }
  const find = (name: string): Field | undefined => fields.get(plain(name));
  return {
    body: {
      value: read,
      get(name) {
        const field = find(name);
        return field === undefined ? undefined : read[field.key];
      },
      open(name) {
        const field = find(name);
        if (field === undefined || read[field.key] === null) return { body: noFields };
        const inner = readObject(text.slice(field.start, field.end), rules);
        return "fault" in inner ? { fault: `${name}: ${inner.fault.replace("the body", "it")}` } : inner;
      },
      with(changes) {
        const replaced: (Field & { json: string | undefined })[] = [];
        let added = "";
        for (const [name, change] of Object.entries(changes)) {
          const field = find(name);
          const json = JSON.stringify(change) as string | undefined;
          if (field) replaced.push({ ...field, json });
          else if (json !== undefined) added += `${JSON.stringify(name)}:${json},`;
        }
        replaced.sort((a, b) => b.start - a.start);
        let result = text;
        for (const field of replaced) {
          const { start, end, json } = field;
          result = json === undefined ? without(result, field) : result.slice(0, start) + json + result.slice(end);
        }
        if (added === "") return result;
        const brace = result.indexOf("{") + 1;
        const isEmpty = result[valueStart(result, brace)] === "}";
        return result.slice(0, brace) + (isEmpty ? added.slice(0, -1) : added) + result.slice(brace);
      },
    },
  };
}

const noFields: JsonBody = {
  value: {},
  get: () => undefined,
  open: () => ({ body: noFields }),
  with: (changes) => JSON.stringify(changes),
};

const plainForms = new Map<string, string>();
const maxPlainForms = 1_000;

function plain(key: string): string {
  let form = plainForms.get(key);
  if (form === undefined) {
    // Upper case first: Go takes U+017F for an s.
    form = key.toUpperCase().toLowerCase().replaceAll("_", "");
    if (plainForms.size < maxPlainForms && key.length < 64) plainForms.set(key, form);
  }
  return form;
}
const shown = (key: string): string => key.slice(0, 40);

const spellingsOf = new WeakMap<FieldRules, Map<string, string[]>>();

function knownBy(rules: FieldRules): Map<string, string[]> {
  let known = spellingsOf.get(rules);
  if (!known) {
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

/** Far beyond any schema; what goes deeper could be parsed, but not written again. */
const maxDepth = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** The keys of all objects in a value that is nested no deeper than `maxDepth`. */
function keysIn(value: object): number {
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && item !== null) keys += keysIn(item);
    return keys;
  }
  for (const key in value) {
    keys++;
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === "object" && inner !== null) keys += keysIn(inner);
  }
  return keys;
}

function keyWithNul(value: object): string | undefined {
  for (const [key, inner] of Object.entries(value)) {
    if (key.includes("\0")) return key.replaceAll("\0", "\\0");
    const found = typeof inner === "object" && inner !== null ? keyWithNul(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Scan {
  fields: Field[];
  /** Of all objects, nested ones included, each as often as it stands. */
  keys: number;
}

/**
 * The fields of an object that `JSON.parse` has accepted, repeated ones included, with where their values stand;
 * `undefined` where one is nested too deeply.
 */
function topLevelFields(text: string): Scan | undefined {
  const fields: Field[] = [];
  const scan: Scan = { fields, keys: 0 };
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = text.indexOf('"', at);
    if (at === -1) return scan;
    const keyEnd = stringEnd(text, at);
    const written = text.slice(at + 1, keyEnd - 1);
    const key = written.includes("\\") ? (JSON.parse(`"${written}"`) as string) : written;
    const start = valueStart(text, text.indexOf(":", keyEnd) + 1);
    scan.keys++;
    const end = valueEnd(text, start, scan);
    if (end === -1) return undefined;
    fields.push({ key, keyStart: at, start, end });
    at = end;
  }
}

function valueStart(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The index after the closing quote of the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at + 1);
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

/** The index after the value that begins at `from`, whose keys it counts; -1 where it is nested too deeply. */
function valueEnd(text: string, from: number, scan: Scan): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (code === 0x5b || code === 0x7b) {
      if (depth === maxDepth) return -1;
      depth++;
    } else if (code === 0x5d || code === 0x7d) {
      if (depth === 0) return trimmed(text, at);
      depth--;
      if (depth === 0) return at + 1;
    } else if (code === COLON) scan.keys++;
    else if (code === COMMA && depth === 0) return trimmed(text, at);
    at++;
  }
}

/** The object's text without a field and without one of the commas beside it. */
function without(text: string, { keyStart, end }: Field): string {
  const next = valueStart(text, end);
  if (text.charCodeAt(next) === COMMA) return text.slice(0, keyStart) + text.slice(valueStart(text, next + 1));
  const before = trimmed(text, keyStart);
  return text.slice(0, text.charCodeAt(before - 1) === COMMA ? before - 1 : before) + text.slice(next);
}

function trimmed(text: string, end: number): number {
  let at = end;
  while (text.charCodeAt(at - 1) <= 0x20) at--;
  return at;
}
