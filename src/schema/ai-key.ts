import * as z from "zod/mini";
import { titlesWhere } from "../domain/provider-facts.ts";
import {
  AgentId,
  GivenTimestamp,
  GraceSeconds,
  ModelName,
  ProviderSlug,
  RetiredDigest,
  Timestamp,
} from "./primitives.ts";
import { Quotas } from "./quota.ts";

export const aiKeyModes = ["virtual", "minted"] as const;

const BudgetUsd = z
  .number()
  .check(z.gt(0), z.maximum(1_000_000))
  .register(z.globalRegistry, {
    description: `USD a month, which the provider holds the key to: minted keys of ${titlesWhere(({ holdsBudgets }) => holdsBudgets === true, "and")} only`,
    examples: [20],
  });

export const AutoProvisionAiKey = z
  .strictObject({
    provider: ProviderSlug,
    mode: z.optional(z.enum(aiKeyModes)),
    quotas: z.optional(Quotas),
    models: z.optional(z.array(ModelName).check(z.minLength(1), z.maxLength(100))),
    expiresAt: z.optional(GivenTimestamp),
    budgetUsdPerMonth: z.optional(BudgetUsd),
  })
  .register(z.globalRegistry, { id: "AutoProvisionAiKey" });
export type AutoProvisionAiKey = z.infer<typeof AutoProvisionAiKey>;

export const IssuedAiKey = z
  .object({
    provider: z.string(),
    mode: z.enum(aiKeyModes),
    keyId: z.string(),
    /** The host's name of the stored credential; absent where no host stores it. */
    profileId: z.optional(z.string()),
    baseUrl: z.optional(z.string()),
    quotas: Quotas,
    models: z.optional(z.array(z.string())),
    expiresAt: z.optional(Timestamp),
    budgetUsdPerMonth: z.optional(z.number()),
    /** The secret, once: where no host can store it, or where it was asked for. */
    key: z.optional(z.string()),
  })
  .register(z.globalRegistry, { id: "IssuedAiKey" });
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
  previous: z.optional(z.array(RetiredDigest)),
  /**
   * The key of a rotation that has not ended: the host may have this key. It is valid as well; its secret is kept
   * sealed.
   */
  pending: z.optional(z.object({ digest: z.string(), sealed: z.string() })),
  quotas: Quotas,
  models: z.optional(z.array(z.string())),
  expiresAt: z.optional(Timestamp),
  /** The agent's end: from then on the key counts as suspended. */
  suspendsAt: z.optional(Timestamp),
  budgetUsdPerMonth: z.optional(z.number()),
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
  minted: z.optional(z.object({ remoteId: z.string(), hint: z.string() })),
  createdAt: Timestamp,
  createdBy: z.optional(z.string()),
  state: AiKeyState,
});
export type AiKeyRecord = z.infer<typeof AiKeyRecord>;

export const RotateAiKey = z
  .strictObject({
    graceSeconds: z.optional(GraceSeconds),
    revealAiKey: z.optional(z.boolean()),
  })
  .register(z.globalRegistry, { id: "RotateAiKey" });
export type RotateAiKey = z.infer<typeof RotateAiKey>;

/** A key for an agent that is there. */
export const GiveAiKey = z
  .extend(AutoProvisionAiKey, {
    /** One of several AI providers of this slug. */
    aiProviderId: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/, "is not the id of an AI provider"))),
    model: z.optional(ModelName),
    revealAiKey: z.optional(z.boolean()),
  })
  .register(z.globalRegistry, { id: "GiveAiKey" });
export type GiveAiKey = z.infer<typeof GiveAiKey>;

export const AiKeyGiven = z
  .object({ agentId: z.string(), model: z.optional(z.string()), aiKey: IssuedAiKey })
  .register(z.globalRegistry, { id: "AiKeyGiven" });
export type AiKeyGiven = z.infer<typeof AiKeyGiven>;

export const AiKeyTaken = z
  .object({
    agentId: z.string(),
    /** `aiKey`: its provider would not revoke it yet, and it is revoked later. */
    preserved: z.array(z.enum(["aiKey"])),
  })
  .register(z.globalRegistry, { id: "AiKeyTaken" });
export type AiKeyTaken = z.infer<typeof AiKeyTaken>;
