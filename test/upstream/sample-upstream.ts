import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { eventAnswer, jsonAnswer, type SampleRequest, type SampleUsage, textPieces } from "./sample-answers.ts";

/** How the sample upstream answers; what is not said stays as it was. */
export interface SampleBehaviour {
  /** Before the answer's headers. */
  delayMs: number;
  /** No answer begins before. */
  until: Promise<unknown> | undefined;
  /** Between the events of a stream. */
  intervalMs: number;
  /** An error of this status instead of an answer. */
  status: number | undefined;
  /** The body of an error; default: the provider's shape. */
  errorBody: string | undefined;
  headers: Record<string, string>;
  usage: Partial<SampleUsage>;
  tellsUsage: boolean;
  /** Whether a stream ends with its terminal marker. */
  terminal: boolean;
  /** Where the connection breaks off. */
  cut: "never" | "before headers" | "after headers" | "in the middle";
  /** How many deltas a stream has, and of how many bytes each is. */
  pieces: number;
  pieceBytes: number;
  /** Bytes of each write; 0: one event (or the whole JSON) a write. */
  chunkBytes: number;
  lineEnd: "\n" | "\r\n" | "\r";
  encoding: "identity" | "gzip" | "br";
  /** Whether `tools` of a request are used at once. */
  usesTools: boolean;
}

interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
  /** The client (the proxy) broke the connection before the answer ended. */
  aborted: boolean;
  finished: boolean;
}

export interface SampleUpstream {
  origin: string;
  /** In the order of arrival. */
  seen: SeenRequest[];
  /** From now on; `reset` brings back the defaults. */
  behave(change: Partial<SampleBehaviour> | "reset"): void;
  close(): Promise<void>;
}

const defaults: SampleBehaviour = {
  delayMs: 0,
  until: undefined,
  intervalMs: 0,
  status: undefined,
  errorBody: undefined,
  headers: {},
  usage: {},
  tellsUsage: true,
  terminal: true,
  cut: "never",
  pieces: 4,
  pieceBytes: 20,
  chunkBytes: 0,
  lineEnd: "\n",
  encoding: "identity",
  usesTools: true,
};
const defaultUsage: SampleUsage = { input: 12, output: 7, cacheCreation: 0, cacheRead: 0, thoughts: 0 };

/**
 * A stand-in for every provider, for tests, the demo and the bench: it speaks their recorded shapes and computes
 * nothing. Out of process it is steered by `POST /__behave` with a change of behaviour as JSON.
 */
export async function startSampleUpstream({
  port = 0,
  host = "127.0.0.1",
  keepSeen = true,
} = {}): Promise<SampleUpstream> {
  let behaviour = { ...defaults };
  const seen: SeenRequest[] = [];
  const behave: SampleUpstream["behave"] = (change) => {
    behaviour = change === "reset" ? { ...defaults } : { ...behaviour, ...change };
  };
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      if (request.url === "/__behave") {
        behave(JSON.parse(body) as Partial<SampleBehaviour>);
        response.end("{}");
        return;
      }
      const { method = "", url = "", headers } = request;
      const entry: SeenRequest = { method, url, headers, body, aborted: false, finished: false };
      if (keepSeen) seen.push(entry);
      response.on("close", () => {
        entry.finished = response.writableFinished;
        entry.aborted = !response.writableFinished;
      });
      await answer(entry, response, behaviour);
    })().catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    origin: `http://${host}:${(server.address() as AddressInfo).port}`,
    seen,
    behave,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type AskedBody = Record<string, unknown> & { tools?: Record<string, unknown>[] };

