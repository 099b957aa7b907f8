import type { OutboxMessage } from "../../ports.ts";
import type { Context } from "../context.ts";

/** Whether what was foreseen has come: of a key that was revoked or given another end since, nobody is told. */
export async function isStillTrue(_context: Context, _message: OutboxMessage): Promise<boolean> {
  return true;
}
