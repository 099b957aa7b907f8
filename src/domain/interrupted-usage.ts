import type { TokenUsage } from "./told-usage.ts";

/** How far an answer had come when it broke off. */
export interface Progress {
  /** The usage that the provider had told by then. */
  told: TokenUsage;
  /** The provider's count of the input is final. */
  inputIsTold: boolean;
  /** Bytes that arrived, where all that the model writes is among them; `undefined` where some of it is not. */
  outputBytes: number | undefined;
}

/** Tokens held for a request. */
export interface ReservedTokens {
  input: number;
  output: number;
}

/** Tokens that a model may write of an answer between its last byte that came and the provider's notice that nobody reads. */
const onTheirWay = 256;
/** Seconds that a model may go on unseen: far more than a closed connection takes to be noticed. */
const unnoticedSeconds = 2;

/**
 * @param pace tokens a second that are above all that the model can write
 * @param elapsedMs since the request was sent
 */
export const mostWritten = (pace: number, elapsedMs: number): number =>
  Math.ceil(pace * (Math.max(0, elapsedMs) / 1000 + unnoticedSeconds));

/**
 * The most that a provider can bill for an answer that broke off. A token has a byte at least, and a stream's framing
 * makes a hundred of most. Beyond what was reserved only what the provider has said itself is charged.
 *
 * @param most tokens that the model can have written in the time that it had
 * @param answers that it writes at once
 */
export function interruptedUsage(
  reserved: ReservedTokens,
  { told, inputIsTold, outputBytes }: Progress,
  most = Number.POSITIVE_INFINITY,
  answers = 1,
): TokenUsage {
  const held = reserved.input + reserved.output;
  const input = inputIsTold ? told.input : reserved.input;
  const shown = outputBytes === undefined ? Number.POSITIVE_INFINITY : outputBytes + onTheirWay * answers;
  const written = Math.min(shown, most, reserved.output);
  const total = Math.max(told.total, Math.min(held, input + Math.max(told.output, written)));
  return { input: Math.min(input, total), output: total - Math.min(input, total), total };
}
