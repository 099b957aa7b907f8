import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { dismantleAgent } from "./delete-agent.ts";
import { type OperationNote, parseNote } from "./operation-note.ts";
import { undoCreate } from "./undo-create.ts";

const recovery: Caller = { actor: "recovery", scopes: [], operator: true, requestId: "recovery" };

/** Finishes or undoes what a process that is gone had begun. The agent's claim is held by the caller. */
export async function recoverOperation(
  context: Context,
  note: OperationNote,
): Promise<"finished" | "undone" | "nothing"> {
  const outcome = await finishOrUndo(context, note);
  if (outcome === "nothing") return outcome;
  context.log("info", "an interrupted change was settled", { agentId: note.agentId, action: note.action, outcome });
  await context.audit.append({
    phase: "outcome",
    action: `agent.${note.action}`,
    actor: recovery.actor,
    operationId: note.operationId,
    requestId: recovery.requestId,
    target: note.agentId,
    outcome: outcome === "finished" ? "success" : "failure",
    details: { recovered: outcome },
  });
  return outcome;
}

async function finishOrUndo(context: Context, note: OperationNote): Promise<"finished" | "undone" | "nothing"> {
  const record = await context.records.get("agents", note.agentId);
  switch (note.action) {
    case "create":
      if (record && record.operationId !== note.operationId) return "nothing";
      // The record and the host's entry are the last steps: with both the agent is whole, else nothing may stay.
      if (record && (context.host.kind === "registry" || (await context.host.find(note.agentId)))) return "finished";
      await undoCreate(context, note);
      return "undone";
    case "delete":
      if (record && record.operationId !== note.creation) return "nothing";
      await dismantleAgent(context, note);
      return "finished";
    case "change":
      return "nothing";
  }
}

/**
 * Settles everything that dead processes left: at start, before the service is ready, and from `doctor`.
 * Returns what it met, in words for a person.
 */
export async function recoverAbandoned(context: Context): Promise<string[]> {
  const settled: string[] = [];
  for (const left of await context.ledger.abandoned(context.instance.isGone)) {
    const note = left.note === undefined ? undefined : parseNote(left.note);
    if (note) {
      const outcome = await recoverOperation(context, note);
      if (outcome !== "nothing") settled.push(`${note.action} of agent "${note.agentId}": ${outcome}`);
    }
    await context.ledger.release(left.name, left.owner);
  }
  return settled;
}
