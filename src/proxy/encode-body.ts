import { othersTurn } from "../domain/others-turn.ts";
import { isLargeBody } from "./large-body.ts";
import { joined } from "./usage/byte-capture.ts";

const encoder = new TextEncoder();
/** Takes some milliseconds. */
const sliceChars = 1_048_576;

/** The text's UTF-8, of a large one with others' turn now and then. */
export function encodeBody(text: string): Uint8Array | Promise<Uint8Array> {
  return isLargeBody(text.length) ? encodeInTurns(text) : encoder.encode(text);
}

async function encodeInTurns(text: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + sliceChars, text.length);
    // Half a pair is no character.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    const part = encoder.encode(text.slice(at, end));
    parts.push(part);
    length += part.length;
    at = end;
    await othersTurn();
  }
  return joined(parts, length);
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
