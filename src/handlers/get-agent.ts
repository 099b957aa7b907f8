import { route } from "../http/call.ts";
import { AgentDetail } from "../schema/agent.ts";
import { getAgent } from "../service/agent-view.ts";

export const getAgentRoute = route({
  method: "GET",
  path: "/agents/:id",
  operationId: "getAgent",
  summary: "Status and health of an agent",
  scope: "token",
  response: { status: 200, description: "The agent", schema: AgentDetail },
  problems: ["agent_not_found"],
  async handle({ context, params }) {
    return { status: 200, body: await getAgent(context, params.id!) };
  },
});
