import * as z from "zod";
import { Label, RetiredDigest, Timestamp } from "./primitives.ts";

export const scopes = [
  "agents:create",
  "agents:onboard",
  "agents:delete",
  "agents:update",
  "agents:keys",
  "provisioning:admin",
] as const;
export const Scope = z.enum(scopes, { error: `must be one of ${scopes.join(", ")}` }).meta({ id: "Scope" });
export type Scope = z.infer<typeof Scope>;

export const CreateProvisioningKey = z
  .strictObject({
    name: Label,
    scopes: z.array(Scope).min(1, "name at least one scope"),
    aiProviderKeyId: z.string().min(1).optional(),
    maxAgents: z.int().min(0).optional(),
    rateLimitPerMinute: z.int().min(1).max(100_000).optional(),
    expiresAt: Timestamp.optional(),
  })
  .meta({ id: "CreateProvisioningKey" });
export type CreateProvisioningKey = z.infer<typeof CreateProvisioningKey>;

/** What can be revoked or rotated; the ledger holds the same as an exact text. */
export const ProvisioningKeyState = z.object({
  version: z.int(),
  revokedAt: Timestamp.optional(),
  /** SHA-256 of the whole key, hex. */
  digest: z.string(),
  /** Rotated away, and still valid until then; see `domain/secret-digests.ts`. */
  previous: z.array(RetiredDigest).optional(),
});
export type ProvisioningKeyState = z.infer<typeof ProvisioningKeyState>;

export const ProvisioningKeyRecord = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(Scope),
  aiProviderKeyId: z.string().optional(),
  maxAgents: z.int().optional(),
  rateLimitPerMinute: z.int().optional(),
  expiresAt: Timestamp.optional(),
  createdAt: Timestamp,
  state: ProvisioningKeyState,
});
export type ProvisioningKeyRecord = z.infer<typeof ProvisioningKeyRecord>;

export const ProvisioningKeyView = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(Scope),
    status: z.enum(["active", "revoked", "expired"]),
    aiProviderKeyId: z.string().optional(),
    maxAgents: z.int().optional(),
    rateLimitPerMinute: z.int().optional(),
    expiresAt: Timestamp.optional(),
    createdAt: Timestamp,
    revokedAt: Timestamp.optional(),
    previousValidUntil: Timestamp.optional(),
    agents: z.int(),
    uses: z.int(),
    lastUsedAt: Timestamp.optional(),
  })
  .meta({ id: "ProvisioningKey" });
export type ProvisioningKeyView = z.infer<typeof ProvisioningKeyView>;

/** The one answer that carries the key itself. */
export const ProvisioningKeyIssued = ProvisioningKeyView.extend({ key: z.string() }).meta({
  id: "ProvisioningKeyIssued",
});
export type ProvisioningKeyIssued = z.infer<typeof ProvisioningKeyIssued>;
export const ProvisioningKeyList = z.object({ keys: z.array(ProvisioningKeyView) }).meta({ id: "ProvisioningKeyList" });

export const RotateProvisioningKey = z
  .strictObject({
    graceSeconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .optional(),
  })
  .meta({ id: "RotateProvisioningKey" });
export type RotateProvisioningKey = z.infer<typeof RotateProvisioningKey>;
