import { route } from "../http/call.ts";
import { AgentDetail } from "../schema/agent.ts";
import { suspendAgent } from "../service/agents/suspend-agent.ts";

const either = (verb: "suspend" | "resume", summary: string) =>
  route({
    method: "POST",
    path: `/agents/:id/${verb}`,
    operationId: `${verb}Agent`,
    summary,
    scope: "agents:update",
    response: { status: 200, description: "The agent as it is now", schema: AgentDetail },
    problems: [
      "agent_not_found",
      "agent_ambiguous",
      "agent_busy",
      "ai_key_not_found",
      "mode_not_supported",
      ...(verb === "resume" ? (["agent_expired"] as const) : []),
      "gateway_failed",
    ],
    async handle({ context, caller, params }) {
      return { status: 200, body: await suspendAgent(context, caller, params.id!, verb === "suspend") };
    },
  });

export const suspendAgentRoute = either("suspend", "Stop an agent's AI key at once");
export const resumeAgentRoute = either("resume", "Restore a suspended agent's AI key at once");
