import * as z from "zod/mini";
import { type Confinement as ConfinementName, confinements } from "../domain/confinement.ts";
import { AutoProvisionAiKey, IssuedAiKey } from "./ai-key.ts";
import { LabelChange, Labels } from "./label.ts";
import {
  AgentId,
  GivenTimestamp,
  HttpUrl,
  Label,
  ModelName,
  noKey,
  ProviderSlug,
  shownText,
  Timestamp,
} from "./primitives.ts";
import { QuotaChange, QuotaStates } from "./quota.ts";

export const Identity = z.strictObject({
  name: z.optional(Label),
  emoji: z.optional(shownText(16)),
  avatar: z.optional(shownText(2048)),
});
export type Identity = z.infer<typeof Identity>;

/** As it is kept: what was once let in must stay readable. */
export const StoredIdentity = z.object({
  name: z.optional(z.string()),
  emoji: z.optional(z.string()),
  avatar: z.optional(z.string()),
});

/** `channel`, `channel:account` or `channel:*`. */
export const Binding = z
  .string()
  .check(
    z.regex(
      /^[a-z][a-z0-9_-]{0,63}(:(\*|[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}))?$/,
      "must be channel, channel:account or channel:*",
    ),
    noKey,
  )
  .register(z.globalRegistry, { examples: ["telegram:*"] });

const Bindings = z.array(Binding).check(z.maxLength(100));
export const Confinement = z
  .enum(confinements, { error: `must be one of ${confinements.join(", ")}` })
  .register(z.globalRegistry, { id: "Confinement" });
export type Confinement = ConfinementName;

const ToolNames = z
  .array(z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_-]{0,127}$/, "is not a tool's name")))
  .check(z.maxLength(100));
const Peers = z.array(AgentId).check(z.maxLength(100));
const confining = { confinement: z.optional(Confinement), tools: z.optional(ToolNames), peers: z.optional(Peers) };

const GatewayId = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/), noKey);
const WorkspacePath = z.string().check(z.minLength(1), z.maxLength(4096), noKey);

export const CreateAgent = z
  .strictObject({
    name: Label,
    workspace: z.optional(WorkspacePath),
    model: z.optional(ModelName),
    bind: z.optional(Bindings),
    identity: z.optional(Identity),
    skipBootstrap: z.optional(z.boolean()),
    autoProvisionAiKey: z.optional(AutoProvisionAiKey),
    revealAiKey: z.optional(z.boolean()),
    gateway: z.optional(GatewayId),
    labels: z.optional(Labels),
    /** From then on the agent is suspended. */
    expiresAt: z.optional(GivenTimestamp),
    ...confining,
    /** Its key is held to a token quota by whoever asks: settings of the gateway that lead around it refuse it. */
    heldToQuota: z.optional(z.boolean()),
  })
  .check(
    z.refine((body) => body.expiresAt === undefined || body.autoProvisionAiKey !== undefined, {
      path: ["expiresAt"],
      error: "needs autoProvisionAiKey: what ends is the agent's AI key",
    }),
  )
  .register(z.globalRegistry, { id: "CreateAgent" });
export type CreateAgent = z.infer<typeof CreateAgent>;

const BindingsResult = z
  .object({
    added: z.array(z.string()),
    updated: z.array(z.string()),
    skipped: z.array(z.string()),
    conflicts: z.array(z.object({ binding: z.string(), agentId: z.string() })),
  })
  .register(z.globalRegistry, { id: "BindingsResult" });

export const AgentCreated = z
  .object({
    agentId: AgentId,
    name: z.string(),
    workspace: z.optional(z.string()),
    agentDir: z.optional(z.string()),
    model: z.optional(z.string()),
    gateway: z.optional(z.string()),
    confinement: z.optional(Confinement),
    bindings: BindingsResult,
    aiKey: z.optional(IssuedAiKey),
    labels: z.optional(z.record(z.string(), z.string())),
    expiresAt: z.optional(Timestamp),
    status: z.optional(z.literal("starting")),
    createdAt: Timestamp,
  })
  .register(z.globalRegistry, { id: "AgentCreated" });
