import type { UsageFormat } from "../domain/usage.ts";
import { CR, LF } from "./usage/bytes.ts";

/**
 * An error inside a stream, as the provider's SDK takes it for one.
 *
 * @param body the error in the shape of the provider's answers
 */
export function errorEvent(format: UsageFormat | undefined, body: unknown): string {
  switch (format) {
    case "anthropic":
      return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
    case "openai-responses": {
      const { error } = body as { error: { message: string; code: string | null; param: string | null } };
      const event = { type: "error", code: error.code, message: error.message, param: error.param, sequence_number: 0 };
      return `event: error\ndata: ${JSON.stringify({ ...event, error })}\n\n`;
    }
    default:
      return `data: ${JSON.stringify(body)}\n\n`;
  }
}

/** Whether an event has ended with these bytes, so that another may begin. */
export function endsEvent(bytes: Uint8Array): boolean {
  const [third, second, last] = [bytes.at(-3), bytes.at(-2), bytes.at(-1)];
  if (last === LF) return second === LF || (second === CR && third === LF);
  return last === CR && second === CR;
}
