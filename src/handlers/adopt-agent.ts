import { route } from "../http/call.ts";
import { idempotencyHeader, idempotencyProblems, withIdempotency } from "../http/idempotency.ts";
import { AdoptAgent, AgentAdopted, AgentReleased } from "../schema/adopt-agent.ts";
import { adoptAgent } from "../service/agents/adopt-agent.ts";
import { releaseAgent } from "../service/agents/release-agent.ts";
import { withoutSecret } from "../service/ai-keys/issued-ai-key-view.ts";

export const adoptAgentRoute = route({
  method: "POST",
  path: "/agents/:id/adopt",
  operationId: "adoptAgent",
  summary: "Take over an agent that others made: with a record, and where asked for with its own AI key and quotas",
  scope: "agents:create",
  alsoScope: "agents:update",
  body: AdoptAgent,
  bodyOptional: true,
  response: { status: 200, description: "The agent, and what changed in its entry", schema: AgentAdopted },
  headers: [idempotencyHeader],
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "agent_managed",
    "gateway_not_allowed",
    "agent_limit_reached",
    "agent_busy",
    "ai_provider_not_linked",
    "binding_taken",
    "setting_unmetered",
    "tool_not_allowed",
    "confinement_not_supported",
    "gateway_not_found",
    "mode_not_supported",
    "provider_revoked",
    "provider_refused",
    "provider_unreachable",
    "gateway_failed",
    ...idempotencyProblems,
  ],
  async handle({ context, caller, params, body, headers }) {
    const id = params.id!;
    return await withIdempotency(context, caller, headers, { adopt: id, ...body }, async (idempotency) => {
      const adopted = await adoptAgent(context, caller, id, body, idempotency ? { idempotency } : {});
      return {
        reply: { status: 200, body: adopted },
        replayed: withoutSecret(adopted),
        unfinished: adopted.dryRun === true,
      };
    });
  },
});

export const releaseAgentRoute = route({
  method: "POST",
  path: "/agents/:id/release",
  operationId: "releaseAgent",
  summary: "Give an adopted agent back exactly as it was, and end its AI key",
  scope: "agents:create",
  alsoScope: "agents:update",
  response: { status: 200, description: "The agent is its own again", schema: AgentReleased },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "agent_not_adopted",
    "agent_busy",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params }) {
    return { body: await releaseAgent(context, caller, params.id!) };
  },
});