/** Which API is asked for what; `undefined`: none that answers with tokens. */
export function understand(
  url: string,
  body: AskedBody,
  { tellsUsage, usesTools }: Pick<SampleBehaviour, "tellsUsage" | "usesTools">,
): SampleRequest | undefined {
  const { pathname } = new URL(url, "http://sample");
  const model = String(body.model ?? "sample-model");
  const tool = usesTools ? toolName(body) : undefined;
  const common = { model, tool, tellsUsage, stream: body.stream === true };
  if (pathname.endsWith("/messages")) return { api: "anthropic", ...common };
  if (pathname.endsWith("/chat/completions")) {
    const options = body.stream_options as { include_usage?: boolean } | undefined;
    // OpenRouter tells it unasked.
    const asked = options?.include_usage === true || pathname.startsWith("/api/v1/");
    return { api: "openai", ...common, tellsUsage: tellsUsage && (!common.stream || asked) };
  }
  if (pathname.endsWith("/responses")) return { api: "responses", ...common };
  if (pathname.endsWith("/embeddings")) return { api: "embeddings", ...common };
  const gemini = /\/models\/([^/:]+):(\w+)$/.exec(pathname);
  if (gemini?.[2]?.endsWith("GenerateContent") || gemini?.[2] === "generateContent") {
    return { api: "gemini", ...common, model: gemini[1]!, stream: gemini[2] === "streamGenerateContent" };
  }
  if (gemini?.[2]?.endsWith("mbedContent") || gemini?.[2] === "batchEmbedContents") {
    return { api: "gemini-embed", ...common, model: gemini[1]! };
  }
  return undefined;
}

function toolName(body: AskedBody): string | undefined {
  const tool = body.tools?.[0];
  if (!tool) return undefined;
  const declared = (tool.functionDeclarations as { name?: string }[] | undefined)?.[0];
  return String(tool.name ?? (tool.function as { name?: string } | undefined)?.name ?? declared?.name);
}

async function answer(request: SeenRequest, response: ServerResponse, how: SampleBehaviour): Promise<void> {
  if (how.delayMs > 0) await sleep(how.delayMs);
  await how.until;
  if (how.cut === "before headers") {
    response.destroy();
    return;
  }
  if (how.status !== undefined) {
    const body =
      how.errorBody ??
      JSON.stringify({ type: "error", error: { type: "sample_error", message: "sample", code: how.status } });
    response.writeHead(how.status, { "content-type": "application/json", ...how.headers });
    response.end(body);
    return;
  }
  if (request.url.includes("count_tokens")) return json(response, { input_tokens: 9 });
  if (request.url.includes(":countTokens")) return json(response, { totalTokens: 9 });
  const understood = understand(request.url, request.body ? (JSON.parse(request.body) as AskedBody) : {}, how);
  if (!understood) {
    return json(response, {
      object: "list",
      data: [{ id: "sample-model", object: "model", type: "model" }],
      models: [],
    });
  }
  const usage = { ...defaultUsage, ...how.usage };
  const texts = textPieces(how.pieces, how.pieceBytes);
  if (!understood.stream) {
    const body = JSON.stringify(jsonAnswer(understood, texts, usage));
    await send(response, "application/json", [body], how);
    return;
  }
  let events = eventAnswer(understood, texts, usage);
  if (!how.terminal) events = events.slice(0, -1);
  const end = how.lineEnd;
  const asJson = understood.api === "gemini" && !request.url.includes("alt=sse");
  const writes = asJson
    ? events.map(({ data }, at) => `${at === 0 ? "[" : ",\r\n"}${data}${at === events.length - 1 ? "]" : ""}`)
    : events.map(({ event, data }) => `${event ? `event: ${event}${end}` : ""}data: ${data}${end}${end}`);
  await send(response, asJson ? "application/json" : "text/event-stream", writes, how);
}

function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function send(response: ServerResponse, type: string, writes: string[], how: SampleBehaviour): Promise<void> {
  const packed = how.encoding !== "identity";
  response.writeHead(200, {
    "content-type": type,
    ...(packed && { "content-encoding": how.encoding }),
    "x-request-id": "req_sample_upstream",
    ...how.headers,
  });
  if (how.cut === "after headers") {
    response.flushHeaders();
    await sleep(5);
    response.destroy();
    return;
  }
  const whole = Buffer.from(writes.join(""));
  const bytes = how.encoding === "gzip" ? gzipSync(whole) : how.encoding === "br" ? brotliCompressSync(whole) : whole;
  const parts: Uint8Array[] = [];
  if (how.chunkBytes > 0 || packed) {
    const size = how.chunkBytes || bytes.length;
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  } else parts.push(...writes.map((text) => Buffer.from(text)));
  const stopAt = how.cut === "in the middle" ? Math.ceil(parts.length / 2) : parts.length;
  for (let at = 0; at < stopAt; at++) {
    if (response.destroyed) return;
    if (!response.write(parts[at])) await writable(response);
    if (how.intervalMs > 0) await sleep(how.intervalMs);
  }
  if (how.cut === "in the middle") {
    await sleep(5);
    response.destroy();
  } else response.end();
}
