import * as z from "zod/mini";
import { providerKinds } from "../domain/provider-facts.ts";
import { GraceSeconds, HttpUrl, Label, ProviderSlug, printable, Timestamp } from "./primitives.ts";
import { Quotas } from "./quota.ts";

const secret = z.string().check(z.minLength(1, "must not be empty"), z.maxLength(16_384), printable);

export const AddAiProvider = z
  .strictObject({
    /** A built-in provider, `custom` (with `slug`), or a custom slug itself (with `baseUrl`). */
    provider: ProviderSlug,
    slug: z.optional(ProviderSlug),
    name: Label,
    key: secret,
    baseUrl: z.optional(HttpUrl),
    /** Ask the provider whether it accepts the key. Default true. */
    verify: z.optional(z.boolean()),
    /** Applied to every AI key of this provider; the stricter of this and the key's own wins. */
    defaultQuotas: z.optional(Quotas),
    /** OpenAI: the project in which service accounts are made. Gemini: the Google Cloud project. */
    project: z.optional(Label),
    /** Gemini: a service account's JSON, with which keys can be minted. */
    credentials: z.optional(z.string().check(z.maxLength(16_384))),
  })
  .register(z.globalRegistry, { id: "AddAiProvider" });
export type AddAiProvider = z.infer<typeof AddAiProvider>;

export const RotateAiProvider = z
  .strictObject({
    key: secret,
    /** Gemini: a service account's JSON; absent: the one that is stored stays. */
    credentials: z.optional(z.string().check(z.maxLength(16_384))),
    verify: z.optional(z.boolean()),
    /** The time for which a call that is refused with the new key (401, 403) is tried with the old one. Default 0. */
    graceSeconds: z.optional(GraceSeconds),
  })
  .register(z.globalRegistry, { id: "RotateAiProvider" });
export type RotateAiProvider = z.infer<typeof RotateAiProvider>;

const PreviousKey = z.object({ sealedKey: z.string(), until: Timestamp });

export const AiProviderRecord = z.object({
  id: z.string(),
  provider: z.string(),
  kind: z.enum(providerKinds),
  name: z.string(),
  baseUrl: z.optional(z.string()),
  project: z.optional(z.string()),
  defaultQuotas: z.optional(Quotas),
  /** Compact JWE (`dir`, `A256GCM`). */
  sealedKey: z.string(),
  sealedCredentials: z.optional(z.string()),
  /** Enough to recognise the key by: `sk-ant-...abcd`. */
  hint: z.string(),
  createdAt: Timestamp,
  rotatedAt: z.optional(Timestamp),
  revokedAt: z.optional(Timestamp),
  /** Master keys that were rotated away with a grace, the newest first. */
  previous: z.optional(z.array(PreviousKey)),
  /** Counts the changes. */
  version: z.optional(z.int()),
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
    baseUrl: z.optional(z.string()),
    project: z.optional(z.string()),
    defaultQuotas: z.optional(Quotas),
    canMint: z.boolean(),
    createdAt: Timestamp,
    rotatedAt: z.optional(Timestamp),
    /** Until then the key before stands in where this one is refused. */
    fallbackUntil: z.optional(Timestamp),
    revokedAt: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "AiProvider" });
export type AiProviderView = z.infer<typeof AiProviderView>;

export const AiProviderAdded = z
  .extend(AiProviderView, {
    verification: z.enum(["verified", "skipped", "unreachable"]),
    /** The warning about a verification that did not succeed. */
    warning: z.optional(z.string()),
  })
  .register(z.globalRegistry, { id: "AiProviderAdded" });
export type AiProviderAdded = z.infer<typeof AiProviderAdded>;

export const AiProviderList = z
  .object({ keys: z.array(AiProviderView) })
  .register(z.globalRegistry, { id: "AiProviderList" });

export const AiProviderHealth = z
  .object({
    /** `failing` from its fifth failure in a row, or the first refusal of the operator's key, until it answers. */
    status: z.enum(["ok", "failing", "revoked"]),
    /** While it fails: since when, and why. */
    since: z.optional(Timestamp),
    detail: z.optional(z.string()),
    /** Metered calls of the last hour that it failed. */
    failures1h: z.int(),
    /** `code`: a status, or `unreachable`, `timeout`, `broken_off`, `redirect`. */
    lastFailure: z.optional(z.object({ at: Timestamp, status: z.optional(z.int()), code: z.string() })),
    /** Agents with an AI key that it pays for. */
    agents: z.int(),
  })
  .register(z.globalRegistry, { id: "AiProviderHealth" });
export type AiProviderHealth = z.infer<typeof AiProviderHealth>;
