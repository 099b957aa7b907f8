import type { Context } from "../context.ts";
import { allRecords } from "../state/all-records.ts";

/** Agents whose virtual key the proxy refuses because its AI provider is revoked: "2 agents of ...", by provider. */
export async function findAgentsWithRevokedProvider(context: Context): Promise<string[]> {
  const { items: providers } = await context.records.list("ai-providers");
  const active = new Set(providers.filter(({ revokedAt }) => revokedAt === undefined).map(({ id }) => id));
  const agents = new Map<string, number>();
  for await (const { keyId, agentId, mode, aiProviderId } of allRecords(context, "ai-keys")) {
    if (mode !== "virtual" || active.has(aiProviderId)) continue;
    // A key of no agent is another matter.
    const agent = await context.records.get("agents", agentId);
    if (agent?.aiKeyId === keyId) agents.set(aiProviderId, (agents.get(aiProviderId) ?? 0) + 1);
  }
  return [...agents].map(([id, count]) => {
    const provider = providers.find((one) => one.id === id);
    const name = provider ? `"${provider.name}" (${provider.provider}, ${id})` : `${id}, which is not on record`;
    return `${count} ${count === 1 ? "agent" : "agents"} of ${name}`;
  });
}
