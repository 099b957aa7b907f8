const a = "a".charCodeAt(0);

/**
 * `req_` and two letters for each byte: what an answer, the log and the trail are matched by. It has no digits: some
 * clients take an error in whose text they find `500` or `429` for one that passes, and repeat what is refused for good.
 */
export const requestIdOf = (random: Uint8Array): string =>
  `req_${Array.from(random, (byte) => String.fromCharCode(a + (byte >> 4), a + (byte & 15))).join("")}`;
