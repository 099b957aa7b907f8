import * as z from "zod/mini";
import { GivenTimestamp, GraceSeconds, Label, RetiredDigest, shownText, Timestamp } from "./primitives.ts";

export const scopes = [
  "agents:create",
  "agents:onboard",
  "agents:delete",
  "agents:update",
  "agents:keys",
  "provisioning:admin",
] as const;
export const Scope = z
  .enum(scopes, { error: `must be one of ${scopes.join(", ")}` })
  .register(z.globalRegistry, { id: "Scope" });
export type Scope = z.infer<typeof Scope>;

export const reaches = ["all", "own"] as const;
/** `own`: only the agents that the key itself made exist for it. */
export const Reach = z.enum(reaches, { error: 'must be "all" or "own"' }).register(z.globalRegistry, {
  description: "Which agents a key acts on and sees: all, or those that it made",
});
export type Reach = z.infer<typeof Reach>;

export const administersAndOwns = (key: { scopes: readonly Scope[]; reach?: Reach | undefined }): boolean =>
  key.reach === "own" && key.scopes.includes("provisioning:admin");
export const administersAndOwnsFault =
  'cannot be "own" with the scope provisioning:admin, which is over every key and all that is in the trail';

export const CreateProvisioningKey = z
  .strictObject({
    name: Label,
    scopes: z.array(Scope).check(z.minLength(1, "name at least one scope")),
    reach: z.optional(Reach),
    aiProviderKeyId: z.optional(shownText(128).check(z.minLength(1))),
    maxAgents: z.optional(z.int().check(z.minimum(0))),
    rateLimitPerMinute: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
    expiresAt: z.optional(GivenTimestamp),
  })
  .check(z.refine((key) => !administersAndOwns(key), { path: ["reach"], error: administersAndOwnsFault }))
  .register(z.globalRegistry, { id: "CreateProvisioningKey" });
export type CreateProvisioningKey = z.infer<typeof CreateProvisioningKey>;

/** The state that can be revoked or rotated. The ledger holds the same as an exact text. */
export const ProvisioningKeyState = z.object({
  version: z.int(),
  revokedAt: z.optional(Timestamp),
  /** SHA-256 of the whole key, hex. */
  digest: z.string(),
  /** Rotated away, and still valid until then; see `domain/secret-digests.ts`. */
  previous: z.optional(z.array(RetiredDigest)),
});
export type ProvisioningKeyState = z.infer<typeof ProvisioningKeyState>;

export const ProvisioningKeyRecord = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(Scope),
  /** Absent: all. */
  reach: z.optional(Reach),
  aiProviderKeyId: z.optional(z.string()),
  maxAgents: z.optional(z.int()),
  rateLimitPerMinute: z.optional(z.int()),
  expiresAt: z.optional(Timestamp),
  createdAt: Timestamp,
  state: ProvisioningKeyState,
});
export type ProvisioningKeyRecord = z.infer<typeof ProvisioningKeyRecord>;

export const ProvisioningKeyView = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(Scope),
    reach: Reach,
    status: z.enum(["active", "revoked", "expired"]),
    aiProviderKeyId: z.optional(z.string()),
    maxAgents: z.optional(z.int()),
    rateLimitPerMinute: z.optional(z.int()),
    expiresAt: z.optional(Timestamp),
    createdAt: Timestamp,
    revokedAt: z.optional(Timestamp),
    previousValidUntil: z.optional(Timestamp),
    agents: z.int(),
    uses: z.int(),
    lastUsedAt: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "ProvisioningKey" });
export type ProvisioningKeyView = z.infer<typeof ProvisioningKeyView>;

/** The one answer that carries the key itself. */
export const ProvisioningKeyIssued = z.extend(ProvisioningKeyView, { key: z.string() }).register(z.globalRegistry, {
  id: "ProvisioningKeyIssued",
});
export type ProvisioningKeyIssued = z.infer<typeof ProvisioningKeyIssued>;
export const ProvisioningKeyList = z
  .object({ keys: z.array(ProvisioningKeyView) })
  .register(z.globalRegistry, { id: "ProvisioningKeyList" });

export const RotateProvisioningKey = z
  .strictObject({ graceSeconds: z.optional(GraceSeconds) })
  .register(z.globalRegistry, { id: "RotateProvisioningKey" });
export type RotateProvisioningKey = z.infer<typeof RotateProvisioningKey>;
