import { route } from "../http/call.ts";
import { AgentDetail, UpdateAgent } from "../schema/agent.ts";
import { updateAgent } from "../service/agents/update-agent.ts";

export const updateAgentRoute = route({
  method: "PATCH",
  path: "/agents/:id",
  operationId: "updateAgent",
  summary: "Change an agent's name, model, quotas, labels, end or confinement",
  scope: "agents:update",
  body: UpdateAgent,
  response: { status: 200, description: "The agent as it is now", schema: AgentDetail },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "agent_not_managed",
    "ai_key_not_found",
    "mode_not_supported",
    "tool_not_allowed",
    "confinement_not_supported",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params, body }) {
    return { status: 200, body: await updateAgent(context, caller, params.id!, body) };
  },
});
