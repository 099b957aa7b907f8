import { Problem } from "../errors.ts";
import { agentClaim } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";
import { noteText, type OperationNote, parseNote } from "./operation-note.ts";
import { recoverOperation } from "./recover.ts";

/** A claim left by a dead process frees itself after this; a living one renews it. */
export const claimTtlMs = 30_000;
const patienceMs = 5_000;
const pauseMs = 15;

/**
 * Runs `work` while nothing else changes this agent. What a dead owner left half done is finished or undone first.
 *
 * @param options.wait whether to wait a little for another change to end; else `taken` is thrown at once
 * @throws Problem `agent_busy`, or `taken` where given
 */
export async function withAgentClaim<T>(
  context: Context,
  agentId: string,
  operationId: string,
  note: OperationNote,
  work: () => Promise<T>,
  taken?: () => Problem,
): Promise<T> {
  const name = agentClaim(agentId);
  const claim = { owner: operationId, ttlMs: claimTtlMs, note: noteText(note) };
  const giveUpAt = context.clock.now() + patienceMs;
  let granted = await context.ledger.claim(name, claim);
  while (!granted.granted) {
    if (taken) throw taken();
    if (context.clock.now() > giveUpAt) {
      throw new Problem("agent_busy", `The agent "${agentId}" is being changed; try again in a moment.`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    granted = await context.ledger.claim(name, claim);
  }
  const renewal = setInterval(() => {
    context.background(context.ledger.claim(name, claim).catch(() => undefined));
  }, claimTtlMs / 3);
  try {
    const left = granted.abandoned === undefined ? undefined : parseNote(granted.abandoned);
    if (left) await recoverOperation(context, left);
    return await work();
  } finally {
    clearInterval(renewal);
    // Nobody waits for it: whoever claims next comes after it.
    context.background(
      context.ledger.release(name, operationId).catch((cause) => {
        context.log("error", "claim not released; it expires by itself", { agentId, cause });
      }),
    );
  }
}
