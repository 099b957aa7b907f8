import { route } from "../http/call.ts";
import { OperationView } from "../schema/operation.ts";
import { readOperation } from "../service/operations/operation-state.ts";

export const getOperationRoute = route({
  method: "GET",
  path: "/operations/:id",
  operationId: "getOperation",
  summary: "How a create that was not waited for stands, or ended; kept for a day",
  scope: "token",
  response: { status: 200, description: "The operation", schema: OperationView },
  problems: ["operation_not_found"],
  async handle({ context, caller, params }) {
    return { body: await readOperation(context, caller, params.id!) };
  },
});
