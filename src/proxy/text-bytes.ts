const encoder = new TextEncoder();
const forms = ["NFC", "NFKC"] as const;
/** One character may become 18 of them: no copy of a whole body. */
const sliceChars = 65_536;

/** As many slices take some milliseconds, and at worst a dozen. */
const slicesATurn = 4;

/**
 * Marks in a row are put in order, in the square of the time: 64 Ki of them would hold up all others for seconds. So
 * they are parted, as in Unicode's stream-safe form (UAX #15), which adds bytes. NFKC makes marks of the last two.
 */
const mostMarks = 30;
const marksInARow = new RegExp(`[\\p{M}\\uff9e\\uff9f]{${mostMarks}}`, "gu");
const parting = "$&\u034f";
/** Halves of a pair may be of a mark. */
const mayBeMark = /[\p{M}\p{Cs}\uff9e\uff9f]/u;

/**
 * Bytes of a body as a tokenizer reads it: many normalize their input (Qwen's to NFC, XLM-RoBERTa's and Claude's
 * published one to NFKC), which makes 33 bytes of the 3 of U+FDFA. A tokenizer that normalizes does so everywhere.
 *
 * @param text the body as JSON, of `bytes` bytes
 * @param value the same, parsed: an escape stands for its character
 */
export function textBytes(text: string, bytes: number, value: unknown): number {
  if (isPlain(text, bytes)) return bytes;
  const steps = normalizedBytes(text, bytes, value);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same, with others' turn now and then: a large body takes longer than nobody else may be served. */
export async function textBytesInTurns(
  text: string,
  bytes: number,
  value: unknown,
  othersTurn: () => Promise<void>,
): Promise<number> {
  if (isPlain(text, bytes)) return bytes;
  const steps = normalizedBytes(text, bytes, value);
  for (let slices = 1; ; slices++) {
    const step = steps.next();
    if (step.done) return step.value;
    if (slices % slicesATurn === 0) await othersTurn();
  }
}

/** A class compares both places at once: a search for one alone stops at each of millions of them, for a tenth of a second. */
const escaped = /[\\]u/;

/** Whether it is ASCII, which no form changes. */
const isPlain = (text: string, bytes: number): boolean => text.length === bytes && !escaped.test(text);

/** Yields after each slice. */
function* normalizedBytes(text: string, bytes: number, value: unknown): Generator<undefined, number> {
  const json = escaped.test(text) ? JSON.stringify(value) : text;
  const totals = forms.map(() => 0);
  for (let at = 0; at < json.length; at += sliceChars) {
    const slice = json.slice(at, at + sliceChars);
    const parted = hasRow(slice) ? slice.replace(marksInARow, parting) : slice;
    for (const [index, form] of forms.entries()) totals[index]! += encoder.encode(parted.normalize(form)).length;
    yield undefined;
  }
  return Math.max(bytes, ...totals);
}

/** Looks at few characters where none is a mark. */
function hasRow(text: string): boolean {
  for (let last = mostMarks - 1; last < text.length; ) {
    let at = last;
    while (last - at < mostMarks && mayBeMark.test(text[at]!)) at--;
    if (last - at === mostMarks) return true;
    last = at + mostMarks;
  }
  return false;
}
