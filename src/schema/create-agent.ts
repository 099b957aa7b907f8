import * as z from "zod/mini";
import { AgentAuth } from "./agent-auth.ts";
import { Bindings, Confinement, confining, endNeedsKey, Identity } from "./agent-fields.ts";
import { AutoProvisionAiKey, IssuedAiKey } from "./ai-key.ts";
import { Labels } from "./label.ts";
import { AgentId, GivenTimestamp, Label, ModelName, noKey, Timestamp } from "./primitives.ts";

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
    /** The agent is made with this key. Needs the scope `agents:onboard` too. */
    auth: z.optional(AgentAuth),
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
    endNeedsKey,
    z.refine((body) => body.auth === undefined || body.autoProvisionAiKey === undefined, {
      path: ["auth"],
      error: "does not go with autoProvisionAiKey: the agent is made with the one key or with the other",
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
    /** Given where it was not waited for: `GET /operations/:id` says how it ended. */
    operationId: z.optional(z.string()),
    createdAt: Timestamp,
  })
  .register(z.globalRegistry, { id: "AgentCreated" });
export type AgentCreated = z.infer<typeof AgentCreated>;
