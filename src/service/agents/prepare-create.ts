import { agentIdFrom, reservedAgentId } from "../../domain/agent-id.ts";
import { limitsTokens, limitsUsd, stricterQuotas } from "../../domain/quota.ts";
import { Problem } from "../../errors.ts";
import type { HostPlan } from "../../ports.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { CreateAgent } from "../../schema/create-agent.ts";
import { checkAiKeyRequest } from "../ai-keys/issue-ai-key.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { planAgent } from "../gateways/choose-gateway.ts";
import { requireScope } from "../require-scope.ts";
import { linkedAiProvider } from "../state/linked-ai-provider.ts";
import { requireFutureEnd, requireStoppable } from "./agent-end.ts";
import { requireStoredCredentials } from "./given-credential.ts";

export interface PreparedCreate {
  agentId: string;
  /** The AI provider that is asked for a key. */
  provider: AiProviderRecord | undefined;
  heldToQuota: boolean;
  plan: HostPlan;
}

/**
 * All of a creation that is decided before anything is done.
 * @param atOnce places it by what is known of the gateways, and asks none
 * @throws Problem for what can be refused by then
 */
export async function prepareCreate(
  context: Context,
  caller: Caller,
  body: CreateAgent,
  atOnce = false,
): Promise<PreparedCreate> {
  const agentId = usableId(body.name);
  if (body.auth) {
    requireScope(caller, "agents:onboard", "create an agent with a key that it is given");
    requireStoredCredentials(context);
  }
  const { provider, heldToQuota } = await prepareAiKey(context, caller, body);
  const plan = await planAgent(context, { ...body, agentId, heldToQuota, atOnce });
  return { agentId, provider, heldToQuota, plan };
}

type KeyedRequest = Pick<CreateAgent, "autoProvisionAiKey" | "expiresAt" | "heldToQuota">;

/** @throws Problem for an AI key that cannot be given, or an end that it cannot have */
export async function prepareAiKey(
  context: Context,
  caller: Caller,
  body: KeyedRequest,
): Promise<Pick<PreparedCreate, "provider" | "heldToQuota">> {
  const request = body.autoProvisionAiKey;
  const provider = request && (await linkedAiProvider(context, caller, request.provider));
  if (provider && request) checkAiKeyRequest(context, provider, request);
  requireFutureEnd(context, body.expiresAt);
  if (body.expiresAt !== undefined) requireStoppable({ mode: request?.mode ?? "virtual" });
  return { provider, heldToQuota: isHeldToQuota(body, provider) };
}

/** A provisioning key's id, or a JWT's subject, which stands for one. */
export const makerOf = (caller: Caller): string | undefined => (caller.operator ? undefined : caller.actor);

/** The key's own number, or that of the settings. */
export const maxAgentsOf = ({ settings }: Context, { key }: Caller): number =>
  key?.maxAgents ?? settings.provisioning.maxAgentsPerKey;

/** The refusal of an id that an agent has, or another creation under way. */
export const agentExists = (agentId: string): Problem =>
  new Problem("agent_exists", `An agent "${agentId}" exists or is being created; choose another name.`);

/** @throws Problem `invalid_name`, `agent_reserved` */
function usableId(name: string): string {
  const agentId = agentIdFrom(name);
  if (agentId === undefined) {
    throw new Problem(
      "invalid_name",
      `The name "${name}" leaves no usable id; use at least one Latin letter or digit.`,
      {
        errors: [{ path: "name", message: "needs at least one of a-z, 0-9" }],
      },
    );
  }
  if (agentId === reservedAgentId) {
    throw new Problem("agent_reserved", `"${reservedAgentId}" is OpenClaw's own default agent; choose another name.`);
  }
  return agentId;
}

/** Whether what it spends is bounded: what leads around its key is then no small matter. */
function isHeldToQuota({ autoProvisionAiKey: request, heldToQuota }: KeyedRequest, provider?: AiProviderRecord) {
  if (heldToQuota || request?.budgetUsdPerMonth !== undefined) return true;
  const limits = stricterQuotas(provider?.defaultQuotas ?? {}, request?.quotas ?? {});
  return limitsTokens(limits) || limitsUsd(limits);
}
