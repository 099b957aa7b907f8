import { route } from "../http/call.ts";
import { AgentList } from "../schema/agent.ts";
import { AgentQuery, includesOf, isSearch } from "../schema/agent-query.ts";
import { withSpending } from "../service/agents/agent-spending.ts";
import { listAgents } from "../service/agents/agent-view.ts";
import { searchAgents } from "../service/agents/search-agents.ts";

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
    return { status: 200, body: { agents: await withSpending(context, agents, includesOf(query)), ...page } };
  },
});
