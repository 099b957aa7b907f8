import * as z from "zod/mini";
import { Timestamp } from "./primitives.ts";
import { Reach, Scope } from "./provisioning-key.ts";

/** A console session, or the code of a link that opens one, as the ledger keeps it. */
export const ConsoleGrant = z.object({
  /** SHA-256 of the whole session or code, hex. */
  digest: z.string(),
  actor: z.string(),
  scopes: z.array(Scope),
  reach: Reach,
  /** Opened by the operator's own command line. */
  operator: z.boolean(),
  /** The provisioning key that was shown; it ends with that key, and with any change of it. */
  key: z.optional(z.object({ id: z.string(), name: z.string(), version: z.int() })),
  aiProviderKeyId: z.optional(z.string()),
  /** SHA-256 of the session or code together with the token that was shown: it ends when that token does. */
  gatewayDigest: z.optional(z.string()),
  adminDigest: z.optional(z.string()),
  /** When what was shown (a JWT) ends by itself. */
  credentialExpiresAt: z.optional(Timestamp),
  openedAt: Timestamp,
  usedAt: Timestamp,
  expiresAt: Timestamp,
  address: z.optional(z.string()),
});
export type ConsoleGrant = z.infer<typeof ConsoleGrant>;

export const ConsoleSessionView = z
  .object({
    id: z.string(),
    actor: z.string(),
    keyName: z.optional(z.string()),
    scopes: z.array(Scope),
    reach: Reach,
    openedAt: Timestamp,
    usedAt: Timestamp,
    expiresAt: Timestamp,
    address: z.optional(z.string()),
  })
  .register(z.globalRegistry, { id: "ConsoleSession" });
export type ConsoleSessionView = z.infer<typeof ConsoleSessionView>;

export const ConsoleSessionOpened = z
  .extend(ConsoleSessionView, {
    session: z.string().register(z.globalRegistry, {
      description: "Sent as `Authorization: Bearer`, it stands for both credentials. Shown this once",
    }),
  })
  .register(z.globalRegistry, { id: "ConsoleSessionOpened" });
export type ConsoleSessionOpened = z.infer<typeof ConsoleSessionOpened>;

export const ConsoleSessionList = z
  .object({ sessions: z.array(ConsoleSessionView) })
  .register(z.globalRegistry, { id: "ConsoleSessionList" });

/** The caller, and its rights here. */
export const ConsoleCaller = z
  .object({
    actor: z.string(),
    keyName: z.optional(z.string()),
    scopes: z.array(Scope),
    reach: Reach,
    /** The AI providers of which it may give agents keys. */
    aiProviders: z.array(z.string()),
    /** The session's id; absent where the credentials themselves were sent. */
    id: z.optional(z.string()),
    expiresAt: z.optional(Timestamp),
    features: z.object({
      version: z.string(),
      allowDelete: z.boolean(),
      hostKind: z.enum(["directory", "openclaw", "remote", "registry"]),
      storesCredentials: z.boolean(),
      gateways: z.array(z.string()),
      publicUrl: z.string(),
      maxAgentsPerKey: z.int(),
    }),
  })
  .register(z.globalRegistry, { id: "ConsoleCaller" });
export type ConsoleCaller = z.infer<typeof ConsoleCaller>;

export const ConsoleLink = z
  .object({
    link: z.string().register(z.globalRegistry, { description: "Opens the console signed in, once" }),
    code: z.string(),
    expiresAt: Timestamp,
  })
  .register(z.globalRegistry, { id: "ConsoleLink" });
export type ConsoleLink = z.infer<typeof ConsoleLink>;
