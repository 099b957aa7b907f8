import type { Endpoint, MediaLimits, RequestReading } from "../providers/wire.ts";
import type { Arrival } from "./arrival.ts";
import { headerOf } from "./arrival.ts";
import { type JsonBody, readJsonBody } from "./json-body.ts";

export interface ReadRequest {
  outcome: "read";
  endpoint: Endpoint;
  /** As they came; absent where the endpoint takes no body. */
  bytes?: Uint8Array;
  body?: JsonBody;
  reading?: RequestReading;
}

export type RequestFault = { outcome: "fault"; status: 400 | 413; message: string };

/** Reads and understands the body, as far as it decides what the request may cost. */
export async function readRequest(
  arrival: Arrival,
  endpoint: Endpoint,
  limits: MediaLimits & { maxBodyBytes: number },
): Promise<ReadRequest | RequestFault | { outcome: "aborted" }> {
  if (!endpoint.body) return { outcome: "read", endpoint };
  const encoding = headerOf(arrival.headers, "content-encoding");
  if (encoding !== undefined && encoding !== "identity") return fault(400, "the body must not be compressed");
  const { maxBodyBytes } = limits;
  const tooLarge = () => fault(413, `the body is larger than ${maxBodyBytes} bytes`);
  if (Number(headerOf(arrival.headers, "content-length") ?? 0) > maxBodyBytes) return tooLarge();
  const read = await arrival.body(maxBodyBytes);
  if (read.outcome === "aborted") return read;
  if (read.outcome === "too_large") return tooLarge();
  const parsed = readJsonBody(read.bytes, endpoint.body);
  if ("fault" in parsed) return fault(400, parsed.fault);
  const reading = endpoint.body.read(parsed.body, limits);
  if ("fault" in reading) return fault(400, reading.fault);
  return { outcome: "read", endpoint, bytes: read.bytes, body: parsed.body, reading };
}

const fault = (status: 400 | 413, message: string): RequestFault => ({ outcome: "fault", status, message });
