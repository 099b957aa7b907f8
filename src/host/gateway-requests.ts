import type { Credential, HostAsked, HostHold } from "../ports.ts";
import type { AdoptAgent } from "../schema/adopt-agent.ts";
import type { AgentAuth } from "../schema/agent-auth.ts";
import type { CreateAgent } from "../schema/create-agent.ts";

/** The same for every repetition, as for a creation. */
export const adoptionFor = ({
  model,
  heldToQuota,
  ...hold
}: HostHold & { model?: string | undefined; heldToQuota?: boolean | undefined }): AdoptAgent => ({
  ...(model !== undefined && { model }),
  ...(hold.confinement !== undefined && { confinement: hold.confinement }),
  ...(hold.tools && { tools: [...hold.tools] }),
  ...(hold.peers && { peers: [...hold.peers] }),
  ...(heldToQuota && { heldToQuota: true }),
});

/** Whether the key is metered, the gateway sees by the address. */
export const authFor = ({ provider, apiKey, baseUrl }: Credential): AgentAuth => ({
  provider,
  credentials: { apiKey },
  ...(baseUrl !== undefined && { baseUrl }),
});

/**
 * The same for every repetition: another body under the same key is refused. The agent's credential goes beside it, and
 * is kept for no repetition.
 */
export const requestFor = (agent: HostAsked): CreateAgent => ({
  name: agent.name,
  ...(agent.workspace !== undefined && { workspace: agent.workspace }),
  ...(agent.model !== undefined && { model: agent.model }),
  ...(agent.bindings.length > 0 && { bind: [...agent.bindings] }),
  ...(agent.identity && { identity: agent.identity }),
  ...(agent.skipBootstrap && { skipBootstrap: true }),
  ...(agent.confinement !== undefined && { confinement: agent.confinement }),
  ...(agent.tools && { tools: [...agent.tools] }),
  ...(agent.peers && { peers: [...agent.peers] }),
  ...(agent.heldToQuota && { heldToQuota: true }),
});
