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
  issuedKeys: await readIssuedKeys(context, known.agentId),
  placeKeyId: record?.createdBy,
});

/** Once its record is gone, nobody finds the agent to end it again: the rest is recovery's. */
export async function toTheEnd<T>(
  { records }: Context,
  { record }: KnownAgent,
  leave: () => void,
  end: () => Promise<T>,
): Promise<T> {
  try {
    return await end();
  } catch (error) {
    const now = record && (await records.get("agents", record.agentId).catch(() => undefined));
    if (record && now?.operationId !== record.operationId) leave();
    throw error;
  }
}
