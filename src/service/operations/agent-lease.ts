import { isProblem, type Problem } from "../../errors.ts";
import { agentClaim, agentOperation } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { acquireLease, type Lease, leaseMs } from "../lease.ts";
import { retryUnwritable } from "../retry-unwritable.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { mayWait, type Operation, operationText, parseOperation } from "./operation.ts";
import { keptOperationMs, recoverOperation } from "./recover.ts";

/** A lease on an agent as its holder sees it. */
export interface AgentLease extends Pick<Lease, "hold" | "isHeld" | "signal"> {
  /** Leaves the record of what could not be undone, for recovery to try again. */
  deferToRecovery(operation: Operation): void;
  /**
   * Tells recovery that the holder is about to do another thing than the record says.
   * @throws Problem `agent_busy` where the lease is lost: its new holder undoes by now what the record said
   */
  updateRecord(operation: Operation): Promise<void>;
  /** The change of its key that waits for its gateway; only where that was asked for. */
  pendingKeyChange?: Operation | undefined;
}

export interface AgentLeaseRequest {
  agentId: string;
  /** An operation's id, and more behind it where that tells whom it is for. */
  owner: string;
  operation: Operation;
  /** Thrown at once where another change, by the owner given, is under way; without it, that is waited for a little. */
  taken?: ((owner: string) => Problem) | undefined;
  /** Does not wait until a change of its key that was left half done can be settled: that stays on record. */
  goesBeforeKeyChange?: boolean | undefined;
}

/**
 * Runs `work` while nothing else changes this agent. A change that a dead owner left half done is finished or undone first.
 *
 * @throws Problem `agent_busy`, or `taken`
 */
export async function withAgentLease<T>(
  context: Context,
  { agentId, owner, operation, taken, goesBeforeKeyChange }: AgentLeaseRequest,
  work: (lease: AgentLease) => Promise<T>,
): Promise<T> {
  const name = agentClaim(agentId);
  const { lease, abandoned } = await acquireLease(context, {
    name,
    owner,
    note: operationText(operation),
    busy: taken ?? (() => agentBusy(agentId)),
    ...(taken && { patienceMs: 0 }),
  });
  let unfinished: Operation | undefined;
  try {
    if (abandoned !== undefined) {
      unfinished = parseOperation(abandoned);
      const isSettled = !unfinished || (await settle(unfinished, lease));
      if (isSettled) {
        unfinished = undefined;
        await lease.update(operationText(operation));
      }
    }
    return await work({
      pendingKeyChange: unfinished,
      signal: lease.signal,
      hold: lease.hold,
      isHeld: lease.isHeld,
      deferToRecovery(rest) {
        unfinished = rest;
      },
      updateRecord: (next) => lease.update(operationText(next)),
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
      retryUnwritable(end, context.ending).catch((cause) =>
        context.log("error", "lease not released; it expires", { agentId, cause }),
      ),
    );
  }

  /** False where it waits for its gateway, and nobody has to wait for it. */
  async function settle(left: Operation, held: Lease): Promise<boolean> {
    try {
      await recoverOperation(context, left, held, true);
      return true;
    } catch (error) {
      if (!goesBeforeKeyChange || left.action !== "key" || !isProblem(error, "gateway_failed")) throw error;
      return false;
    }
  }
}

/** The lease stays with its record, and has ended where nobody need wait for what is left: recovery tries again then. */
async function leave(context: Context, name: ReturnType<typeof agentClaim>, owner: string, rest: Operation) {
  const { ledger } = context;
  const note = operationText(rest);
  const isEnd = rest.action === "delete" || rest.action === "release";
  const ttlMs = isEnd || mayWait(rest) ? 1 : leaseMs(context);
  if (await ledger.renew(name, { owner, ttlMs, note })) return;
  const { action, agentId, operationId } = rest;
  // The lease is another's by now. A change of an agent that was there before is its to settle, by the record that it found.
  if (action !== "create" && action !== "adopt") return;
  // Its new holder knows nothing of what a creation left after that.
  await ledger.claim(agentOperation(agentId, operationId), { owner: operationId, ttlMs: keptOperationMs, note });
}
