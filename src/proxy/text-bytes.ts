const encoder = new TextEncoder();
const forms = ["NFC", "NFKC"] as const;
/** One character may become 18 of them: no copy of a whole body. */
const sliceChars = 65_536;

/**
 * Bytes of what a tokenizer makes of a body: many normalize what they read (Qwen's to NFC, XLM-RoBERTa's and Claude's
 * published one to NFKC), which makes 33 bytes of the 3 of U+FDFA. Whatever normalizes does so everywhere.
 *
 * @param text the body as JSON, of `bytes` bytes
 * @param value the same, parsed: an escape stands for its character
 */
export function textBytes(text: string, bytes: number, value: unknown): number {
  const isEscaped = text.includes("\\u");
  const isAscii = text.length === bytes;
  if (isAscii && !isEscaped) return bytes;
  const json = isEscaped ? JSON.stringify(value) : text;
  const totals = forms.map((form) => {
    let total = 0;
    for (let at = 0; at < json.length; at += sliceChars) {
      total += encoder.encode(json.slice(at, at + sliceChars).normalize(form)).length;
    }
    return total;
  });
  return Math.max(bytes, ...totals);
}
