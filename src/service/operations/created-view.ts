import type { AgentRecord } from "../../schema/agent.ts";
import type { AgentCreated } from "../../schema/create-agent.ts";
import { issuedAiKeyView } from "../ai-keys/issued-ai-key-view.ts";
import type { Context } from "../context.ts";

/** The answer to a create, from what is on record: without the secret, which is nowhere. */
export async function createdView(context: Context, agent: AgentRecord): Promise<AgentCreated> {
  const aiKey = agent.aiKeyId === undefined ? undefined : await context.records.get("ai-keys", agent.aiKeyId);
  return {
    agentId: agent.agentId,
    name: agent.name,
    workspace: agent.workspace,
    agentDir: agent.agentDir,
    model: agent.model,
    gateway: agent.gateway,
    confinement: agent.confinement,
    bindings: { added: agent.bindings, updated: [], skipped: [], conflicts: [] },
    ...(aiKey && { aiKey: issuedAiKeyView(aiKey, {}) }),
    labels: agent.labels,
    expiresAt: agent.expiresAt,
    createdAt: agent.createdAt,
  };
}
