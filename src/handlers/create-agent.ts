import { endsWithin } from "../domain/ends-within.ts";
import { route } from "../http/call.ts";
import { idempotencyProblems, withIdempotency } from "../http/idempotency.ts";
import { isOldControlPlane, preferenceOf } from "../http/preference.ts";
import { AgentCreated, CreateAgent } from "../schema/create-agent.ts";
import { createAgent } from "../service/agents/create-agent.ts";
import { withoutAuth } from "../service/agents/given-credential.ts";
import { showsSecret, withoutSecret } from "../service/ai-keys/issued-ai-key-view.ts";

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
    {
      name: "Prefer",
      description:
        "`respond-async` answers 202 at once, with the `operationId` to look at; with `wait=<seconds>`, as soon as the agent is durable, or after so long",
    },
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
    "credential_not_stored",
    "gateway_not_found",
    "gateway_not_allowed",
    "gateway_full",
    "gateway_cordoned",
    "mode_not_supported",
    "provider_revoked",
    "provider_settings",
    "provider_refused",
    "provider_unreachable",
    "gateway_failed",
    ...idempotencyProblems,
  ],
  async handle({ context, caller, body, headers }) {
    const { basePath } = context.settings.provisioning;
    const { respondAsync, waitMs } = preferenceOf(headers);
    const create = async (onAccepted?: (accepted: AgentCreated) => void) =>
      await withIdempotency(context, caller, headers, withoutAuth(body), async (idempotency) => {
        const options = { respondAsync, onAccepted, ...(idempotency && { idempotency }) };
        const created = await createAgent(context, caller, body, options);
        const location = `${basePath}/agents/${created.agentId}`;
        return {
          reply: { status: created.status === "starting" ? 202 : 201, body: created, headers: { location } },
          replayed: withoutSecret(created),
        };
      });
    // A key that is shown once is worth the wait.
    const isShown = body.autoProvisionAiKey !== undefined && showsSecret(context, body);
    if (!respondAsync || isShown || isOldControlPlane(headers)) return await create();
    const { promise: accepted, resolve } = Promise.withResolvers<AgentCreated>();
    const whole = create(resolve);
    // The caller that still waits hears of its failure; so does `/operations`.
    context.background(whole.catch(() => undefined));
    const agent = await Promise.race([accepted, whole.then(() => undefined)]);
    if (agent?.operationId === undefined || (await endsWithin(whole, waitMs))) return await whole;
    return { status: 202, body: agent, headers: { location: `${basePath}/operations/${agent.operationId}` } };
  },
});
