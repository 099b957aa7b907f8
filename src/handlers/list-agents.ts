import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { AgentList } from "../schema/agent.ts";
import { PageQuery } from "../schema/page-query.ts";
import { listAgents } from "../service/agents/agent-view.ts";

export const listAgentsRoute = route({
  method: "GET",
  path: "/agents",
  operationId: "listAgents",
  summary: "List agents, those that others made included; with a provisioning key of reach `own`, those that it made",
  scope: "token",
  query: z.extend(PageQuery, { cursor: z.optional(z.string().check(z.maxLength(64))) }),
  response: {
    status: 200,
    description:
      "One page, in ascending order of id. While there is a `nextCursor`, the list goes on, also behind an empty page",
    schema: AgentList,
  },
  problems: [],
  async handle({ context, caller, query }) {
    return { status: 200, body: await listAgents(context, caller, query) };
  },
});
