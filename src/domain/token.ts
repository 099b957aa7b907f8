/**
 * Keys read `<prefix>_<keyId>_<secret><crc32>`: GitHub's token format, so that secret scanners can tell a real
 * key from a look-alike, and so that a mistyped one is refused before any lookup.
 */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const keyIdLength = 16;
/** 30 base62 characters: 178 bits. */
const secretLength = 30;
const checksumLength = 6;

/** `ocp`: provisioning key. `ocv`: virtual AI key. `ocs`: console session. `occ`: code of a console link. */
export type TokenPrefix = "ocp" | "ocv" | "ocs" | "occ";
type RandomBytes = (length: number) => Uint8Array;

function randomText(length: number, randomBytes: RandomBytes): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 248 is the largest multiple of 62 in a byte: taking the rest would favour the first letters.
      if (byte < 248 && text.length < length) text += alphabet[byte % 62];
    }
  }
  return text;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function checksum(text: string): string {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at++) crc = (crc >>> 8) ^ crcTable[(crc ^ text.charCodeAt(at)) & 0xff]!;
  let rest = (crc ^ 0xffffffff) >>> 0;
  let digits = "";
  for (let at = 0; at < checksumLength; at++) {
    digits = alphabet[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** A fresh public id of `[A-Za-z0-9]`, 95 bits. */
export const newKeyId = (randomBytes: RandomBytes): string => randomText(keyIdLength, randomBytes);

/** A fresh key of that id. */
export function issueToken(prefix: TokenPrefix, keyId: string, randomBytes: RandomBytes): string {
  const body = `${prefix}_${keyId}_${randomText(secretLength, randomBytes)}`;
  return body + checksum(body);
}

const form = /^(?:ocp|ocv|ocs|occ)_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}$/;

/** The id inside a well-formed key of that kind, or `undefined`: malformed, mistyped, of another kind. */
export function parseToken(text: string, prefix: TokenPrefix): { keyId: string } | undefined {
  if (!form.test(text) || !text.startsWith(prefix)) return undefined;
  const body = text.slice(0, -checksumLength);
  if (checksum(body) !== text.slice(-checksumLength)) return undefined;
  const from = prefix.length + 1;
  return { keyId: text.slice(from, from + keyIdLength) };
}

/** A token, or two with a comma between them while one takes the other's place. */
export const tokensIn = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
