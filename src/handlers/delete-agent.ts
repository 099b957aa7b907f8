import { route } from "../http/call.ts";
import { AgentDeleted, DeleteAgent } from "../schema/agent.ts";
import { deleteAgent } from "../service/agents/delete-agent.ts";

export const deleteAgentRoute = route({
  method: "DELETE",
  path: "/agents/:id",
  operationId: "deleteAgent",
  summary: "Delete an agent and revoke its AI key",
  scope: "agents:delete",
  body: DeleteAgent,
  bodyOptional: true,
  response: { status: 200, description: "What was deleted and what was kept", schema: AgentDeleted },
  problems: [
    "delete_not_allowed",
    "agent_not_found",
    "agent_ambiguous",
    "agent_reserved",
    "agent_busy",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params, body }) {
    return { status: 200, body: await deleteAgent(context, caller, params.id!, body) };
  },
});
