import type { Problem } from "../../errors.ts";
import { agentOperation } from "../../storage/ledger-names.ts";
import { noteIssuedKey } from "../ai-keys/issued-keys.ts";
import type { Minting } from "../ai-keys/minting.ts";
import { type AuditDetails, auditedChange, type Change } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import type { AgentLease } from "./agent-lease.ts";
import { compensateCreate } from "./compensate-create.ts";
import { decideOutcome } from "./decide-outcome.ts";
import { acquireResources } from "./exclusive-resources.ts";
import type { Operation } from "./operation.ts";

/** All was done, or nothing is left. */
export type Ended<T> = { result: T } | { error: unknown };

/** A creation or an adoption, whose lease is held. */
interface Attempt<T> {
  operation: Operation;
  lease: AgentLease;
  /** As it is once its place is known. */
  change(): Change;
  /** How many agents the caller may have. */
  limit: number;
  /** How far the minting of a key came. */
  minting: Minting;
  /** Thrown where the lease was lost, though all was done. */
  lost: () => Problem;
  /** Takes its place: among several gateways before anything else, since it may turn out to be on another. */
  place?(): Promise<void>;
  build(outcome: AuditDetails): Promise<T>;
  /** Told once it has ended; not where it is left to recovery. Never rejects. */
  ended?(end: Ended<T>): Promise<void>;
}

/** The saga of `service/README.md`: all of it, or nothing. */
export async function allOrNothing<T>(context: Context, caller: Caller, attempt: Attempt<T>): Promise<T> {
  const { operation, lease, limit, minting, lost } = attempt;
  const { agentId, operationId, aiKeyId } = operation;
  let built: { result: T } | undefined;
  let kept = false;
  try {
    if (context.host.gateways) await attempt.place?.();
    // Asked for in one turn: a ledger in a file commits all of them together.
    const noted = aiKeyId === undefined ? undefined : noteIssuedKey(context, agentId, aiKeyId);
    const acquired = acquireResources(context, operation, limit);
    const placed = context.host.gateways ? undefined : attempt.place?.();
    await allEnded([placed, acquired, noted]);
    const change = { ...attempt.change(), target: agentId, operationId };
    const result = await auditedChange(context, caller, change, async (_, outcome) => {
      const result = await attempt.build(outcome);
      built = { result };
      // Held until now, nobody has undone any of it: from now on, who takes the lease over finds the agent whole.
      if (!(await lease.isHeld())) throw lost();
      return result;
    });
    await attempt.ended?.({ result });
    return result;
  } catch (error) {
    // The operation record tells what may have been done; how far the minting came is known here.
    const done = { ...operation, minted: minting.unrecorded };
    try {
      // Another process, to which this one looked dead, may have found the agent whole, and told of it.
      const fate = await decideOutcome(context, operation, "undone").catch(async (cause) => {
        // A disk that is full takes no decision, and yet lets things be removed.
        if (!(await lease.isHeld())) throw cause;
        return "undone" as const;
      });
      kept = fate === "finished";
      // Whether the gateway was asked, and what it said, the host still knows.
      if (!kept) await compensateCreate(context, { ...done, asked: undefined });
      if (lease.signal.aborted) await context.ledger.release(agentOperation(agentId, operationId), operationId);
    } catch (cause) {
      const action = operation.action;
      context.log("error", "a change could not be undone yet", { operationId, agentId, action, cause });
      lease.deferToRecovery(done);
      throw error;
    }
    const end = kept && built ? built : { error };
    await attempt.ended?.(end);
    if ("error" in end) throw error;
    return end.result;
  }
}

/**
 * As `Promise.all`, and rejects once all have ended, so that nothing is still being done while it is undone: with the
 * error of the first of them that has one.
 */
export async function allEnded<const T extends readonly unknown[]>(
  works: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}
