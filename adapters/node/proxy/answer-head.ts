import type { IncomingHttpHeaders } from "node:http";
import type { Transform } from "node:stream";
// Whole: an older Node lacks one of its names, and is to be told so by us rather than by its linker.
import zlib from "node:zlib";
import { type AdmittedRequest, isEventStream } from "../../../src/proxy/admitted-request.ts";
import {
  answerGuards,
  connectionNames,
  eventStreamFields,
  isForwardedBack,
  ownRequestId,
} from "../../../src/proxy/headers.ts";
import type { Scrub } from "../../../src/proxy/scrub.ts";

const decoders: Record<string, () => Transform> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  zstd: zlib.createZstdDecompress,
};

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Asked of the upstream is `identity`; one that compresses all the same is decoded, for the meter and the client. */
export function decoderOf(headers: IncomingHttpHeaders): Transform | undefined {
  const encoding = [headers["content-encoding"]].flat().join().trim().toLowerCase();
  return Object.hasOwn(decoders, encoding) ? decoders[encoding]!() : undefined;
}

const guards = Object.entries(answerGuards).flat();
const streamFields = Object.entries(eventStreamFields).flat();

/** Names and values by turns, as `writeHead` takes them. */
export function answerHead(
  headers: IncomingHttpHeaders,
  admitted: AdmittedRequest,
  scrub: Scrub,
  decoded: boolean,
): string[] {
  const hop = connectionNames(single(headers.connection));
  const fields = guards.slice();
  for (const name in admitted.answerHeaders) fields.push(name, admitted.answerHeaders[name]!);
  const type = headers["content-type"];
  const streams = isEventStream(Array.isArray(type) ? (type as string[]).join(", ") : type);
  if (streams) fields.push(...streamFields);
  fields.push(headers["x-request-id"] === undefined ? "x-request-id" : ownRequestId, admitted.requestId);
  for (const name in headers) {
    const unknownEncoding = name === "content-encoding" && !decoded;
    if (!unknownEncoding && !isForwardedBack(name)) continue;
    if (hop.length > 0 && hop.includes(name)) continue;
    if (streams && name === "cache-control") continue;
    const value = headers[name];
    if (!Array.isArray(value)) {
      if (!scrub.finds(value ?? "")) fields.push(name, value ?? "");
    } else for (const one of value) if (!scrub.finds(one)) fields.push(name, one);
  }
  return fields;
}
