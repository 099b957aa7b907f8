import type { Problem } from "../errors.ts";
import { agentClaim, agentOperation } from "../storage/ledger-names.ts";
import { agentBusy } from "./agent-busy.ts";
import type { Context } from "./context.ts";
import { acquireLease, type Lease, leaseMs } from "./lease.ts";
import { noteText, type OperationNote, parseNote } from "./operation-note.ts";
import { patiently } from "./patiently.ts";
import { keptOperationMs, recoverOperation } from "./recover.ts";

/** A lease on an agent as its holder sees it. */
export interface AgentLease extends Pick<Lease, "hold" | "isHeld" | "signal"> {
  /** Leaves what could not be undone for recovery to try again. */
  deferToRecovery(operation: OperationNote): void;
  /**
   * Tells recovery that another thing is about to be done than was said first.
   * @throws Problem `agent_busy` where the lease is lost: who has it undoes by now what was said first
   */
  updateRecord(operation: OperationNote): Promise<void>;
}

export interface AgentLeaseRequest {
  agentId: string;
  /** An operation's id, and more behind it where that tells whom it is for. */
  owner: string;
  operation: OperationNote;
  /** Thrown at once where another change, by the owner given, is under way; without it, that is waited for a little. */
  taken?: ((owner: string) => Problem) | undefined;
}

/**
 * Runs `work` while nothing else changes this agent. What a dead owner left half done is finished or undone first.
 *
 * @throws Problem `agent_busy`, or `taken`
 */
export async function withAgentLease<T>(
  context: Context,
  { agentId, owner, operation, taken }: AgentLeaseRequest,
  work: (lease: AgentLease) => Promise<T>,
): Promise<T> {
  const name = agentClaim(agentId);
  const { lease, abandoned } = await acquireLease(context, {
    name,
    owner,
    note: noteText(operation),
    busy: taken ?? (() => agentBusy(agentId)),
    ...(taken && { patienceMs: 0 }),
  });
  let unfinished: OperationNote | undefined;
  try {
    if (abandoned !== undefined) {
      unfinished = parseNote(abandoned);
      if (unfinished) await recoverOperation(context, unfinished, { wanted: true });
      unfinished = undefined;
      await lease.update(noteText(operation));
    }
    return await work({
      signal: lease.signal,
      hold: lease.hold,
      isHeld: lease.isHeld,
      deferToRecovery(rest) {
        unfinished = rest;
      },
      updateRecord: (next) => lease.update(noteText(next)),
    });
  } finally {
    const rest = unfinished;
    const end = async () => {
      await lease.stop();
      if (rest === undefined) await context.ledger.release(name, owner);
      else await leave(context, name, owner, rest);
    };
    // Nobody waits for it: whoever comes next comes after it.
    context.background(
      patiently(end).catch((cause) => context.log("error", "lease not released; it expires", { agentId, cause })),
    );
  }
}

/** What could not be settled keeps the lease, which expires with its record: recovery tries again then. */
async function leave(context: Context, name: ReturnType<typeof agentClaim>, owner: string, rest: OperationNote) {
  const { ledger } = context;
  const note = noteText(rest);
  if (await ledger.renew(name, { owner, ttlMs: leaseMs(context), note })) return;
  // The lease is another's by now, who knows nothing of what was left after it was lost.
  const { agentId, operationId } = rest;
  await ledger.claim(agentOperation(agentId, operationId), { owner: operationId, ttlMs: keptOperationMs, note });
}
