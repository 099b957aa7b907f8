import { readIssuedKeys } from "../ai-keys/issued-keys.ts";
import type { Context } from "../context.ts";
import type { KnownAgent } from "../state/find-agent.ts";
import type { Operation } from "./operation.ts";

/** All that the agent has of this service, to be taken back. */
export const endOperation = async (
  context: Context,
  { record, ...known }: KnownAgent,
  what: Pick<Operation, "action" | "operationId">,
): Promise<Operation> => ({
  ...what,
  // Made by others: by no operation of ours.
  creation: record?.operationId ?? known.operationId ?? "",
  agentId: known.agentId,
  gateway: known.gateway,
  workspace: known.workspace,
  bindings: [...known.bindings, ...(record?.bindingsInDoubt ?? [])],
  aiKeyId: record?.aiKeyId,
  // A ledger that a backup took back may not know of them all.
  issuedKeys: [...new Set([...(await readIssuedKeys(context, known.agentId)), ...(record?.formerAiKeyIds ?? [])])],
  placeKeyId: record?.createdBy,
});

/**
 * Once the host has let go of the agent, the rest is recovery's where it fails: nobody need find the agent to end it again.
 * @param end is to call what it is given once the host's step is done
 */
export async function toTheEnd<T>(leave: () => void, end: (left: () => void) => Promise<T>): Promise<T> {
  let hasLeft = false;
  try {
    return await end(() => {
      hasLeft = true;
    });
  } catch (error) {
    if (hasLeft) leave();
    throw error;
  }
}
