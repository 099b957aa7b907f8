import type { IncomingHttpHeaders, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Transform } from "node:stream";
// Whole: an older Node lacks one of its names, and is to be told so by us rather than by its linker.
import zlib from "node:zlib";
import type { Dispatcher } from "undici";
import type { Grant } from "../../src/proxy/grant.ts";
import { connectionNames, isForwardedBack } from "../../src/proxy/headers.ts";
import {
  maxErrorBytes,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
  withoutMasterKey,
} from "../../src/proxy/upstream-error.ts";
import type { Meter } from "../../src/proxy/usage/meter.ts";
import type { Context } from "../../src/service/context.ts";
import type { Upstreams } from "./upstreams.ts";

type Controller = Dispatcher.DispatchController;

const decoders: Record<string, () => Transform> = {
  gzip: zlib.createGunzip,
  "x-gzip": zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  zstd: zlib.createZstdDecompress,
};

/** Asked of the upstream is `identity`; one that compresses all the same is decoded, for the meter and the client. */
function decoderOf(encoding: string | undefined): Transform | undefined {
  const name = encoding?.trim().toLowerCase() ?? "";
  return Object.hasOwn(decoders, name) ? decoders[name]!() : undefined;
}

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/**
 * Sends what was granted and streams the answer back as it comes. The chunks of one turn of the event loop (often
 * all that a socket held) are metered and written as one.
 */
