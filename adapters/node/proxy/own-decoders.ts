// Whole: an older Node lacks one of its names, and is to be told so by us rather than by its linker.
import zlib from "node:zlib";
import type { Decoders } from "../../../src/proxy/inflate-body.ts";

/** The window that every decoder has to grant (RFC 8878), 8 MiB: a body of a few bytes may ask for a gigabyte. */
const mostWindowLog = 23;

/** Encodings of a request's body that Node reads, and its `DecompressionStream` does not. */
export const ownDecoders: Decoders = {
  zstd(bytes) {
    const decoder = zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: mostWindowLog } });
    decoder.end(bytes);
    return decoder;
  },
};
