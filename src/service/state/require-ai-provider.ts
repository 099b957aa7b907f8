import { Problem } from "../../errors.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Context } from "../context.ts";

/** @throws Problem `ai_provider_not_found` */
export async function requireAiProvider({ records }: Pick<Context, "records">, id: string): Promise<AiProviderRecord> {
  const record = await records.get("ai-providers", id);
  if (record) return record;
  throw new Problem(
    "ai_provider_not_found",
    `There is no AI provider "${id.slice(0, 64)}"; "ai-providers list" shows those there are.`,
  );
}
