import { othersTurn } from "../domain/others-turn.ts";
import { scanObject } from "../domain/scan-object.ts";
import { notKnown } from "../providers/shared/account.ts";
import type { Betas, Endpoint, ReadLimits, RequestReading } from "../providers/shared/wire.ts";
import { inflateBody } from "./inflate-body.ts";
import { decodeBody, type JsonBody, notUtf8, readBody } from "./json-body.ts";
import type { KeyShare } from "./key-shares.ts";
import { isLargeBody } from "./large-body.ts";
import { headerOf, type ProxyRequest, type ReadBody } from "./proxy-request.ts";
import { textBytes, textBytesInTurns } from "./text-bytes.ts";

export interface ReadRequest {
  outcome: "read";
  endpoint: Endpoint;
  /** As they came; absent where the endpoint takes no body. */
  bytes?: Uint8Array;
  /** The bound of its text, in tokens. */
  textBytes?: number;
  body?: JsonBody;
  reading?: RequestReading;
}

export interface RequestFault {
  outcome: "fault";
  status: 400 | 408 | 413 | 415 | 503;
  message: string;
  headers?: Record<string, string>;
}

export interface BodyLimits extends ReadLimits {
  maxBodyBytes: number;
  bodyTimeoutMs: number;
}

/** @returns in bytes, as the client announces it; `undefined` where it announces none (chunks, HTTP/2) */
export function announcedLength({ headers }: Pick<ProxyRequest, "headers">): number | undefined {
  const text = headerOf(headers, "content-length");
  return text == null || !/^\d+$/.test(text) ? undefined : Number(text);
}

type Read = ReadRequest | RequestFault | { outcome: "aborted" };

/** Reads and understands the body, as far as it decides what the request may cost; at once where it is here, and small. */
export function readRequest(
  proxyRequest: ProxyRequest,
  endpoint: Endpoint,
  limits: BodyLimits,
  share: KeyShare,
): Read | Promise<Read> {
  if (!endpoint.body) return { outcome: "read", endpoint };
  const encoding = headerOf(proxyRequest.headers, "content-encoding");
  if (encoding === null) return fault(400, "content-encoding stands more than once");
  const { maxBodyBytes, bodyTimeoutMs } = limits;

  const announced = announcedLength(proxyRequest);
  let held = announced ?? 0;
  if (held > maxBodyBytes) return tooLarge(limits);
  if (!share.hold(held)) return noRoom;
  const body = proxyRequest.body(
    (length) => {
      if (length > maxBodyBytes) return { outcome: "too_large" };
      if (length <= held) return undefined;
      if (!share.hold(length - held)) return { outcome: "no_room" };
      held = length;
      return undefined;
    },
    bodyTimeoutMs,
    announced,
  );
  return body instanceof Promise ? body.then(whenHere) : whenHere(body);

  function whenHere(read: ReadBody): Read | Promise<Read> {
    switch (read.outcome) {
      case "aborted":
        return read;
      case "too_large":
        return tooLarge(limits);
      case "no_room":
        return noRoom;
      case "late":
        return fault(408, `the body did not arrive within ${Math.ceil(bodyTimeoutMs / 1000)} s`);
    }
    if (typeof encoding === "string" && encoding !== "identity") return whenInflated(read.bytes, encoding);
    if (!share.read()) return noRoom;
    return understand(read.bytes, proxyRequest.headers, endpoint, limits);
  }

  async function whenInflated(bytes: Uint8Array, encoding: string): Promise<Read> {
    const before = held;
    let tooMuch = false;
    const goesOn = (length: number): boolean => {
      tooMuch = length > maxBodyBytes;
      if (tooMuch) return false;
      if (before + length <= held) return true;
      if (!share.hold(before + length - held)) return false;
      held = before + length;
      return true;
    };
    const inflated = await inflateBody(bytes, encoding, goesOn, proxyRequest.decoders);
    switch (inflated.outcome) {
      case "unknown":
        return fault(
          415,
          `the body is compressed in a way that is not read here (${encoding.slice(0, 64)}): send it as it is, or in gzip`,
        );
      case "broken":
        return fault(400, `the body is not what its content-encoding says (${encoding.slice(0, 64)})`);
      case "refused":
        return tooMuch ? tooLarge(limits) : noRoom;
    }
    if (!share.read()) return noRoom;
    return await understand(inflated.bytes, proxyRequest.headers, endpoint, limits);
  }
}

function understand(
  bytes: Uint8Array,
  headers: readonly string[],
  endpoint: Endpoint,
  limits: ReadLimits,
): Read | Promise<Read> {
  const text = decodeBody(bytes);
  if (text === undefined) return fault(400, notUtf8);
  const steps = stepsOf(text, headers, endpoint, limits);
  if (isLargeBody(bytes.length)) return inTurns(text, bytes, endpoint, steps);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { value } = step;
  if ("outcome" in value) return value;
  return { outcome: "read", endpoint, bytes, textBytes: textBytes(text, bytes.length, value.body.value), ...value };
}

async function inTurns(text: string, bytes: Uint8Array, endpoint: Endpoint, steps: Steps): Promise<Read> {
  let step: ReturnType<Steps["next"]>;
  do {
    await othersTurn();
    step = steps.next();
  } while (!step.done);
  const { value } = step;
  if ("outcome" in value) return value;
  const textual = await textBytesInTurns(text, bytes.length, value.body.value, othersTurn);
  return { outcome: "read", endpoint, bytes, textBytes: textual, ...value };
}

type Steps = Generator<void, { body: JsonBody; reading: RequestReading } | RequestFault, void>;

/** Each of them takes milliseconds where the body is large. */
function* stepsOf(text: string, headers: readonly string[], endpoint: Endpoint, limits: ReadLimits): Steps {
  const scan = scanObject(text);
  if ("fault" in scan) return fault(scan.tooMuch ? 413 : 400, scan.fault);
  yield;
  const parsed = readBody(text, scan, endpoint.body!);
  if ("fault" in parsed) return fault(400, parsed.fault);
  yield;
  const reading = endpoint.body!.read(parsed.body, limits);
  if ("fault" in reading) return fault(400, reading.fault);
  if (endpoint.betas) reading.unbounded ??= unboundedBeta(headers, endpoint.betas, limits.boundedFields);
  return { body: parsed.body, reading };
}

/** Why a beta may cost what the body does not tell. */
function unboundedBeta(
  headers: readonly string[],
  { header, harmless, refused }: Betas,
  bounded: readonly string[],
): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== header) continue;
    for (const part of headers[at + 1]!.split(",")) {
      const beta = part.trim();
      if (beta === "" || harmless.has(beta) || bounded.includes(`${header}:${beta}`)) continue;
      if (refused.has(beta)) return `"${header}:${beta}" turns on what no bound of a request holds`;
      return notKnown(`${header}:${beta}`);
    }
  }
  return undefined;
}

const fault = (status: RequestFault["status"], message: string): RequestFault => ({
  outcome: "fault",
  status,
  message,
});

const tooLarge = ({ maxBodyBytes }: BodyLimits): RequestFault =>
  fault(413, `the body is larger than ${maxBodyBytes} bytes`);

const noRoom: RequestFault = {
  ...fault(503, "Too many large requests are under way; try again in 1 s"),
  headers: { "retry-after": "1" },
};
