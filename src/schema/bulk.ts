import * as z from "zod/mini";
import { LabelChange } from "./label.ts";
import { AgentId, GivenTimestamp, ModelName } from "./primitives.ts";
import { QuotaChange } from "./quota.ts";

export const bulkActions = ["suspend", "resume", "update", "delete", "rotate"] as const;
export type BulkAction = (typeof bulkActions)[number];

export const mostBulkAgents = 100;

const changes = {
  model: z.optional(ModelName),
  quotas: z.optional(QuotaChange),
  labels: z.optional(LabelChange),
  expiresAt: z.optional(z.nullable(GivenTimestamp)),
};
const removals = { deleteWorkspace: z.optional(z.boolean()), deleteSessions: z.optional(z.boolean()) };
const rotations = { graceSeconds: z.optional(z.int().check(z.minimum(0), z.maximum(30 * 86_400))) };

/** Which fields go with which action, beside the agents. */
const fieldsOf: Record<BulkAction, readonly string[]> = {
  suspend: [],
  resume: [],
  update: Object.keys(changes),
  delete: Object.keys(removals),
  rotate: Object.keys(rotations),
};
const everyField = Object.values(fieldsOf).flat();

export const BulkChange = z
  .strictObject({
    action: z.enum(bulkActions),
    agentIds: z.array(AgentId).check(
      z.minLength(1, "must not be empty"),
      z.maxLength(mostBulkAgents, `at most ${mostBulkAgents} agents`),
      z.refine((ids) => new Set(ids).size === ids.length, "must name each agent once"),
    ),
    ...changes,
    ...removals,
    ...rotations,
    /** Nothing is changed: the answer says whose change would be refused. */
    dryRun: z.optional(z.boolean()),
  })
  .check(
    z.superRefine((body, issue) => {
      const given = everyField.filter((name) => (body as Record<string, unknown>)[name] !== undefined);
      for (const name of given.filter((one) => !fieldsOf[body.action].includes(one))) {
        issue.addIssue({ code: "custom", path: [name], message: `does not go with the action "${body.action}"` });
      }
      if (body.action === "update" && given.length === 0) {
        issue.addIssue({ code: "custom", path: [], message: `${fieldsOf.update.join(", ")} is required` });
      }
    }),
  )
  .register(z.globalRegistry, { id: "BulkChange" });
export type BulkChange = z.infer<typeof BulkChange>;

export const BulkChanged = z
  .object({
    /** Joins what the trail has of each agent. */
    batchId: z.string(),
    dryRun: z.optional(z.boolean()),
    succeeded: z.array(z.string()),
    failed: z.array(z.object({ agentId: z.string(), code: z.string(), detail: z.string() })),
  })
  .register(z.globalRegistry, { id: "BulkChanged" });
export type BulkChanged = z.infer<typeof BulkChanged>;
