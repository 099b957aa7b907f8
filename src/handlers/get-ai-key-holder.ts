import { route } from "../http/call.ts";
import { AiKeyHolder } from "../schema/ai-key-holder.ts";
import { readHolder } from "../service/ai-keys/ai-key-holder.ts";

export const getAiKeyHolderRoute = route({
  method: "GET",
  path: "/key",
  operationId: "getAiKeyHolder",
  summary: "What an AI key has used and has left; the AI key itself is the bearer",
  scope: "token",
  response: { status: 200, description: "The key", schema: AiKeyHolder },
  problems: ["ai_key_not_found"],
  async handle({ context, caller }) {
    return { status: 200, body: await readHolder(context, caller.aiKeyId) };
  },
});
