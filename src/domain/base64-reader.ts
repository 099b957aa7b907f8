/** Reads forwards through the bytes that a base64 text stands for. */
export interface Base64Reader {
  /** The next bytes, one a character; `undefined` where the text ends before them or cannot be read for certain. */
  take(count: number): string | undefined;
  /** Passes over bytes without decoding them. */
  skip(count: number): boolean;
}

/** Decoders agree on these. Python's passes over every other character, and others refuse it. */
const spaces = /[\t\n\f\r ]+/g;
const foreign = { standard: /[^A-Za-z0-9+/]/, url: /[^A-Za-z0-9_-]/ };

const sliceChars = 16_384;
/** Metadata before an image's size are rarely more than an eighth of this. */
const maxChars = 4 * 1024 * 1024;

/**
 * Decodes a slice at a time, so that what stands behind the bytes that are asked for costs nothing.
 *
 * @param urlSafe the decoder takes RFC 4648's second alphabet too. One text is in one of them: a decoder that passes
 * over the other's characters would see other bytes.
 */
export function base64Reader(text: string, urlSafe: boolean): Base64Reader {
  let at = 0;
  /** Characters that are yet to be consumed: whole groups of four, of whose first `lead` bytes are consumed. */
  let pending = "";
  let lead = 0;
  let isOver = false;
  let alphabet: keyof typeof foreign | undefined = urlSafe ? undefined : "standard";

  const more = (): void => {
    if (at >= Math.min(text.length, maxChars)) isOver = true;
    if (isOver) return;
    const slice = text.slice(at, at + sliceChars).replaceAll(spaces, "");
    at += sliceChars;
    alphabet ??= /[-_]/.test(slice) ? "url" : /[+/]/.test(slice) ? "standard" : undefined;
    const end = slice.search(foreign[alphabet ?? "standard"]);
    if (end !== -1) isOver = true;
    pending += end === -1 ? slice : slice.slice(0, end);
  };

  /** @returns the groups that hold the next `count` bytes, as far as they are there */
  const hold = (count: number): string | undefined => {
    const chars = Math.ceil(((lead + count) * 4) / 3);
    while (pending.length < chars && !isOver) more();
    return pending.length < chars ? undefined : pending.slice(0, Math.ceil((lead + count) / 3) * 4);
  };

  const pass = (count: number): void => {
    const consumed = lead + count;
    pending = pending.slice(Math.floor(consumed / 3) * 4);
    lead = consumed % 3;
  };

  return {
    take(count) {
      const groups = hold(count);
      if (groups === undefined) return undefined;
      const bytes = atob(groups.replaceAll("-", "+").replaceAll("_", "/")).slice(lead, lead + count);
      pass(count);
      return bytes;
    },

    skip(count) {
      let left = count;
      while (left > 0) {
        const step = Math.min(left, sliceChars / 2);
        if (hold(step) === undefined) return false;
        pass(step);
        left -= step;
      }
      return true;
    },
  };
}
