import * as z from "zod";
import { HttpUrl, Label, ProviderSlug, Timestamp } from "./primitives.ts";
import { Quotas } from "./quota.ts";

export const providerKinds = ["anthropic", "openai", "openrouter", "gemini", "litellm", "custom"] as const;
export type ProviderKind = (typeof providerKinds)[number];

const secret = z
  .string()
  .min(1, "must not be empty")
  .max(16_384)
  .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces");

export const AddAiProvider = z
  .strictObject({
    /** A built-in provider, `custom` (with `slug`), or a custom slug itself (with `baseUrl`). */
    provider: ProviderSlug,
    slug: ProviderSlug.optional(),
    name: Label,
    key: secret,
    baseUrl: HttpUrl.optional(),
    /** Ask the provider whether it accepts the key. Default true. */
    verify: z.boolean().optional(),
    /** Applied to every AI key of this provider; the stricter of this and the key's own wins. */
    defaultQuotas: Quotas.optional(),
    /** OpenAI: the project in which service accounts are made. Gemini: the Google Cloud project. */
    project: Label.optional(),
    /** Gemini: a service account's JSON, with which keys can be minted. */
    credentials: z.string().max(16_384).optional(),
  })
  .meta({ id: "AddAiProvider" });
export type AddAiProvider = z.infer<typeof AddAiProvider>;

export const AiProviderRecord = z.object({
  id: z.string(),
  provider: ProviderSlug,
  kind: z.enum(providerKinds),
  name: z.string(),
  baseUrl: z.string().optional(),
  project: z.string().optional(),
  defaultQuotas: Quotas.optional(),
  /** Compact JWE (`dir`, `A256GCM`). */
  sealedKey: z.string(),
  sealedCredentials: z.string().optional(),
  /** Enough to recognise the key by: `sk-ant-...abcd`. */
  hint: z.string(),
  createdAt: Timestamp,
  revokedAt: Timestamp.optional(),
});
export type AiProviderRecord = z.infer<typeof AiProviderRecord>;

export const AiProviderView = z
  .object({
    id: z.string(),
    provider: z.string(),
    kind: z.enum(providerKinds),
    name: z.string(),
    hint: z.string(),
    status: z.enum(["active", "revoked"]),
    baseUrl: z.string().optional(),
    project: z.string().optional(),
    defaultQuotas: Quotas.optional(),
    canMint: z.boolean(),
    createdAt: Timestamp,
    revokedAt: Timestamp.optional(),
  })
  .meta({ id: "AiProvider" });
export type AiProviderView = z.infer<typeof AiProviderView>;

export const AiProviderAdded = AiProviderView.extend({
  verification: z.enum(["verified", "skipped", "unreachable"]),
  /** What is to be known about a verification that did not succeed. */
  warning: z.string().optional(),
}).meta({ id: "AiProviderAdded" });
export type AiProviderAdded = z.infer<typeof AiProviderAdded>;

export const AiProviderList = z.object({ keys: z.array(AiProviderView) }).meta({ id: "AiProviderList" });
