import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { withIdempotency } from "../http/idempotency.ts";
import { IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
import { rotateAiKey } from "../service/agents/rotate-ai-key.ts";

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
  headers: [{ name: "Idempotency-Key", description: "Makes a retry safe for 24 hours" }],
  problems: [
    "agent_not_found",
    "agent_ambiguous",
    "ai_provider_not_linked",
    "agent_busy",
    "ai_key_not_found",
    "mode_not_supported",
    "gateway_failed",
    "gateway_not_found",
    "idempotency_in_flight",
    "idempotency_mismatch",
    "invalid_header",
  ],
  async handle({ context, caller, params, body, headers }) {
    const id = params.id!;
    return await withIdempotency(context, caller, headers, { rotate: id, ...body }, async () => {
      const rotated = await rotateAiKey(context, caller, id, body);
      const { key: _secret, ...aiKey } = rotated.aiKey;
      return { reply: { status: 200, body: rotated }, replayed: { ...rotated, aiKey } };
    });
  },
});
