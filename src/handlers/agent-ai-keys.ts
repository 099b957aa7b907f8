import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { idempotencyHeader, idempotencyProblems, withIdempotency } from "../http/idempotency.ts";
import { AiKeyGiven, AiKeyTaken, GiveAiKey, IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
import { AiKeyHolder } from "../schema/ai-key-holder.ts";
import { AgentCredited, CreditAgent, Usage, UsageQuery } from "../schema/usage.ts";
import { creditAgent } from "../service/agents/credit-agent.ts";
import { giveAiKey, takeAiKey } from "../service/agents/give-ai-key.ts";
import { readUsage } from "../service/agents/read-usage.ts";
import { rotateAiKey } from "../service/agents/rotate-ai-key.ts";
import { readHolder } from "../service/ai-keys/ai-key-holder.ts";
import { withoutSecret } from "../service/ai-keys/issued-ai-key-view.ts";

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
    return { body: await readUsage(context, caller, params.id!, query) };
  },
});

export const getAiKeyHolderRoute = route({
  method: "GET",
  path: "/key",
  operationId: "getAiKeyHolder",
  summary: "What an AI key has used and has left; the AI key itself is the bearer",
  scope: "token",
  response: { status: 200, description: "The key", schema: AiKeyHolder },
  problems: ["ai_key_not_found"],
  async handle({ context, caller }) {
    return { body: await readHolder(context, caller.aiKeyId) };
  },
});

export const rotateAiKeyRoute = route({
  method: "POST",
  path: "/agents/:id/ai-key/rotate",
  operationId: "rotateAiKey",
  summary: "Give an agent a new AI key under the same key id; the old one is valid for a grace period",
  scope: "agents:keys",
  body: RotateAiKey,
  bodyOptional: true,
  response: {
    status: 200,
    description: "The key; its secret only where it was asked for or nothing else holds it",
    schema: z.object({ agentId: z.string(), aiKey: IssuedAiKey }).register(z.globalRegistry, { id: "AiKeyRotated" }),
  },
  headers: [idempotencyHeader],
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "ai_key_not_found",
    "key_expired",
    "mode_not_supported",
    "gateway_failed",
    "gateway_not_found",
    ...idempotencyProblems,
  ],
  async handle({ context, caller, params, body, headers }) {
    const id = params.id!;
    return await withIdempotency(context, caller, headers, { rotate: id, ...body }, async () => {
      const rotated = await rotateAiKey(context, caller, id, body);
      return { reply: { status: 200, body: rotated }, replayed: withoutSecret(rotated) };
    });
  },
});

const giveProblems = [
  "agent_not_found",
  "agent_ambiguous",
  "agent_not_managed",
  "ai_provider_not_linked",
  "agent_busy",
  "agent_expired",
  "mode_not_supported",
  "provider_revoked",
  "provider_refused",
  "provider_unreachable",
  "gateway_failed",
  "gateway_not_found",
  ...idempotencyProblems,
] as const;

const giving = (how: "add" | "move", summary: string) =>
  route({
    method: how === "add" ? "POST" : "PUT",
    path: "/agents/:id/ai-key",
    operationId: `${how}AiKey`,
    summary,
    scope: "agents:keys",
    body: GiveAiKey,
    response: {
      status: 200,
      description: "The key; its secret only where it was asked for or nothing else holds it",
      schema: AiKeyGiven,
    },
    headers: [idempotencyHeader],
    problems: [...giveProblems, how === "add" ? "ai_key_exists" : "ai_key_not_found"],
    async handle({ context, caller, params, body, headers }) {
      const id = params.id!;
      return await withIdempotency(context, caller, headers, { [how]: id, ...body }, async () => {
        const given = await giveAiKey(context, caller, id, body, how);
        return { reply: { status: 200, body: given }, replayed: withoutSecret(given) };
      });
    },
  });

export const addAiKeyRoute = giving("add", "Give an agent that has none its own AI key");
export const moveAiKeyRoute = giving(
  "move",
  "Move an agent's AI key to another AI provider or account: the new one is stored before the old one ends",
);

export const removeAiKeyRoute = route({
  method: "DELETE",
  path: "/agents/:id/ai-key",
  operationId: "removeAiKey",
  summary: "Take an agent's AI key away",
  scope: "agents:keys",
  response: { status: 200, description: "The agent has no key", schema: AiKeyTaken },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "agent_not_managed",
    "ai_key_not_found",
    "agent_busy",
    "gateway_failed",
    "gateway_not_found",
  ],
  async handle({ context, caller, params }) {
    return { body: await takeAiKey(context, caller, params.id!) };
  },
});

export const creditAgentRoute = route({
  method: "POST",
  path: "/agents/:id/credit",
  operationId: "creditAgent",
  summary: "Give back tokens that were charged by estimate, each estimate once",
  scope: "agents:update",
  body: CreditAgent,
  response: { status: 200, description: "What was given back, and the quotas as they are now", schema: AgentCredited },
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "ai_key_not_found",
    "mode_not_supported",
    "gateway_failed",
  ],
  async handle({ context, caller, params, body }) {
    return { body: await creditAgent(context, caller, params.id!, body) };
  },
});
