import * as z from "zod/mini";
import { Confinement, confining, endNeedsKey } from "./agent-fields.ts";
import { AutoProvisionAiKey, IssuedAiKey } from "./ai-key.ts";
import { Labels } from "./label.ts";
import { AgentId, GivenTimestamp, HttpUrl, ModelName, ProviderSlug, Timestamp } from "./primitives.ts";

export const AdoptAgent = z
  .strictObject({
    autoProvisionAiKey: z.optional(AutoProvisionAiKey),
    revealAiKey: z.optional(z.boolean()),
    model: z.optional(ModelName),
    labels: z.optional(Labels),
    /** From then on the agent is suspended. */
    expiresAt: z.optional(GivenTimestamp),
    ...confining,
    /** Its key is held to a token quota by whoever asks: settings of the gateway that lead around it refuse it. */
    heldToQuota: z.optional(z.boolean()),
    /** The key that it is given next by whoever asks: a dry run tells what that changes too. */
    keyFor: z.optional(
      z.strictObject({ provider: ProviderSlug, baseUrl: z.optional(HttpUrl), metered: z.optional(z.boolean()) }),
    ),
    /** Changes nothing, and says what would be changed. */
    dryRun: z.optional(z.boolean()),
  })
  .check(
    endNeedsKey,
    z.refine((body) => body.keyFor === undefined || body.dryRun === true, {
      path: ["keyFor"],
      error: "goes with dryRun",
    }),
  )
  .register(z.globalRegistry, { id: "AdoptAgent" });
export type AdoptAgent = z.infer<typeof AdoptAgent>;

/** A setting of the agent's entry; a side that is absent: it is not set. Values are JSON, shortened. */
const SettingChange = z
  .object({ setting: z.string(), before: z.optional(z.string()), after: z.optional(z.string()) })
  .register(z.globalRegistry, { id: "SettingChange" });

export const AgentAdopted = z
  .object({
    agentId: AgentId,
    name: z.string(),
    workspace: z.optional(z.string()),
    agentDir: z.optional(z.string()),
    model: z.optional(z.string()),
    gateway: z.optional(z.string()),
    confinement: z.optional(Confinement),
    bindings: z.array(z.string()),
    aiKey: z.optional(IssuedAiKey),
    labels: z.optional(z.record(z.string(), z.string())),
    expiresAt: z.optional(Timestamp),
    /** Changes of its entry on its host; absent in the answer to a repetition. */
    changes: z.optional(z.array(SettingChange)),
    /** Nothing was changed. */
    dryRun: z.optional(z.literal(true)),
    createdAt: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "AgentAdopted" });
export type AgentAdopted = z.infer<typeof AgentAdopted>;

export const AgentReleased = z
  .object({
    agentId: z.string(),
    /** `aiKey`: its provider would not revoke it yet, and it is revoked later. */
    preserved: z.array(z.enum(["aiKey"])),
  })
  .register(z.globalRegistry, { id: "AgentReleased" });
export type AgentReleased = z.infer<typeof AgentReleased>;
