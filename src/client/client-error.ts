import type { Fault, ProblemCode } from "../errors.ts";

/**
 * The service's own codes, and three of a call that got no answer of the service:
 * `network_error`, `timeout`, `unexpected_answer` (something else answered).
 */
export type ClientErrorCode = ProblemCode | "network_error" | "timeout" | "unexpected_answer";

/** The fields of the API's problem, or of a failure before there was an answer. */
export interface ClientErrorFields {
  code: ClientErrorCode;
  detail: string;
  /** 0 where there was no answer. */
  status?: number;
  requestId?: string | undefined;
  errors?: Fault[] | undefined;
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** A call that failed. `message` equals `detail`; no secret that was sent is in it. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly status: number;
  readonly code: ClientErrorCode;
  readonly detail: string;
  /** The id to name when asking the operator. The service's log has it too. */
  readonly requestId: string | undefined;
  /** Faults of a body, by path. */
  readonly errors: readonly Fault[];
  /** Seconds after which a retry is welcome. */
  readonly retryAfter: number | undefined;

  constructor(fields: ClientErrorFields) {
    super(fields.detail, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status ?? 0;
    this.code = fields.code;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.errors = fields.errors ?? [];
    this.retryAfter = fields.retryAfter;
  }
}

/** Handed to `catch`: a deployment of an earlier release lacks this path. Any other failure is thrown on. */
export const unknownRoute = (error: unknown): undefined => {
  if (error instanceof ClientError && error.status === 404) return undefined;
  throw error;
};
