/** The request as it is sent upstream. */
export interface UpstreamRequest {
  method: string;
  /** Path and query. */
  path: string;
  /** Names in lower case and values, by turns. */
  headers: readonly string[];
  body: Uint8Array | null;
}

/** Values by lower-case name; those of one that came more than once, as a list. */
export type AnswerHeaders = Record<string, string | string[]>;

/** The answer under way. Once it has ended, no call does anything. */
export interface ExchangeControl {
  pause(): void;
  resume(): void;
  /** Ends the connection. */
  abort(reason: Error): void;
}

/** Told of one request in this order, and at last of its end or of its error. undici's dispatchers take one too. */
export interface ExchangeHandler {
  /** There is a connection, and from here on the upstream may have seen the request. */
  onRequestStart(control: ExchangeControl): void;
  onResponseStart(control: ExchangeControl, status: number, headers: AnswerHeaders): void;
  onResponseData(control: ExchangeControl, chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(control: ExchangeControl | undefined, error: Error): void;
}

type FaultCode =
  /** No connection in time. */
  | "connect_timeout"
  /** The upstream says nothing. */
  | "silent"
  /** The connection ended before the answer did. */
  | "closed"
  /** The answer is not HTTP as it is read here. */
  | "malformed"
  /** The request has something in it that no request may have. */
  | "unsendable";

export class UpstreamFault extends Error {
  readonly code: FaultCode;
  constructor(code: FaultCode, message: string) {
    super(message);
    this.code = code;
  }
}
