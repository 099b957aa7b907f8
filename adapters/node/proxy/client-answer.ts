import type { ServerResponse } from "node:http";

/** An answer on its way to the client: through `node:http`, or on the socket itself. Fields are names and values by turns. */
export interface ClientAnswer {
  /** Whether the client is gone, or has all of it. */
  isClosed(): boolean;
  isBegun(): boolean;
  /** The whole of it. */
  whole(status: number, fields: string[], body: Uint8Array | string | undefined): void;
  /**
   * The head of one whose length is not known, and the first bytes, if there are any.
   * @returns whether more may follow at once, as for `write`
   */
  begin(status: number, fields: string[], first: Uint8Array | undefined): boolean;
  write(bytes: Uint8Array): boolean;
  end(last: Uint8Array | string | undefined): void;
  /** Breaks the connection off once all that was written has gone. */
  breakOff(): void;
  destroy(): void;
  /** Calls it once, when more may follow again. */
  onceDrained(listener: () => void): void;
  /** Calls it once, when the client is gone or has all of it. */
  onceClosed(listener: () => void): void;
}

/** Above it copying costs more than a second part of a write. */
const maxJoined = 16_384;

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
/** A byte a character, by which a body joins a head that is text. */
const asLatin1 = (bytes: Uint8Array): string => asBuffer(bytes).toString("latin1");

/** No answer of 204 has a length (RFC 9110, 8.6). */
export const hasLength = (status: number): boolean => status !== 204;

/** An answer through `node:http`. */
export function nodeAnswer(response: ServerResponse): ClientAnswer {
  return {
    isClosed: () => response.destroyed,
    isBegun: () => response.headersSent,
    whole(status, fields, body) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const length = hasLength(status) ? ["content-length", String(bytes?.length ?? 0)] : [];
      response.writeHead(status, [...fields, ...length]);
      // Node joins head and body into one write where both are text.
      if (bytes && bytes.length <= maxJoined) response.end(asLatin1(bytes), "latin1");
      else response.end(bytes);
    },
    begin(status, fields, first) {
      response.writeHead(status, fields);
      if (first && first.length > 0) return response.write(first);
      response.flushHeaders();
      return true;
    },
    write: (bytes) => response.write(bytes),
    end(last) {
      if (typeof last === "object" && last.length <= maxJoined) response.end(asLatin1(last), "latin1");
      else response.end(last);
    },
    breakOff: () => void response.write("", () => response.destroy()),
    destroy: () => void response.destroy(),
    onceDrained: (listener) => void response.once("drain", listener),
    onceClosed: (listener) => void response.once("close", listener),
  };
}
