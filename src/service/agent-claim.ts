import { Problem } from "../errors.ts";
import { agentClaim } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";
import { claimTtlMs, keepClaim } from "./kept-claim.ts";
import { noteText, type OperationNote, parseNote } from "./operation-note.ts";
import { recoverOperation } from "./recover.ts";

const patienceMs = 5_000;
const pauseMs = 15;

/**
 * Runs `work` while nothing else changes this agent. What a dead owner left half done is finished or undone first.
 *
 * @param owner of the claim: an operation's id, and more behind it where that tells whom it is for
 * @param work may `leave` what it could not undo, for recovery to try again
 * @param taken thrown at once where another change, by the owner given, is under way; without it, that is waited for
 *   a little
 * @throws Problem `agent_busy`, or `taken`
 */
export async function withAgentClaim<T>(
  context: Context,
  agentId: string,
  owner: string,
  note: OperationNote,
  work: (leave: (rest: OperationNote) => void) => Promise<T>,
  taken?: (owner: string) => Problem,
): Promise<T> {
  const name = agentClaim(agentId);
  const claim = { owner, ttlMs: claimTtlMs, note: noteText(note) };
  const giveUpAt = context.clock.now() + patienceMs;
  let granted = await context.ledger.claim(name, claim);
  while (!granted.granted) {
    if (taken) throw taken(granted.owner);
    if (context.clock.now() > giveUpAt) {
      throw new Problem("agent_busy", `The agent "${agentId}" is being changed; try again in a moment.`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    granted = await context.ledger.claim(name, claim);
  }
  const letGo = keepClaim(context, name, claim);
  let unfinished: OperationNote | undefined;
  try {
    unfinished = granted.abandoned === undefined ? undefined : parseNote(granted.abandoned);
    if (unfinished) await recoverOperation(context, unfinished);
    unfinished = undefined;
    return await work((rest) => {
      unfinished = rest;
    });
  } finally {
    // What could not be settled keeps the claim, which expires with its note: recovery tries again then.
    const rest = unfinished && noteText(unfinished);
    const end = async () => {
      await letGo();
      if (rest === undefined) await context.ledger.release(name, owner);
      else await context.ledger.claim(name, { ...claim, note: rest });
    };
    // Nobody waits for it: whoever claims next comes after it.
    context.background(
      end().catch((cause) => context.log("error", "claim not released; it expires", { agentId, cause })),
    );
  }
}
