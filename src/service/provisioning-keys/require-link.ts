import { Problem } from "../../errors.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import type { KnownAgent } from "../state/find-agent.ts";

/**
 * A caller that changes an agent's budget, or spends with it, needs a link to the AI provider that pays. An agent
 * without an AI key of this service spends nothing of any, and the administration may link itself to any provider.
 *
 * @throws Problem `ai_provider_not_linked`
 */
export async function requireLink(context: Context, caller: Caller, agent: KnownAgent): Promise<void> {
  const keyId = agent.record?.aiKeyId;
  if (keyId === undefined || caller.operator || caller.scopes.includes("provisioning:admin")) return;
  const aiKey = await context.records.get("ai-keys", keyId);
  const linked = caller.key?.aiProviderKeyId ?? caller.aiProviderKeyId;
  if (linked !== undefined && aiKey?.aiProviderId === linked) return;
  throw new Problem(
    "ai_provider_not_linked",
    `The agent "${agent.agentId}" has an AI key${aiKey ? ` of the AI provider "${aiKey.provider}"` : ""}, to which the provisioning key ` +
      'is not linked; use one that "agent-keys create --ai-provider-key <id>" made for it.',
  );
}
