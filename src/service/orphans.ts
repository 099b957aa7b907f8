import { agentClaim } from "../storage/ledger-names.ts";
import { allRecords } from "./all-records.ts";
import { newOperationId } from "./audited-change.ts";
import type { Context } from "./context.ts";
import { withdrawAiKey } from "./undo-create.ts";

export interface Orphan {
  detail: string;
  remedy: string;
  /** Where it is safe to mend. */
  mend?: () => Promise<void>;
}

/** What records and host do not agree on: AI keys without their agent, agents without their home. */
export async function findOrphans(context: Context): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  for await (const key of allRecords(context, "ai-keys")) {
    const agent = await context.records.get("agents", key.agentId);
    if (agent?.aiKeyId === key.keyId) continue;
    orphans.push({
      detail: `the AI key ${key.keyId} belongs to no agent ("${key.agentId}")`,
      remedy: "`doctor --fix` revokes it",
      mend: async () => await revokeOrphan(context, key),
    });
  }
  for await (const agent of allRecords(context, "agents")) {
    if (context.host.kind === "remote" || context.host.kind === "registry") break;
    if ((await context.host.find(agent.agentId)).agents.length > 0) continue;
    orphans.push({
      detail: `the agent "${agent.agentId}" is on record, but the host does not have it`,
      remedy: `\`agents delete ${agent.agentId}\` removes the record and revokes its key`,
    });
  }
  return orphans;
}

/** Under the agent's claim: a creation under way has its key before it has its record. */
async function revokeOrphan(context: Context, key: { keyId: string; agentId: string }): Promise<void> {
  const operationId = newOperationId(context);
  const name = agentClaim(key.agentId);
  const claim = await context.ledger.claim(name, { owner: operationId, ttlMs: 30_000 });
  if (!claim.granted) return;
  try {
    const agent = await context.records.get("agents", key.agentId);
    if (agent?.aiKeyId === key.keyId) return;
    const note = { action: "delete" as const, operationId, creation: operationId, agentId: key.agentId, bindings: [] };
    await withdrawAiKey(context, note, key.keyId);
  } finally {
    await context.ledger.release(name, operationId);
  }
}
