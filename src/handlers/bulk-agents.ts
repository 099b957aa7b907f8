import { Problem } from "../errors.ts";
import { type Call, type Reply, route } from "../http/call.ts";
import { credentialsStand } from "../http/credentials-stand.ts";
import { idempotencyHeader, idempotencyProblems, withIdempotency } from "../http/idempotency.ts";
import { limitRate } from "../http/limit-rate.ts";
import { asksForLines, linesType, streamLines } from "../http/stream-lines.ts";
import { BulkAnswer, BulkBody, type BulkCreate, type BulkCreated, type BulkCreateResult } from "../schema/bulk.ts";
import { withoutAuth } from "../service/agents/given-credential.ts";
import { withoutSecret } from "../service/ai-keys/issued-ai-key-view.ts";
import { changeAgents } from "../service/bulk/change-agents.ts";
import { createAgents } from "../service/bulk/create-agents.ts";

export const bulkAgentsRoute = route({
  method: "POST",
  path: "/agents/bulk",
  operationId: "changeAgents",
  summary:
    "Suspend, resume or update many agents, or with the scope that one of them takes: create (`agents:create`) or " +
    "delete (`agents:delete`) many, or rotate their AI keys (`agents:keys`)",
  scope: "agents:update",
  otherScopes: ["agents:create", "agents:delete", "agents:keys"],
  body: BulkBody,
  response: {
    status: 200,
    description:
      "Which were changed, and why the others were not; of `create` a result of each, with `Accept: " +
      "application/x-ndjson` a line of each as it is known",
    schema: BulkAnswer,
    otherContentType: linesType,
  },
  headers: [idempotencyHeader],
  problems: [...idempotencyProblems],
  async handle({ body, ...call }) {
    const { action, agents = [], agentIds = [], ...rest } = body;
    if (action === "create") return await replyCreated(call, { action, agents, dryRun: rest.dryRun });
    const { context, caller, headers } = call;
    return await withIdempotency(context, caller, headers, { bulk: body }, async () => {
      const changed = await changeAgents(context, caller, { ...rest, action, agentIds }, mayGoOn(call));
      return { reply: { status: 200, body: changed }, replayed: changed };
    });
  },
});

type BulkCall = Omit<Call, "body">;

/** Many agents take minutes: one that is not begun when a key is revoked is left as it is. */
function mayGoOn({ context, caller, headers }: Pick<BulkCall, "context" | "caller" | "headers">): () => Promise<void> {
  // A secret in its grace, and all else that ends by itself, was good when the call came.
  const stand = credentialsStand(context, caller, headers, false);
  return async () => {
    if (!(await stand())) throw new Problem("unauthorized", "The call's credentials ended while it was under way.");
  };
}

async function replyCreated(call: BulkCall, request: BulkCreate): Promise<Reply> {
  if (!asksForLines(call.headers)) return await create(call, request);
  return await streamLines(call.context, async (tell) => {
    let told = false;
    const onResult = (result: BulkCreateResult) => {
      told = true;
      tell(result);
    };
    const reply = await create(call, request, onResult);
    // An answer that was kept is all there at once.
    if (!told) for (const result of (reply.body as BulkCreated).results) tell(result);
  });
}

async function create(
  { context, caller, headers }: BulkCall,
  request: BulkCreate,
  onResult?: (result: BulkCreateResult) => void,
): Promise<Reply> {
  const requireStanding = mayGoOn({ context, caller, headers });
  const countCall = async () => {
    await requireStanding();
    await limitRate(context, caller, {});
  };
  const bulk = { ...request, agents: request.agents.map(withoutAuth) };
  return await withIdempotency(context, caller, headers, { bulk }, async (idempotency) => {
    const created = await createAgents(context, caller, request, { idempotency, countCall, onResult });
    return {
      reply: { status: 200, body: created },
      replayed: {
        ...created,
        results: created.results.map((result) => ("aiKey" in result ? withoutSecret(result) : result)),
      },
      // Those that were refused are tried again by the same call, and those that were made are not.
      unfinished: created.results.some((result) => "code" in result),
    };
  });
}
