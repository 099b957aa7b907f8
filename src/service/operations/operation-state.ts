/** How creations that were not waited for stand, and ended: for whoever looks, for a day. */
import { isProblem, Problem } from "../../errors.ts";
import type { AgentCreated } from "../../schema/create-agent.ts";
import { OperationState, type OperationView } from "../../schema/operation.ts";
import { operationState } from "../../storage/ledger-names.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";

const keptMs = 24 * 3_600_000;

async function readState({ ledger }: Context, operationId: string): Promise<OperationState | undefined> {
  const text = await ledger.get(operationState(operationId));
  return text === undefined ? undefined : OperationState.parse(JSON.parse(text));
}

const writeState = async ({ ledger }: Context, state: OperationState): Promise<void> =>
  await ledger.put(operationState(state.operationId), JSON.stringify(state), keptMs);

/** To be awaited before the caller is told the operation's id; kept for a day. */
export const noteAccepted = async (
  context: Context,
  { actor }: Caller,
  started: Pick<OperationView, "operationId" | "agentId" | "startedAt">,
): Promise<void> => await writeState(context, { ...started, action: "agent.create", status: "running", actor });

/** Does nothing for one that somebody waits for. */
export async function noteEnded(
  context: Context,
  operationId: string,
  ended: { agent: AgentCreated } | { error: unknown },
): Promise<void> {
  const state = await readState(context, operationId);
  if (state?.status !== "running") return;
  const endedAt = new Date(context.clock.now()).toISOString();
  if (!("error" in ended)) {
    await writeState(context, { ...state, ...ended, status: "succeeded", endedAt });
    return;
  }
  const { status, code, message } = isProblem(ended.error) ? ended.error : new Problem("internal_error");
  await writeState(context, { ...state, status: "failed", endedAt, problem: { status, code, detail: message } });
}

/** It broke off, and was undone. */
export const interrupted = (): Problem =>
  new Problem(
    "interrupted",
    "The process that was at it ended, and what it had done was undone; send the request again.",
  );

/** @throws Problem `operation_not_found`, also for another's where the caller reaches its own only */
export async function readOperation(context: Context, caller: Caller, operationId: string): Promise<OperationView> {
  const state = await readState(context, operationId);
  if (!state || (caller.reach === "own" && state.actor !== caller.actor)) {
    throw new Problem(
      "operation_not_found",
      "There is no such operation: those of creates with `Prefer: respond-async` are kept for a day.",
    );
  }
  const { actor: _, ...view } = state;
  return view;
}
