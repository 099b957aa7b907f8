/** The wall clock; it may be set back. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** The primitives that runtimes have under different names. */
export interface Crypto {
  /** SHA-256 of the text's UTF-8, in lower-case hex. Synchronous where the runtime has it (40 times faster). */
  sha256(text: string): string | Promise<string>;
  randomBytes(length: number): Uint8Array;
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

/** This process among those that share the stores. */
export interface Instance {
  /** How long what it holds outlives it, in milliseconds. Default: `leaseTtlMs`. */
  readonly leaseMs?: number;
  /** Names this process, so that what it leaves behind can be told from what others are doing. */
  readonly id: string;
  /** Whether the process of that id is certainly gone. */
  isGone(id: string): boolean;
  /** Given where the stores alone can tell: whether the instance of that id has not been heard of for too long. */
  isLost?(id: string): Promise<boolean>;
}
