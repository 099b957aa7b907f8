import * as z from "zod";
import { AutoProvisionAiKey, IssuedAiKey } from "./ai-key.ts";
import { AgentId, HttpUrl, Label, ModelName, ProviderSlug, Timestamp } from "./primitives.ts";
import { QuotaChange, QuotaStates } from "./quota.ts";

export const Identity = z.strictObject({
  name: Label.optional(),
  emoji: z.string().max(16).optional(),
  avatar: z.string().max(2048).optional(),
});
export type Identity = z.infer<typeof Identity>;

/** `channel`, `channel:account` or `channel:*`. */
export const Binding = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,63}(:(\*|[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}))?$/,
    "must be channel, channel:account or channel:*",
  )
  .meta({ examples: ["telegram:*"] });

const Bindings = z.array(Binding).max(100);
const GatewayId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const WorkspacePath = z.string().min(1).max(4096);

export const CreateAgent = z
  .strictObject({
    name: Label,
    workspace: WorkspacePath.optional(),
    model: ModelName.optional(),
    bind: Bindings.optional(),
    identity: Identity.optional(),
    skipBootstrap: z.boolean().optional(),
    autoProvisionAiKey: AutoProvisionAiKey.optional(),
    revealAiKey: z.boolean().optional(),
    gateway: GatewayId.optional(),
  })
  .meta({ id: "CreateAgent" });
export type CreateAgent = z.infer<typeof CreateAgent>;

export const BindingsResult = z
  .object({
    added: z.array(z.string()),
    updated: z.array(z.string()),
    skipped: z.array(z.string()),
    conflicts: z.array(z.object({ binding: z.string(), agentId: z.string() })),
  })
  .meta({ id: "BindingsResult" });

export const AgentCreated = z
  .object({
    agentId: AgentId,
    name: z.string(),
    workspace: z.string().optional(),
    agentDir: z.string().optional(),
    model: z.string().optional(),
    gateway: z.string().optional(),
    bindings: BindingsResult,
    aiKey: IssuedAiKey.optional(),
    status: z.literal("starting").optional(),
    createdAt: Timestamp,
  })
  .meta({ id: "AgentCreated" });
export type AgentCreated = z.infer<typeof AgentCreated>;

export const UpdateAgent = z
  .strictObject({ name: Label.optional(), model: ModelName.optional(), quotas: QuotaChange.optional() })
  .refine((change) => Object.keys(change).length > 0, "name, model or quotas is required")
  .meta({ id: "UpdateAgent" });
export type UpdateAgent = z.infer<typeof UpdateAgent>;

export const DeleteAgent = z
  .strictObject({ deleteWorkspace: z.boolean().optional(), deleteSessions: z.boolean().optional() })
  .meta({ id: "DeleteAgent" });
export type DeleteAgent = z.infer<typeof DeleteAgent>;

export const AgentDeleted = z
  .object({ agentId: z.string(), deleted: z.array(z.string()), preserved: z.array(z.string()) })
  .meta({ id: "AgentDeleted" });
export type AgentDeleted = z.infer<typeof AgentDeleted>;

export const onboardSteps = ["auth", "bindings", "identity", "model"] as const;
export const OnboardAgent = z
  .strictObject({
    steps: z.array(z.enum(onboardSteps)).min(1, "name at least one step"),
    auth: z
      .strictObject({
        provider: ProviderSlug,
        credentials: z.strictObject({
          apiKey: z
            .string()
            .min(1)
            .max(8192)
            .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces"),
        }),
        baseUrl: HttpUrl.optional(),
        model: ModelName.optional(),
      })
      .optional(),
    bindings: Bindings.optional(),
    identity: Identity.optional(),
    model: ModelName.optional(),
  })
  .superRefine((body, issue) => {
    for (const step of body.steps) {
      if (body[step] === undefined) {
        issue.addIssue({ code: "custom", path: [step], message: `the step "${step}" needs the field "${step}"` });
      }
    }
  })
  .meta({ id: "OnboardAgent" });
export type OnboardAgent = z.infer<typeof OnboardAgent>;

export const AgentOnboarded = z
  .object({
    agentId: AgentId,
    completed: z.array(z.enum(onboardSteps)),
    failed: z.array(z.enum(onboardSteps)),
    errors: z.array(z.object({ step: z.enum(onboardSteps), code: z.string(), message: z.string() })),
  })
  .meta({ id: "AgentOnboarded" });
export type AgentOnboarded = z.infer<typeof AgentOnboarded>;

/** What is kept of an agent that we made. */
export const AgentRecord = z.object({
  agentId: AgentId,
  name: z.string(),
  workspace: z.string().optional(),
  agentDir: z.string().optional(),
  model: z.string().optional(),
  identity: Identity.optional(),
  bindings: z.array(z.string()),
  gateway: z.string().optional(),
  aiKeyId: z.string().optional(),
  /** The providers for which the host holds a credential. */
  credentials: z.array(z.string()),
  suspended: z.boolean(),
  /** The provisioning key that made it, or `jwt:<subject>`; absent: the operator's CLI. */
  createdBy: z.string().optional(),
  /** The creation's operation: names the place that the agent takes of its key's `maxAgents`. */
  operationId: z.string(),
  /** The request that made it, so that its retry is answered and not refused. */
  idempotency: z.object({ key: z.string(), fingerprint: z.string() }).optional(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type AgentRecord = z.infer<typeof AgentRecord>;

export const agentStatuses = ["ready", "needs_auth", "suspended", "failed"] as const;

export const AgentSummary = z
  .object({
    agentId: z.string(),
    name: z.string(),
    status: z.enum(agentStatuses),
    workspace: z.string().optional(),
    agentDir: z.string().optional(),
    model: z.string().optional(),
    identity: Identity.optional(),
    bindings: z.array(z.string()),
    gateway: z.string().optional(),
    aiKeyId: z.string().optional(),
    /** Whether this service made it. */
    managed: z.boolean(),
    createdBy: z.string().optional(),
    createdAt: Timestamp.optional(),
    updatedAt: Timestamp.optional(),
  })
  .meta({ id: "AgentSummary" });
export type AgentSummary = z.infer<typeof AgentSummary>;

const check = z.enum(["ok", "missing", "unknown"]);
export const AgentHealth = z.object({
  host: z.enum(["ok", "unreachable"]),
  workspace: check,
  agentDir: check,
  credentials: check,
  detail: z.string().optional(),
  aiKey: z
    .object({
      keyId: z.string(),
      provider: z.string(),
      mode: z.enum(["virtual", "minted"]),
      status: z.enum(["active", "suspended", "expired", "revoked"]),
      models: z.array(z.string()).optional(),
      expiresAt: Timestamp.optional(),
      quotas: QuotaStates,
    })
    .optional(),
});
export const AgentDetail = AgentSummary.extend({ health: AgentHealth }).meta({ id: "AgentDetail" });
export type AgentDetail = z.infer<typeof AgentDetail>;

export const AgentList = z
  .object({
    agents: z.array(AgentSummary),
    nextCursor: z.string().optional(),
    /** Gateways that did not answer; their agents are listed from records. */
    unreachable: z.array(z.string()).optional(),
  })
  .meta({ id: "AgentList" });
export type AgentList = z.infer<typeof AgentList>;
