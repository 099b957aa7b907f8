import * as z from "zod/mini";
import { Confinement, Identity, StoredIdentity } from "./agent-fields.ts";
import { aiKeyModes } from "./ai-key.ts";
import { AgentId, Timestamp } from "./primitives.ts";
import { QuotaName, QuotaStates } from "./quota.ts";

/** The record of an agent that we made or adopted. */
export const AgentRecord = z.object({
  agentId: AgentId,
  name: z.string(),
  workspace: z.optional(z.string()),
  agentDir: z.optional(z.string()),
  model: z.optional(z.string()),
  identity: z.optional(StoredIdentity),
  bindings: z.array(z.string()),
  /** Asked of the host, which may or may not have taken them: the agent's until it is deleted, or asks again. */
  bindingsInDoubt: z.optional(z.array(z.string())),
  gateway: z.optional(z.string()),
  /** It was there before, made by others. */
  adopted: z.optional(z.boolean()),
  /** The confinement that its host was asked for; absent: of an earlier release, or of a host that runs no agents. */
  confinement: z.optional(Confinement),
  tools: z.optional(z.array(z.string())),
  peers: z.optional(z.array(z.string())),
  aiKeyId: z.optional(z.string()),
  /** Those that it had before, for their use. */
  formerAiKeyIds: z.optional(z.array(z.string())),
  /** The slug of that key's AI provider; absent: of an earlier release, or without one. */
  aiKeyProvider: z.optional(z.string()),
  /** The providers for which the host holds a credential. */
  credentials: z.array(z.string()),
  suspended: z.boolean(),
  labels: z.optional(z.record(z.string(), z.string())),
  expiresAt: z.optional(Timestamp),
  /** The end that was noted in the trail when it had come. */
  endedAt: z.optional(Timestamp),
  /** The provisioning key that made it, or `jwt:<subject>`; absent: the operator's CLI. */
  createdBy: z.optional(z.string()),
  /** The creation's operation: names the place that the agent takes of its key's `maxAgents`. */
  operationId: z.string(),
  /** The request that made it, so that its retry is answered and not refused. */
  idempotency: z.optional(
    z.object({
      key: z.string(),
      fingerprint: z.string(),
      /** SHA-256 of the Idempotency-Key as it was sent, whoever sent it. */
      given: z.optional(z.string()),
    }),
  ),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type AgentRecord = z.infer<typeof AgentRecord>;

/** The last two are seen where an agent is really looked at; `starting` is not answering yet. */
const agentStatuses = ["ready", "needs_auth", "suspended", "failed", "starting"] as const;

export const AgentSummary = z
  .object({
    agentId: z.string(),
    name: z.string(),
    status: z.enum(agentStatuses),
    workspace: z.optional(z.string()),
    agentDir: z.optional(z.string()),
    model: z.optional(z.string()),
    identity: z.optional(Identity),
    bindings: z.array(z.string()),
    gateway: z.optional(z.string()),
    confinement: z.optional(Confinement),
    tools: z.optional(z.array(z.string())),
    peers: z.optional(z.array(z.string())),
    aiKeyId: z.optional(z.string()),
    labels: z.optional(z.record(z.string(), z.string())),
    /** From then on it is suspended. */
    expiresAt: z.optional(Timestamp),
    /** With `include=quotas`, of its AI key. */
    quotas: z.optional(QuotaStates),
    /** The used and reserved part of the quota that is the nearest to its limit. */
    share: z.optional(z.number()),
    /** With `include=usage`: this month's, at list price. */
    usage: z.optional(z.object({ requests: z.int(), tokens: z.int(), usd: z.number(), unpricedRequests: z.int() })),
    /** Whether this service made or adopted it. */
    managed: z.boolean(),
    adopted: z.optional(z.boolean()),
    createdBy: z.optional(z.string()),
    createdAt: z.optional(Timestamp),
    updatedAt: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "AgentSummary" });
export type AgentSummary = z.infer<typeof AgentSummary>;

const check = z.enum(["ok", "missing", "unknown"]);
const AgentHealth = z.object({
  host: z.enum(["ok", "unreachable"]),
  workspace: check,
  agentDir: check,
  credentials: check,
  detail: z.optional(z.string()),
  aiKey: z.optional(
    z.object({
      keyId: z.string(),
      provider: z.string(),
      mode: z.enum(aiKeyModes),
      /** `provider_revoked`: the AI provider behind it is; a virtual key is refused. */
      status: z.enum(["active", "suspended", "expired", "revoked", "provider_revoked"]),
      models: z.optional(z.array(z.string())),
      expiresAt: z.optional(Timestamp),
      budgetUsdPerMonth: z.optional(z.number()),
      quotas: QuotaStates,
      /** Those of `quotas` that stand at its AI provider's default, and cannot be wider. */
      defaultQuotas: z.optional(z.array(QuotaName)),
    }),
  ),
});
export const AgentDetail = z
  .extend(AgentSummary, { health: AgentHealth })
  .register(z.globalRegistry, { id: "AgentDetail" });
export type AgentDetail = z.infer<typeof AgentDetail>;

export const AgentList = z
  .object({
    agents: z.array(AgentSummary),
    nextCursor: z.optional(z.string()),
    /** The count of all matches of a search. */
    total: z.optional(z.int()),
    /** The time until which a search by shares or use has everything in it. */
    asOf: z.optional(Timestamp),
    /** Gateways that did not answer; their agents are listed from records. */
    unreachable: z.optional(z.array(z.string())),
  })
  .register(z.globalRegistry, { id: "AgentList" });
export type AgentList = z.infer<typeof AgentList>;
