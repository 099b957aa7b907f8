import { route } from "../http/call.ts";
import { AgentDetail } from "../schema/agent.ts";

export const suspendAgentRoute = route({
  method: "POST",
  path: "/agents/:id/suspend",
  operationId: "suspendAgent",
  summary: "Stop an agent's AI key at once",
  scope: "agents:update",
  response: { status: 200, description: "The agent as it is now", schema: AgentDetail },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "agent_busy",
    "ai_key_not_found",
    "mode_not_supported",
    "gateway_failed",
  ],
  async handle({ context, caller, params }) {
    const { suspendAgent } = await import("../service/agents/suspend-agent.ts");
    return { status: 200, body: await suspendAgent(context, caller, params.id!, true) };
  },
});
