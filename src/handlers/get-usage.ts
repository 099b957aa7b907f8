import { route } from "../http/call.ts";
import { Usage, UsageQuery } from "../schema/usage.ts";
import { readUsage } from "../service/agents/read-usage.ts";

export const getUsageRoute = route({
  method: "GET",
  path: "/agents/:id/usage",
  operationId: "getUsage",
  summary: "Tokens and requests of an agent's AI key, by day, month and model",
  scope: "token",
  query: UsageQuery,
  response: { status: 200, description: "Use and quotas", schema: Usage },
  problems: ["agent_not_found", "agent_ambiguous", "ai_key_not_found"],
  async handle({ context, caller, params, query }) {
    return { status: 200, body: await readUsage(context, caller, params.id!, query) };
  },
});
