import { route } from "../http/call.ts";
import { withIdempotency } from "../http/idempotency.ts";
import { BulkChange, BulkChanged } from "../schema/bulk.ts";
import { changeAgents } from "../service/bulk/change-agents.ts";

export const bulkAgentsRoute = route({
  method: "POST",
  path: "/agents/bulk",
  operationId: "changeAgents",
  summary:
    "Suspend, resume, update or delete many agents, or rotate their AI keys; `delete` needs `agents:delete` as well, " +
    "`rotate` `agents:keys`",
  scope: "agents:update",
  body: BulkChange,
  response: { status: 200, description: "Which were changed, and why the others were not", schema: BulkChanged },
  headers: [{ name: "Idempotency-Key", description: "Makes a retry safe for 24 hours" }],
  problems: ["idempotency_in_flight", "idempotency_mismatch", "invalid_header"],
  async handle({ context, caller, body, headers }) {
    return await withIdempotency(context, caller, headers, { bulk: body }, async () => {
      const changed = await changeAgents(context, caller, body);
      return { reply: { status: 200, body: changed }, replayed: changed };
    });
  },
});
