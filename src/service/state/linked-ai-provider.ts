import { Problem } from "../../errors.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { newestAiProvider } from "./newest-ai-provider.ts";

/**
 * The AI provider that pays for keys this caller makes.
 *
 * @param id one of several of this slug
 * @throws Problem `ai_provider_not_linked`, `provider_revoked`
 */
export async function linkedAiProvider(
  context: Context,
  caller: Caller,
  slug: string,
  id?: string,
): Promise<AiProviderRecord> {
  // The administration may link itself to whichever it likes.
  const isFree = caller.operator || caller.actor === "admin";
  if (isFree && id === undefined) return await anyAiProvider(context, slug);
  const linked = isFree ? id : (caller.key?.aiProviderKeyId ?? caller.aiProviderKeyId);
  if (id !== undefined && linked !== id) {
    throw new Problem("ai_provider_not_linked", `The provisioning key is not linked to the AI provider ${id}.`);
  }
  const record = linked === undefined ? undefined : await context.records.get("ai-providers", linked);
  const provider = record && (await newestAiProvider(context, record));
  if (provider?.provider !== slug) {
    throw new Problem(
      "ai_provider_not_linked",
      isFree
        ? `There is no AI provider "${slug}" of the id ${id}; \`ai-providers list\` shows those there are.`
        : provider
          ? `The provisioning key is linked to the AI provider "${provider.provider}", not to "${slug}".`
          : `The provisioning key is not linked to an AI provider; create one with "agent-keys create --ai-provider-key <id>".`,
    );
  }
  if (provider.revokedAt !== undefined) {
    throw new Problem(
      "provider_revoked",
      `The AI provider "${provider.name}" (${provider.id}) is revoked; link another one.`,
    );
  }
  return provider;
}

async function anyAiProvider(context: Context, slug: string): Promise<AiProviderRecord> {
  const { items } = await context.records.list("ai-providers");
  const found = items
    .filter((item) => item.provider === slug && item.revokedAt === undefined)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt))[0];
  const newest = found && (await newestAiProvider(context, found));
  if (newest && newest.revokedAt === undefined) return newest;
  throw new Problem(
    "ai_provider_not_linked",
    `There is no active AI provider "${slug}"; add one with "ai-providers add --provider ${slug}".`,
  );
}
