import type { IncomingMessage } from "node:http";
import type { ProxyRequest, ReadBody } from "../../../src/proxy/proxy-request.ts";

/** Beyond it a body of announced length has a buffer of its own from the beginning. */
const ownBufferBytes = 65_536;
/** So many become one: each takes hundreds of bytes beside its own, and a client may send a byte in each. */
const mostParts = 1_024;

export type BodyTerms = Parameters<ProxyRequest["body"]>;

/** A body that comes in parts, until it is whole or something else ends it; what is called later does nothing. */
export class BodyReading {
  readonly #refuse: BodyTerms[0];
  readonly #resolve: (body: ReadBody) => void;
  readonly #timer: NodeJS.Timeout;
  #parts: Buffer[] = [];
  /** The first of them that have become of several. */
  #joined = 0;
  #whole: Buffer | undefined;
  #length = 0;
  #isOver = false;

  constructor([refuse, timeoutMs, announced = 0]: BodyTerms, resolve: (body: ReadBody) => void) {
    this.#refuse = refuse;
    this.#resolve = resolve;
    this.#whole = announced > ownBufferBytes ? Buffer.allocUnsafeSlow(announced) : undefined;
    this.#timer = setTimeout(() => this.#end({ outcome: "late" }), timeoutMs);
  }

  add(part: Buffer): void {
    if (this.#isOver) return;
    const at = this.#length;
    this.#length += part.length;
    const refusal = this.#refuse(this.#length);
    if (refusal) this.#end(refusal);
    else if (this.#whole) this.#whole.set(part, at);
    else if (this.#parts.push(part) - this.#joined === mostParts) {
      this.#joined = this.#parts.push(Buffer.concat(this.#parts.splice(this.#joined)));
    }
  }

  complete(): void {
    if (this.#isOver) return;
    const parts = this.#parts;
    this.#end({ outcome: "read", bytes: this.#whole ?? (parts.length === 1 ? parts[0]! : Buffer.concat(parts)) });
  }

  /** The client has left. */
  abort(): void {
    if (!this.#isOver) this.#end({ outcome: "aborted" });
  }

  #end(body: ReadBody): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#whole && body.outcome !== "read") freeBody(this.#whole);
    // The rest is read and dropped, so that the client gets to see the answer.
    this.#parts = [];
    this.#whole = undefined;
    this.#resolve(body);
  }
}

/** Never rejects: a client that leaves is an `aborted` body, and one that is slow a `late` one. */
export function readBody(request: IncomingMessage, ...terms: BodyTerms): Promise<ReadBody> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve({ outcome: "aborted" });
    const reading = new BodyReading(terms, resolve);
    request
      .on("data", (part: Buffer) => reading.add(part))
      .on("end", () => reading.complete())
      .on("close", () => reading.abort());
  });
}

/** Gives a large body's memory back at once: the collector sees tens of megabytes of it late, and others need them. */
export function freeBody(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  // A small one is part of a buffer that others use.
  if (byteLength > ownBufferBytes && buffer.byteLength === byteLength) (buffer as ArrayBuffer).transfer(0);
}
