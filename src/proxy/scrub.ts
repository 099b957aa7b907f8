import { toBase64Url } from "../domain/base64url.ts";
import { createSpellingSearch } from "./spelling-search.ts";
import { copyOf, joined } from "./usage/byte-capture.ts";

/**
 * The spellings in which an upstream may give back the key that it was sent: providers echo it (LiteLLM issue 18731).
 */
export interface Scrub {
  /** Whether a text (a header's value) holds the key in any spelling. */
  finds(text: string): boolean;
  /** The bytes without the key; the same ones where it is not in them. */
  whole(bytes: Uint8Array): Uint8Array;
  /** Takes bytes that come in pieces cut anywhere. */
  stream(): ScrubStream;
}

export interface ScrubStream {
  /** @returns what goes on: all of it, unless its end may be the beginning of the key */
  push(bytes: Uint8Array): Uint8Array;
  /** The bytes that were held back. */
  end(): Uint8Array | undefined;
}

const maxKept = 256;
const encoder = new TextEncoder();
const replacement = encoder.encode("[redacted]");

/** A scrub is made once for each set of master keys; 256 of them are kept. */
export function createScrubs(): (masterKeys: readonly string[]) => Scrub {
  const kept = new Map<string, Scrub>();
  return (masterKeys) => {
    const name = masterKeys.length === 1 ? masterKeys[0]! : masterKeys.join(" ");
    let scrub = kept.get(name);
    if (!scrub) {
      scrub = createScrub(masterKeys);
      if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
      kept.set(name, scrub);
    }
    return scrub;
  };
}

const untouched: Scrub = {
  finds: () => false,
  whole: (bytes) => bytes,
  stream: () => ({ push: (bytes) => bytes, end: () => undefined }),
};

function createScrub(masterKeys: readonly string[]): Scrub {
  const spellings = masterKeys.filter(isSecret).flatMap(spellingsOf);
  if (spellings.length === 0) return untouched;
  const search = createSpellingSearch(spellings.map((spelling) => encoder.encode(spelling)));

  function whole(bytes: Uint8Array): Uint8Array {
    let found = search.find(bytes, 0);
    if (found === -1) return bytes;
    const parts: Uint8Array[] = [];
    let length = 0;
    let at = 0;
    const keep = (part: Uint8Array): void => {
      parts.push(part);
      length += part.length;
    };
    for (; found !== -1; found = search.find(bytes, at)) {
      keep(bytes.subarray(at, found));
      keep(replacement);
      at = found + search.lengthAt(bytes, found);
    }
    keep(bytes.subarray(at));
    return joined(parts, length);
  }

  return {
    finds: (text) => text.length >= search.shortest && search.find(latin1Bytes(text), 0) !== -1,
    whole,
    stream: () => new HoldingBack(whole, search.openEnd),
  };
}

/** A class: each answer has one. */
class HoldingBack implements ScrubStream {
  readonly #whole: (bytes: Uint8Array) => Uint8Array;
  readonly #openEnd: (bytes: Uint8Array) => number;
  #held: Uint8Array | undefined;

  constructor(whole: (bytes: Uint8Array) => Uint8Array, openEnd: (bytes: Uint8Array) => number) {
    this.#whole = whole;
    this.#openEnd = openEnd;
  }

  push(piece: Uint8Array): Uint8Array {
    const held = this.#held;
    const clean = this.#whole(held ? joined([held, piece], held.length + piece.length) : piece);
    const open = this.#openEnd(clean);
    // Bytes that outlive their piece are copied: its owner may use the buffer again.
    this.#held = open === 0 ? undefined : copyOf(clean.subarray(clean.length - open));
    return open === 0 ? clean : clean.subarray(0, clean.length - open);
  }

  end(): Uint8Array | undefined {
    const rest = this.#held;
    this.#held = undefined;
    return rest;
  }
}

/** A header's value, a byte a character. */
function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

const leastSecret = 6;
/** A placeholder where a local server asks for any key ("ollama", "EMPTY") is a word of the language too. */
const isSecret = (key: string): boolean => key.length >= 16 || (key.length >= leastSecret && /\d/.test(key));

function spellingsOf(key: string): string[] {
  const bytes = encoder.encode(key);
  const hex = (separator: string) =>
    Array.from(bytes, (byte) => separator + byte.toString(16).padStart(2, "0")).join("");
  const percent = key.replace(/[^A-Za-z0-9]/gu, (char) =>
    Array.from(encoder.encode(char), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""),
  );
  const json = JSON.stringify(key).slice(1, -1);
  const all = [
    ...[key, json, json.replaceAll("/", "\\/"), encodeURIComponent(key)],
    ...[percent, percent.replace(/%../g, (code) => code.toUpperCase())],
    ...[hex(""), hex("").toUpperCase(), hex("%"), hex("%").toUpperCase()],
    ...[0, 1, 2].flatMap((offset) => {
      const inner = base64Inside(bytes, offset);
      return [inner, inner.replaceAll("-", "+").replaceAll("_", "/")];
    }),
  ];
  if (/^[\0-\x7f]*$/.test(key)) all.push(hex("\\u00"));
  return [...new Set(all)];
}

/** The part of the base64 that is the same in any surroundings, `offset` bytes after a group's begin. */
function base64Inside(bytes: Uint8Array, offset: number): string {
  const shifted = new Uint8Array(offset + bytes.length);
  shifted.set(bytes, offset);
  return toBase64Url(shifted).slice(Math.ceil((offset * 8) / 6), Math.floor((shifted.length * 8) / 6));
}
