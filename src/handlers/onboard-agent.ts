import { route } from "../http/call.ts";
import { AgentOnboarded, OnboardAgent } from "../schema/agent.ts";
import { onboardAgent } from "../service/agents/onboard-agent.ts";

export const onboardAgentRoute = route({
  method: "POST",
  path: "/agents/:id/onboard",
  operationId: "onboardAgent",
  summary: "Configure an agent's authentication, bindings, identity or model",
  scope: "agents:onboard",
  body: OnboardAgent,
  response: { status: 200, description: "Which steps were completed, which failed, and why", schema: AgentOnboarded },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params, body }) {
    return { status: 200, body: await onboardAgent(context, caller, params.id!, body) };
  },
});
