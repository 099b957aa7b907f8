import { route } from "../http/call.ts";
import { AgentDetail, AgentList } from "../schema/agent.ts";
import { AgentQuery, includesOf, isSearch } from "../schema/agent-query.ts";
import { AgentDeleted, DeleteAgent, UpdateAgent } from "../schema/change-agent.ts";
import { AgentOnboarded, OnboardAgent } from "../schema/onboard-agent.ts";
import { withSpending } from "../service/agents/agent-spending.ts";
import { getAgent, listAgents } from "../service/agents/agent-view.ts";
import { deleteAgent } from "../service/agents/delete-agent.ts";
import { onboardAgent } from "../service/agents/onboard-agent.ts";
import { searchAgents } from "../service/agents/search-agents.ts";
import { suspendAgent } from "../service/agents/suspend-agent.ts";
import { updateAgent } from "../service/agents/update-agent.ts";

export const listAgentsRoute = route({
  method: "GET",
  path: "/agents",
  operationId: "listAgents",
  summary:
    "List agents, those that others made included; with a provisioning key of reach `own`, those that it made. " +
    "A filter or a sort makes it a search among those that this service made",
  scope: "token",
  query: AgentQuery,
  repeatable: ["label"],
  response: {
    status: 200,
    description:
      "One page, in ascending order of id, or in that of `sort`. While there is a `nextCursor`, the list goes on, " +
      "also behind an empty page",
    schema: AgentList,
  },
  problems: ["not_ready"],
  async handle({ context, caller, query }) {
    const list = isSearch(query) ? searchAgents : listAgents;
    const { agents, ...page } = await list(context, caller, query);
    return { body: { agents: await withSpending(context, agents, includesOf(query)), ...page } };
  },
});

export const getAgentRoute = route({
  method: "GET",
  path: "/agents/:id",
  operationId: "getAgent",
  summary: "Status and health of an agent",
  scope: "token",
  response: { status: 200, description: "The agent", schema: AgentDetail },
  problems: ["agent_not_found", "agent_ambiguous"],
  async handle({ context, caller, params }) {
    return { body: await getAgent(context, caller, params.id!) };
  },
});

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
    "gateway_not_allowed",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params, body }) {
    return { body: await updateAgent(context, caller, params.id!, body) };
  },
});

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
      return { body: await suspendAgent(context, caller, params.id!, verb === "suspend") };
    },
  });

export const suspendAgentRoute = either("suspend", "Stop an agent's AI key at once");
export const resumeAgentRoute = either("resume", "Restore a suspended agent's AI key at once");

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
    return { body: await onboardAgent(context, caller, params.id!, body) };
  },
});

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
    "agent_adopted",
    "agent_busy",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params, body }) {
    return { body: await deleteAgent(context, caller, params.id!, body) };
  },
});