export type AgentCreated = z.infer<typeof AgentCreated>;

export const UpdateAgent = z
  .strictObject({
    name: z.optional(Label),
    model: z.optional(ModelName),
    quotas: z.optional(QuotaChange),
    labels: z.optional(LabelChange),
    /** `null`: it has no end. */
    expiresAt: z.optional(z.nullable(GivenTimestamp)),
    ...confining,
  })
  .check(
    z.refine(
      (change) => Object.keys(change).length > 0,
      "name, model, quotas, labels, expiresAt, confinement, tools or peers is required",
    ),
  )
  .register(z.globalRegistry, { id: "UpdateAgent" });
export type UpdateAgent = z.infer<typeof UpdateAgent>;

export const DeleteAgent = z
  .strictObject({ deleteWorkspace: z.optional(z.boolean()), deleteSessions: z.optional(z.boolean()) })
  .register(z.globalRegistry, { id: "DeleteAgent" });
export type DeleteAgent = z.infer<typeof DeleteAgent>;

export const AgentDeleted = z
  .object({ agentId: z.string(), deleted: z.array(z.string()), preserved: z.array(z.string()) })
  .register(z.globalRegistry, { id: "AgentDeleted" });
export type AgentDeleted = z.infer<typeof AgentDeleted>;

export const onboardSteps = ["auth", "bindings", "identity", "model"] as const;
export const OnboardAgent = z
  .strictObject({
    steps: z.array(z.enum(onboardSteps)).check(z.minLength(1, "name at least one step")),
    auth: z.optional(
      z.strictObject({
        provider: ProviderSlug,
        credentials: z.strictObject({
          apiKey: z
            .string()
            .check(
              z.minLength(1),
              z.maxLength(8192),
              z.regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces"),
            ),
        }),
        baseUrl: z.optional(HttpUrl),
        model: z.optional(ModelName),
      }),
    ),
    bindings: z.optional(Bindings),
    identity: z.optional(Identity),
    model: z.optional(ModelName),
  })
  .check(
    z.superRefine((body, issue) => {
      for (const step of body.steps) {
        if (body[step] === undefined) {
          issue.addIssue({ code: "custom", path: [step], message: `the step "${step}" needs the field "${step}"` });
        }
      }
    }),
  )
  .register(z.globalRegistry, { id: "OnboardAgent" });
export type OnboardAgent = z.infer<typeof OnboardAgent>;

export const AgentOnboarded = z
  .object({
    agentId: AgentId,
    completed: z.array(z.enum(onboardSteps)),
    failed: z.array(z.enum(onboardSteps)),
    errors: z.array(z.object({ step: z.enum(onboardSteps), code: z.string(), message: z.string() })),
  })
  .register(z.globalRegistry, { id: "AgentOnboarded" });
export type AgentOnboarded = z.infer<typeof AgentOnboarded>;

/** The record of an agent that we made. */
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
  /** The confinement that its host was asked for; absent: of an earlier release, or of a host that runs no agents. */
  confinement: z.optional(Confinement),
  tools: z.optional(z.array(z.string())),
  peers: z.optional(z.array(z.string())),
  aiKeyId: z.optional(z.string()),
  /** Whose key that is; absent: of an earlier release, or without one. */
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

const agentStatuses = ["ready", "needs_auth", "suspended", "failed"] as const;

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
    /** Whether this service made it. */
    managed: z.boolean(),
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
      mode: z.enum(["virtual", "minted"]),
      /** `provider_revoked`: the AI provider behind it is; a virtual key is refused. */
      status: z.enum(["active", "suspended", "expired", "revoked", "provider_revoked"]),
      models: z.optional(z.array(z.string())),
      expiresAt: z.optional(Timestamp),
      budgetUsdPerMonth: z.optional(z.number()),
      quotas: QuotaStates,
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
