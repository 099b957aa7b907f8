import { joined } from "./usage/byte-capture.ts";

export type Inflated =
  | { outcome: "inflated"; bytes: Uint8Array }
  /** This runtime does not know the encoding. */
  | { outcome: "unknown" }
  | { outcome: "broken" }
  | { outcome: "refused" };

const formats: Record<string, string> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli",
  zstd: "zstd",
};

/**
 * A compressed body as it was, piece by piece: a thousand bytes of it may be one.
 *
 * @param encoding as `content-encoding` names it; of several at once none is known
 * @param goesOn asked with the length of what has come so far
 */
export async function inflateBody(
  bytes: Uint8Array,
  encoding: string,
  goesOn: (length: number) => boolean,
): Promise<Inflated> {
  const name = encoding.trim().toLowerCase();
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined) return { outcome: "unknown" };
  let stream: DecompressionStream;
  try {
    stream = new DecompressionStream(format as ConstructorParameters<typeof DecompressionStream>[0]);
  } catch {
    return { outcome: "unknown" };
  }
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const reader = source.pipeThrough(stream).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { outcome: "inflated", bytes: length === 0 ? new Uint8Array() : joined(parts, length) };
      parts.push(value);
      length += value.length;
      if (goesOn(length)) continue;
      reader.cancel().catch(() => {});
      return { outcome: "refused" };
    }
  } catch {
    return { outcome: "broken" };
  }
}
