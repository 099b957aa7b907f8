const a = "a".charCodeAt(0);
/** Two for each byte. */
const letters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(a + (byte >> 4), a + (byte & 15)));

/** Eight letters for a whole number of 32 bits. */
export const countInLetters = (count: number): string =>
  letters[count >>> 24]! + letters[(count >>> 16) & 255]! + letters[(count >>> 8) & 255]! + letters[count & 255]!;

/**
 * `req_` and 24 letters: what an answer, the log and the trail are matched by. It has no digits: some clients take an
 * error in whose text they find `500` or `429` for one that passes, and repeat what is refused for good.
 */
export const newRequestId = (randomBytes: (length: number) => Uint8Array): string =>
  `req_${Array.from(randomBytes(12), (byte) => letters[byte]!).join("")}`;
