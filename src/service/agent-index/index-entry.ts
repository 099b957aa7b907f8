import * as z from "zod/mini";
import type { AgentRecord } from "../../schema/agent.ts";

/** As much of an agent's record as a search looks at. */
export const IndexEntry = z.object({
  agentId: z.string(),
  name: z.string(),
  model: z.optional(z.string()),
  gateway: z.optional(z.string()),
  bindings: z.optional(z.array(z.string())),
  aiKeyId: z.optional(z.string()),
  formerAiKeyIds: z.optional(z.array(z.string())),
  /** Those that its key or a credential of its host is of. */
  providers: z.optional(z.array(z.string())),
  suspended: z.optional(z.boolean()),
  labels: z.optional(z.record(z.string(), z.string())),
  expiresAt: z.optional(z.string()),
  endedAt: z.optional(z.string()),
  createdBy: z.optional(z.string()),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type IndexEntry = z.infer<typeof IndexEntry>;

/** Fields stand in the order of the schema: an entry that was read back is the same text. */
export function indexEntry(record: AgentRecord): IndexEntry {
  const { bindings, credentials, aiKeyProvider, suspended } = record;
  const providers = [...new Set([...(aiKeyProvider === undefined ? [] : [aiKeyProvider]), ...credentials])];
  return {
    agentId: record.agentId,
    name: record.name,
    model: record.model,
    gateway: record.gateway,
    bindings: bindings.length > 0 ? bindings : undefined,
    aiKeyId: record.aiKeyId,
    formerAiKeyIds: record.formerAiKeyIds,
    providers: providers.length > 0 ? providers : undefined,
    suspended: suspended || undefined,
    labels: record.labels,
    expiresAt: record.expiresAt,
    endedAt: record.endedAt,
    createdBy: record.createdBy,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}
