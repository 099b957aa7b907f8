import * as z from "zod";
import { AgentId, ModelName, ProviderSlug, RetiredDigest, Timestamp } from "./primitives.ts";
import { Quotas } from "./quota.ts";

export const aiKeyModes = ["virtual", "minted"] as const;

export const AutoProvisionAiKey = z
  .strictObject({
    provider: ProviderSlug,
    mode: z.enum(aiKeyModes).optional(),
    quotas: Quotas.optional(),
    models: z.array(ModelName).min(1).max(100).optional(),
    expiresAt: Timestamp.optional(),
  })
  .meta({ id: "AutoProvisionAiKey" });
export type AutoProvisionAiKey = z.infer<typeof AutoProvisionAiKey>;

export const IssuedAiKey = z
  .object({
    provider: z.string(),
    mode: z.enum(aiKeyModes),
    keyId: z.string(),
    /** The host's name of the stored credential; absent where no host stores it. */
    profileId: z.string().optional(),
    baseUrl: z.string().optional(),
    quotas: Quotas,
    models: z.array(z.string()).optional(),
    expiresAt: Timestamp.optional(),
    /** The secret, once: where no host can store it, or where it was asked for. */
    key: z.string().optional(),
  })
  .meta({ id: "IssuedAiKey" });
export type IssuedAiKey = z.infer<typeof IssuedAiKey>;

/**
 * All of an AI key that can change. The ledger holds the same as an exact text, so that a change is felt
 * at once even where records lag.
 */
export const AiKeyState = z.object({
  version: z.int(),
  status: z.enum(["active", "suspended", "revoked"]),
  /** SHA-256 of the whole key, hex. Empty for a minted key. */
  digest: z.string(),
  /** Rotated away, and still valid until then; see `domain/secret-digests.ts`. */
  previous: z.array(RetiredDigest).optional(),
  quotas: Quotas,
  models: z.array(z.string()).optional(),
  expiresAt: Timestamp.optional(),
});
export type AiKeyState = z.infer<typeof AiKeyState>;

export const AiKeyRecord = z.object({
  keyId: z.string(),
  agentId: AgentId,
  provider: z.string(),
  mode: z.enum(aiKeyModes),
  /** The AI provider whose master key pays. */
  aiProviderId: z.string(),
  /** The provider's own name of a minted key, by which it is revoked. */
  minted: z.object({ remoteId: z.string(), hint: z.string() }).optional(),
  createdAt: Timestamp,
  createdBy: z.string().optional(),
  state: AiKeyState,
});
export type AiKeyRecord = z.infer<typeof AiKeyRecord>;

export const RotateAiKey = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .optional(),
    revealAiKey: z.boolean().optional(),
  })
  .meta({ id: "RotateAiKey" });
export type RotateAiKey = z.infer<typeof RotateAiKey>;
