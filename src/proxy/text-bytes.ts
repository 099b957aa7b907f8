const encoder = new TextEncoder();
const forms = ["NFC", "NFKC"] as const;
/** One character may become 18 of them: no copy of a whole body. */
const sliceChars = 65_536;

/** As many slices take some milliseconds, and at worst a dozen. */
const slicesATurn = 8;

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

/** Whether it is ASCII, which no form changes. */
const isPlain = (text: string, bytes: number): boolean => text.length === bytes && !text.includes("\\u");

/** Yields after each slice. */
function* normalizedBytes(text: string, bytes: number, value: unknown): Generator<undefined, number> {
  const json = text.includes("\\u") ? JSON.stringify(value) : text;
  let most = bytes;
  for (const form of forms) {
    let total = 0;
    for (let at = 0; at < json.length; at += sliceChars) {
      total += encoder.encode(json.slice(at, at + sliceChars).normalize(form)).length;
      yield undefined;
    }
    most = Math.max(most, total);
  }
  return most;
}