export function relay(grant: Grant, response: ServerResponse, upstreams: Upstreams, context: Context): void {
  let controller: Controller | undefined;
  let status = 0;
  let head: string[] | undefined;
  let meter: Meter | undefined;
  let decoder: Transform | undefined;
  let chunks: Uint8Array[] = [];
  let chunksLength = 0;
  let ended = false;
  let flushing = false;
  let waiting = false;
  /** Nothing more is done for this request. */
  let over = false;

  const started = (): boolean => head !== undefined;
  const isError = (): boolean => status >= 400;

  function scheduleFlush(): void {
    if (flushing) return;
    flushing = true;
    process.nextTick(flush);
  }

  function gathered(): Uint8Array | undefined {
    if (chunks.length === 0) return undefined;
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, chunksLength);
    chunks = [];
    chunksLength = 0;
    return whole;
  }

  function flush(): void {
    flushing = false;
    if (over || !started()) return;
    if (isError()) {
      if (ended) sendError();
      return;
    }
    const bytes = gathered();
    let passed = bytes && meter ? meter.push(bytes) : bytes;
    if (ended) {
      const rest = meter?.end();
      if (rest) passed = passed ? Buffer.concat([passed, rest]) : rest;
    }
    // Before the bytes that say so: whoever has seen the answer's end sees its cost.
    if (ended || meter?.isFinal()) grant.finish(meter);
    if (ended) {
      over = true;
      writeHead(passed?.length ?? 0);
      response.end(passed);
      return;
    }
    if (!response.headersSent) {
      writeHead(undefined);
      if (!passed) response.flushHeaders();
    }
    if (passed && passed.length > 0 && !response.write(passed)) pause();
  }

  function pause(): void {
    if (waiting) return;
    waiting = true;
    controller?.pause();
    response.once("drain", () => {
      waiting = false;
      if (!over) controller?.resume();
    });
  }

  /** @param length of the whole body, where it is known by now */
  function writeHead(length: number | undefined): void {
    if (response.headersSent) return;
    const fields = head!;
    if (length !== undefined) fields.push("content-length", String(length));
    // A server that is stopping listens no more; its connections must not be kept.
    if ((response.socket as (Socket & { server?: Server }) | null)?.server?.listening === false) {
      fields.push("connection", "close");
    }
    response.writeHead(status, fields);
  }

  function sendError(): void {
    over = true;
    const bytes = gathered();
    const body = bytes && withoutMasterKey(bytes, grant.masterKey);
    writeHead(body?.length ?? 0);
    response.end(body);
  }

  function refuse(code: number, message: string): void {
    over = true;
    const { status, headers, body } = grant.refuse(code, message);
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    response.end(body);
  }

  function data(chunk: Uint8Array): void {
    if (over) return;
    chunks.push(chunk);
    chunksLength += chunk.length;
    if (isError() && chunksLength > maxErrorBytes) {
      refuse(status, "The provider's error is too long to be shown");
      controller?.abort(new Error("the error is too long"));
      return;
    }
    scheduleFlush();
  }

  function end(): void {
    ended = true;
    if (!over) flush();
  }

  /** The answer broke off: what came goes on, and then the client's connection breaks off as well. */
  function cut(): void {
    if (over) return;
    if (isError()) {
      sendError();
      return;
    }
    flush();
    over = true;
    grant.finish(meter);
    if (!response.headersSent) writeHead(undefined);
    response.write("", () => response.destroy());
  }

  response.on("close", () => {
    if (over) return;
    over = true;
    // Sent, it may cost what was reserved; never sent, it costs nothing.
    if (controller === undefined) grant.release("client_left");
    else grant.finish(started() ? meter : grant.meter(undefined));
    decoder?.destroy();
    controller?.abort(new Error("the client left"));
  });
  if (response.destroyed) {
    over = true;
    grant.release("client_left");
    return;
  }

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started;
      if (over) started.abort(new Error("the client left"));
    },

    onResponseStart(_, code, headers) {
      if (code < 200 || over) return;
      status = code;
      if (code < 400 && code >= 300) {
        grant.release("redirect");
        refuse(502, redirectMessage);
        controller?.abort(new Error("a redirect is not followed"));
        return;
      }
      if (code >= 400) grant.release(String(code));
      else meter = grant.meter(single(headers["content-type"]));
      decoder = decoderOf(single(headers["content-encoding"]));
      head = answerHead(headers, grant, decoder !== undefined);
      decoder
        ?.on("data", data)
        .on("end", end)
        .on("error", () => {
          cut();
          controller?.abort(new Error("the answer cannot be decoded"));
        });
      scheduleFlush();
    },

    onResponseData(_, chunk) {
      if (decoder) decoder.write(chunk);
      else data(chunk);
    },

    onResponseEnd() {
      if (decoder) decoder.end();
      else end();
    },

    onResponseError(_, error) {
      if (over) return;
      if (started()) {
        cut();
        return;
      }
      const code = (error as { code?: string }).code;
      const late = code === "UND_ERR_HEADERS_TIMEOUT";
      grant.release(late ? "timeout" : "unreachable");
      context.log("warn", "the AI provider could not be reached", {
        origin: grant.origin,
        requestId: grant.requestId,
        error: code ?? error.message,
      });
      if (late) refuse(504, timeoutMessage);
      else refuse(502, unreachableMessage);
    },
  };

  try {
    upstreams.to(grant.origin).dispatch(
      {
        path: grant.path,
        method: grant.method,
        headers: grant.headers,
        body: grant.body ?? null,
      },
      handler,
    );
  } catch (error) {
    // Undici refuses a malformed header before anything is sent.
    if (over) return;
    grant.release("unsendable");
    context.log("error", "a request could not be sent upstream", {
      requestId: grant.requestId,
      error: error instanceof Error ? error.message : String(error),
    });
    refuse(400, "The request has a header that cannot be forwarded");
  }
}

function answerHead(headers: IncomingHttpHeaders, grant: Grant, decoded: boolean): string[] {
  const hop = connectionNames(single(headers.connection));
  const fields: string[] = [];
  if (headers["x-request-id"] === undefined) fields.push("x-request-id", grant.requestId);
  for (const name in headers) {
    const unknownEncoding = name === "content-encoding" && !decoded;
    if (!unknownEncoding && !isForwardedBack(name)) continue;
    if (hop.length > 0 && hop.includes(name)) continue;
    const value = headers[name];
    for (const one of Array.isArray(value) ? value : [value ?? ""]) {
      if (!one.includes(grant.masterKey)) fields.push(name, one);
    }
  }
  return fields;
}
