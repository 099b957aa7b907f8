import * as z from "zod/mini";
import { confining } from "./agent-fields.ts";
import { LabelChange } from "./label.ts";
import { GivenTimestamp, Label, ModelName } from "./primitives.ts";
import { QuotaChange } from "./quota.ts";

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
