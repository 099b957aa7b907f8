import type { Context } from "../context.ts";
import { allRecords } from "../state/all-records.ts";

/** Agents whose virtual key the proxy refuses because its AI provider is revoked: "2 agents of ...", by provider. */
export async function findAgentsWithRevokedProvider(context: Context): Promise<string[]> {
  const { items: providers } = await context.records.list("ai-providers");
  const active = new Set(providers.filter(({ revokedAt }) => revokedAt === undefined).map(({ id }) => id));
  const refused = new Map<string, string>();
  for await (const { keyId, mode, aiProviderId } of allRecords(context, "ai-keys")) {
    if (mode === "virtual" && !active.has(aiProviderId)) refused.set(keyId, aiProviderId);
  }
  if (refused.size === 0) return [];
  const agents = new Map<string, number>();
  // A key of no agent is another matter. By pages: on a Worker, a hundred agents are as dear as one.
  for await (const { aiKeyId = "" } of allRecords(context, "agents")) {
    const aiProviderId = refused.get(aiKeyId);
    if (aiProviderId !== undefined) agents.set(aiProviderId, (agents.get(aiProviderId) ?? 0) + 1);
  }
  return [...agents].map(([id, count]) => {
    const provider = providers.find((one) => one.id === id);
    const name = provider ? `"${provider.name}" (${provider.provider}, ${id})` : `${id}, which is not on record`;
    return `${count} ${count === 1 ? "agent" : "agents"} of ${name}`;
  });
}
