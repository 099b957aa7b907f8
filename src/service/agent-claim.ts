import { Problem } from "../errors.ts";
import { agentClaim } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";
import { claimPatienceMs, claimTtlMs, keepClaim, waitForClaim } from "./kept-claim.ts";
import { noteText, type OperationNote, parseNote } from "./operation-note.ts";
import { patiently } from "./patiently.ts";
import { recoverOperation } from "./recover.ts";

const busy = (agentId: string): Problem =>
  new Problem("agent_busy", `The agent "${agentId}" is being changed; try again in a moment.`);

/** A claim as whoever has it sees it. */
export interface AgentClaim {
  /** Leaves what could not be undone for recovery to try again. */
  leave(rest: OperationNote): void;
  /** Tells recovery that another thing is about to be done than was said first. */
  restate(note: OperationNote): Promise<void>;
}

/**
 * Runs `work` while nothing else changes this agent. What a dead owner left half done is finished or undone first.
 *
 * @param owner of the claim: an operation's id, and more behind it where that tells whom it is for
 * @param taken thrown at once where another change, by the owner given, is under way; without it, that is waited for
 *   a little
 * @throws Problem `agent_busy`, or `taken`
 */
export async function withAgentClaim<T>(
  context: Context,
  agentId: string,
  owner: string,
  note: OperationNote,
  work: (claim: AgentClaim) => Promise<T>,
  taken?: (owner: string) => Problem,
): Promise<T> {
  const name = agentClaim(agentId);
  const claim = { owner, ttlMs: claimTtlMs, note: noteText(note) };
  const abandoned = await waitForClaim(
    context,
    name,
    claim,
    taken ?? (() => busy(agentId)),
    taken ? 0 : claimPatienceMs,
  );
  const letGo = keepClaim(context, name, claim);
  let unfinished: OperationNote | undefined;
  try {
    unfinished = abandoned === undefined ? undefined : parseNote(abandoned);
    if (unfinished) await recoverOperation(context, unfinished, { wanted: true });
    unfinished = undefined;
    return await work({
      leave(rest) {
        unfinished = rest;
      },
      async restate(next) {
        claim.note = noteText(next);
        // Lost, it is another's, who undoes by now what was said first.
        if (!(await context.ledger.claim(name, claim)).granted) throw busy(agentId);
      },
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
      patiently(end).catch((cause) => context.log("error", "claim not released; it expires", { agentId, cause })),
    );
  }
}
