import { route } from "../http/call.ts";
import { AgentDetail } from "../schema/agent.ts";
import { getAgent } from "../service/agents/agent-view.ts";

export const getAgentRoute = route({
  method: "GET",
  path: "/agents/:id",
  operationId: "getAgent",
  summary: "Status and health of an agent",
  scope: "token",
  response: { status: 200, description: "The agent", schema: AgentDetail },
  problems: ["agent_not_found", "agent_ambiguous"],
  async handle({ context, caller, params }) {
    return { status: 200, body: await getAgent(context, caller, params.id!) };
  },
});
