import { route } from "../http/call.ts";
import { withIdempotency } from "../http/idempotency.ts";
import { AgentCreated, CreateAgent } from "../schema/create-agent.ts";
import { createAgent } from "../service/agents/create-agent.ts";

export const createAgentRoute = route({
  method: "POST",
  path: "/agents/create",
  operationId: "createAgent",
  summary: "Create an agent, with its workspace, its bindings and, where asked for, its own AI key",
  scope: "agents:create",
  body: CreateAgent,
  response: { status: 201, description: "The agent", schema: AgentCreated },
  headers: [
    { name: "Idempotency-Key", description: "Makes a retry safe for 24 hours: it is answered 200 with the first body" },
    { name: "Prefer", description: "`respond-async` answers 202 as soon as the agent is durable" },
  ],
  problems: [
    "invalid_name",
    "agent_exists",
    "agent_reserved",
    "agent_limit_reached",
    "ai_provider_not_linked",
    "binding_taken",
    "workspace_taken",
    "workspace_not_allowed",
    "setting_unmetered",
    "tool_not_allowed",
    "confinement_not_supported",
    "gateway_not_found",
    "gateway_not_allowed",
    "gateway_full",
    "gateway_cordoned",
    "mode_not_supported",
    "provider_revoked",
    "provider_refused",
    "provider_unreachable",
    "gateway_failed",
    "idempotency_in_flight",
    "idempotency_mismatch",
    "invalid_header",
  ],
  async handle({ context, caller, body, headers }) {
    const respondAsync = /(^|[\s,;])respond-async([\s,;]|$)/i.test(headers.get("prefer") ?? "");
    return await withIdempotency(context, caller, headers, body, async (idempotency) => {
      const created = await createAgent(context, caller, body, { respondAsync, ...(idempotency && { idempotency }) });
      const location = `${context.settings.provisioning.basePath}/agents/${created.agentId}`;
      const { key: _secret, ...aiKey } = created.aiKey ?? {};
      return {
        reply: { status: created.status === "starting" ? 202 : 201, body: created, headers: { location } },
        replayed: created.aiKey ? { ...created, aiKey } : created,
      };
    });
  },
});
