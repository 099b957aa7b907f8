import { agentClaim } from "../../storage/ledger-names.ts";
import { forgetIssuedKeys } from "../ai-keys/issued-keys.ts";
import { newOperationId } from "../audited-change.ts";
import type { Context } from "../context.ts";
import { withAgentLease } from "../operations/agent-lease.ts";
import { revokeAiKey } from "../operations/compensate-create.ts";
import { changeOperation } from "../operations/operation.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { allRecords } from "../state/all-records.ts";

export interface Orphan {
  detail: string;
  remedy: string;
  /** Given where it is safe to mend. */
  mend?: () => Promise<void>;
}

/** Records and host disagree on these: AI keys without their agent, agents without their home. */
export async function findOrphans(context: Context): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  for await (const key of allRecords(context, "ai-keys")) {
    const agent = await context.records.get("agents", key.agentId);
    // A revoked one is a former key of the agent's.
    if (agent && (agent.aiKeyId === key.keyId || key.state.status === "revoked")) continue;
    if (await isUnderWay(context, key.agentId)) continue;
    orphans.push({
      detail: `the AI key ${key.keyId} belongs to no agent ("${key.agentId}")`,
      remedy: "`doctor --fix` revokes it",
      mend: async () => await revokeOrphan(context, key),
    });
  }
  for await (const agent of allRecords(context, "agents")) {
    if (context.host.kind === "remote" || context.host.kind === "registry") break;
    if ((await context.host.find(agent.agentId)).agents.length > 0) continue;
    if (await isUnderWay(context, agent.agentId)) continue;
    orphans.push({
      detail: `the agent "${agent.agentId}" is on record, but the host does not have it`,
      remedy: `\`agents ${agent.adopted ? "release" : "delete"} ${agent.agentId}\` removes the record and revokes its key`,
    });
  }
  return orphans;
}

/** Records and host may disagree meanwhile; a change whose process died is told of as such. */
const isUnderWay = async ({ ledger }: Context, agentId: string): Promise<boolean> =>
  (await ledger.holder(agentClaim(agentId))) !== undefined;

/** Under the agent's claim: a creation under way has its key before it has its record. */
async function revokeOrphan(context: Context, key: { keyId: string; agentId: string }): Promise<void> {
  const { agentId, keyId } = key;
  const operationId = newOperationId(context);
  const operation = changeOperation({ agentId }, operationId);
  const busy = agentBusy(agentId);
  try {
    await withAgentLease(context, { agentId, owner: operationId, operation, taken: () => busy }, async ({ hold }) => {
      const agent = await context.records.get("agents", agentId);
      if (agent?.aiKeyId === keyId) return;
      await hold();
      await revokeAiKey(context, operation, keyId);
      await forgetIssuedKeys(context, agentId, [keyId]);
    });
  } catch (error) {
    // Another process may be making the agent now, and the key with it.
    if (error !== busy) throw error;
  }
}
