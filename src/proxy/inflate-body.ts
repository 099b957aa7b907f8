import { joined } from "./usage/byte-capture.ts";

export type Inflated =
  | { outcome: "inflated"; bytes: Uint8Array }
  /** This runtime does not know the encoding. */
  | { outcome: "unknown" }
  | { outcome: "broken" }
  | { outcome: "refused" };

/** Decoders of the transport's own, by the name in `content-encoding`; leaving the loop over one ends it. */
export type Decoders = Readonly<Record<string, (bytes: Uint8Array) => AsyncIterable<Uint8Array>>>;

const formats: Record<string, string> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli",
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
  decoders: Decoders = {},
): Promise<Inflated> {
  const pieces = decoded(bytes, encoding.trim().toLowerCase(), decoders);
  if (pieces === undefined) return { outcome: "unknown" };
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of pieces) {
      parts.push(piece);
      length += piece.length;
      if (!goesOn(length)) return { outcome: "refused" };
    }
  } catch {
    return { outcome: "broken" };
  }
  return { outcome: "inflated", bytes: length === 0 ? new Uint8Array() : joined(parts, length) };
}

function decoded(bytes: Uint8Array, name: string, decoders: Decoders): AsyncIterable<Uint8Array> | undefined {
  if (Object.hasOwn(decoders, name)) return decoders[name]!(bytes);
  if (!Object.hasOwn(formats, name)) return undefined;
  try {
    const stream = new DecompressionStream(formats[name] as ConstructorParameters<typeof DecompressionStream>[0]);
    return new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
  } catch {
    return undefined;
  }
}
