import type { IncomingMessage } from "node:http";
import type { ProxyRequest, ReadBody } from "../../../src/proxy/proxy-request.ts";

/** Beyond it a body of announced length has a buffer of its own from the beginning. */
const ownBufferBytes = 65_536;

export function readBody(
  request: IncomingMessage,
  ...[refuse, timeoutMs, announced = 0]: Parameters<ProxyRequest["body"]>
): Promise<ReadBody> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve({ outcome: "aborted" });
    const parts: Buffer[] = [];
    let whole = announced > ownBufferBytes ? Buffer.allocUnsafeSlow(announced) : undefined;
    let length = 0;
    let ended = false;
    const end = (body: ReadBody): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      if (whole && body.outcome !== "read") freeBody(whole);
      // The rest is read and dropped, so that the client gets to see the answer.
      parts.length = 0;
      whole = undefined;
      resolve(body);
    };
    const timer = setTimeout(() => end({ outcome: "late" }), timeoutMs);
    request.on("data", (part: Buffer) => {
      if (ended) return;
      const at = length;
      length += part.length;
      const refusal = refuse(length);
      if (refusal) end(refusal);
      else if (whole) whole.set(part, at);
      else parts.push(part);
    });
    request.on("end", () => {
      if (ended) return;
      end({ outcome: "read", bytes: whole ?? (parts.length === 1 ? parts[0]! : Buffer.concat(parts)) });
    });
    request.on("close", () => end({ outcome: "aborted" }));
  });
}

/** Gives a large body's memory back at once: the collector sees tens of megabytes of it late, and others need them. */
export function freeBody(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  // A small one is part of a buffer that others use.
  if (byteLength > ownBufferBytes && buffer.byteLength === byteLength) (buffer as ArrayBuffer).transfer(0);
}
