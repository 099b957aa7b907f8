import { route } from "../http/call.ts";
import { AgentCredited, CreditAgent } from "../schema/usage.ts";
import { creditAgent } from "../service/agents/credit-agent.ts";

export const creditAgentRoute = route({
  method: "POST",
  path: "/agents/:id/credit",
  operationId: "creditAgent",
  summary: "Give back tokens that were charged by estimate, each estimate once",
  scope: "agents:update",
  body: CreditAgent,
  response: { status: 200, description: "What was given back, and the quotas as they are now", schema: AgentCredited },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "ai_key_not_found",
    "mode_not_supported",
    "gateway_failed",
  ],
  async handle({ context, caller, params, body }) {
    return { status: 200, body: await creditAgent(context, caller, params.id!, body) };
  },
});
