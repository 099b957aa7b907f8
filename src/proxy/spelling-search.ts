/** Looks for several texts at once, in bytes. */
export interface SpellingSearch {
  /** Bytes: no shorter text holds one. */
  readonly shortest: number;
  /** @returns where the first begins that stands at or after `from`, -1 for nowhere */
  find(bytes: Uint8Array, from: number): number;
  /** @returns of the longest that begins there, 0 for none */
  lengthAt(bytes: Uint8Array, at: number): number;
  /** @returns how many bytes at the end may be the beginning of one */
  openEnd(bytes: Uint8Array): number;
}

/** Beyond it a skip gains nothing, and more pairs of bytes stop one. */
const maxWindow = 48;
const pairs = 4_096;
const pairOf = (first: number, second: number): number => ((first << 4) ^ second) & (pairs - 1);

/**
 * Goes by two bytes a step (Wu and Manber): where those two stand in no text, none can begin in as many bytes as the
 * shortest has. It looks at some twentieth of an answer and makes no copy.
 *
 * @param texts each of two bytes at least
 */
export function createSpellingSearch(texts: readonly Uint8Array[]): SpellingSearch {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  const longest = longestFirst[0]!.length;
  const window = Math.min(longestFirst.at(-1)!.length, maxWindow);
  const skips = new Uint8Array(pairs).fill(window - 1);
  const isPart = new Uint8Array(256);
  for (const text of texts) {
    for (const byte of text) isPart[byte] = 1;
    for (let at = 1; at < window; at++) {
      const pair = pairOf(text[at - 1]!, text[at]!);
      skips[pair] = Math.min(skips[pair]!, window - 1 - at);
    }
  }

  function lengthAt(bytes: Uint8Array, from: number): number {
    for (const text of longestFirst) {
      if (text[0] !== bytes[from] || text.length > bytes.length - from) continue;
      let at = 1;
      while (at < text.length && text[at] === bytes[from + at]) at++;
      if (at === text.length) return at;
    }
    return 0;
  }

  return {
    shortest: longestFirst.at(-1)!.length,
    lengthAt,

    find(bytes, from) {
      let at = from + window - 1;
      while (at < bytes.length) {
        const skip = skips[((bytes[at - 1]! << 4) ^ bytes[at]!) & (pairs - 1)]!;
        if (skip > 0) at += skip;
        else if (lengthAt(bytes, at - window + 1) > 0) return at - window + 1;
        else at++;
      }
      return -1;
    },

    openEnd(bytes) {
      const end = bytes.length;
      let from = end;
      while (from > 0 && end - from < longest - 1 && isPart[bytes[from - 1]!] === 1) from--;
      for (; from < end; from++) {
        for (const text of longestFirst) {
          let at = 0;
          while (from + at < end && text[at] === bytes[from + at]) at++;
          if (from + at === end) return at;
        }
      }
      return 0;
    },
  };
}
