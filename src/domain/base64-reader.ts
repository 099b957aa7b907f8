/** Reads forwards through the bytes that a base64 text stands for. */
export interface Base64Reader {
  /** The next bytes, one a character; `undefined` where the text ends before them or cannot be read for certain. */
  take(count: number): string | undefined;
  /** Passes over bytes. */
  skip(count: number): boolean;
}

/** Decoders agree on these. Python's passes over every other character, and others refuse it. */
const spaces = /[\t\n\f\r ]+/g;
const foreign = { standard: /[^A-Za-z0-9+/]/, url: /[^A-Za-z0-9_-]/ };

const sliceChars = 16_384;
/** The time that a slice takes, in steps: as long as so many bytes that are asked for one by one. */
const sliceSteps = 100;
/** Metadata before an image's size are rarely more than an eighth of this. */
const maxChars = 4 * 1024 * 1024;

/** How much is read of all that belongs together. Each call is a step, and so is each space that is left out. */
export interface ReadSteps {
  left: number;
}

/**
 * Decodes a slice at a time, so that what stands behind the bytes that are asked for costs nothing.
 *
 * @param urlSafe the decoder takes RFC 4648's second alphabet too. One text is in one of them: a decoder that passes
 * over the other's characters would see other bytes.
 */
export function base64Reader(text: string, urlSafe: boolean, steps: ReadSteps): Base64Reader {
  let at = 0;
  /** Bytes that are yet to be consumed, from `from` on. */
  let held = "";
  let from = 0;
  /** Characters that are no whole group of four yet. */
  let open = "";
  let isOver = false;
  let alphabet: keyof typeof foreign | undefined = urlSafe ? undefined : "standard";

  const more = (): void => {
    const written = text.slice(at, at + sliceChars);
    const slice = written.replaceAll(spaces, "");
    steps.left -= sliceSteps + written.length - slice.length;
    at += sliceChars;
    alphabet ??= /[-_]/.test(slice) ? "url" : /[+/]/.test(slice) ? "standard" : undefined;
    const end = slice.search(foreign[alphabet ?? "standard"]);
    isOver = end !== -1 || steps.left < 0 || at >= Math.min(text.length, maxChars);
    const chars = open + (end === -1 ? slice : slice.slice(0, end));
    const rest = chars.length % 4;
    // One character of a group is less than a byte.
    const whole = chars.length - (isOver && rest > 1 ? 0 : rest);
    open = chars.slice(whole);
    const groups = chars.slice(0, whole);
    held = held.slice(from) + atob(alphabet === "url" ? groups.replaceAll("-", "+").replaceAll("_", "/") : groups);
    from = 0;
  };

  const holds = (count: number): boolean => {
    if (--steps.left < 0) return false;
    while (held.length - from < count && !isOver) more();
    return held.length - from >= count;
  };

  return {
    take(count) {
      if (!holds(count)) return undefined;
      from += count;
      return held.slice(from - count, from);
    },

    skip(count) {
      for (let left = count; left > 0; ) {
        if (!holds(1)) return false;
        const step = Math.min(left, held.length - from);
        from += step;
        left -= step;
      }
      return true;
    },
  };
}
