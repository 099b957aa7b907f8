import type { TokenUsage } from "./usage.ts";

/** How far an answer had come when it broke off. */
export interface Progress {
  /** What the provider had said of it by then. */
  told: TokenUsage;
  /** What it had said of the input is final. */
  inputIsTold: boolean;
  /** Bytes that arrived, where all that the model writes is among them; `undefined` where some of it is not. */
  outputBytes: number | undefined;
}

/** Tokens held for a request. */
export interface ReservedTokens {
  input: number;
  output: number;
}

/** Tokens that a model may write between its last byte that arrived and the provider's notice that nobody reads. */
const onTheirWay = 256;

/**
 * The most that a provider can bill for an answer that broke off. A token has a byte at least, and a stream's framing
 * makes a hundred of most. Beyond what was reserved only what the provider has said itself is charged.
 */
export function interruptedUsage(reserved: ReservedTokens, { told, inputIsTold, outputBytes }: Progress): TokenUsage {
  const held = reserved.input + reserved.output;
  const input = inputIsTold ? told.input : reserved.input;
  const written = Math.min(outputBytes === undefined ? reserved.output : outputBytes + onTheirWay, reserved.output);
  const total = Math.max(told.total, Math.min(held, input + Math.max(told.output, written)));
  return { input: Math.min(input, total), output: total - Math.min(input, total), total };
}
