import * as z from "zod/mini";
import { AgentCreated, CreateAgent } from "./create-agent.ts";
import { LabelChange } from "./label.ts";
import { AgentId, GivenTimestamp, GraceSeconds, ModelName } from "./primitives.ts";
import { QuotaChange } from "./quota.ts";

export const bulkActions = ["suspend", "resume", "update", "delete", "rotate"] as const;
export type BulkAction = (typeof bulkActions)[number];

export const mostBulkAgents = 100;
export const mostBulkCreates = 500;

const changes = {
  model: z.optional(ModelName),
  quotas: z.optional(QuotaChange),
  labels: z.optional(LabelChange),
  expiresAt: z.optional(z.nullable(GivenTimestamp)),
};
const removals = { deleteWorkspace: z.optional(z.boolean()), deleteSessions: z.optional(z.boolean()) };
const rotations = { graceSeconds: z.optional(GraceSeconds) };

/** Which fields go with which action, beside the agents. */
const fieldsOf: Record<BulkAction | "create", readonly string[]> = {
  create: [],
  suspend: [],
  resume: [],
  update: Object.keys(changes),
  delete: Object.keys(removals),
  rotate: Object.keys(rotations),
};
const everyField = Object.values(fieldsOf).flat();

export const BulkBody = z
  .strictObject({
    action: z.enum([...bulkActions, "create"]),
    agentIds: z.optional(
      z.array(AgentId).check(
        z.minLength(1, "must not be empty"),
        z.maxLength(mostBulkAgents, `at most ${mostBulkAgents} agents`),
        z.refine((ids) => new Set(ids).size === ids.length, "must name each agent once"),
      ),
    ),
    /** With `create`, in place of `agentIds`. */
    agents: z.optional(
      z
        .array(CreateAgent)
        .check(z.minLength(1, "must not be empty"), z.maxLength(mostBulkCreates, `at most ${mostBulkCreates} agents`)),
    ),
    ...changes,
    ...removals,
    ...rotations,
    /** Nothing is changed: the answer says whose change would be refused. */
    dryRun: z.optional(z.boolean()),
  })
  .check(
    z.superRefine((body, issue) => {
      const [needed, other] =
        body.action === "create" ? (["agents", "agentIds"] as const) : (["agentIds", "agents"] as const);
      if (body[needed] === undefined) issue.addIssue({ code: "custom", path: [needed], message: "is required" });
      if (body[other] !== undefined) {
        issue.addIssue({ code: "custom", path: [other], message: `does not go with the action "${body.action}"` });
      }
      const given = everyField.filter((name) => (body as Record<string, unknown>)[name] !== undefined);
      for (const name of given.filter((one) => !fieldsOf[body.action].includes(one))) {
        issue.addIssue({ code: "custom", path: [name], message: `does not go with the action "${body.action}"` });
      }
      if (body.action === "update" && given.length === 0) {
        issue.addIssue({ code: "custom", path: [], message: "model, quotas, labels or expiresAt is required" });
      }
    }),
  )
  .register(z.globalRegistry, { id: "BulkChange" });
export type BulkBody = z.infer<typeof BulkBody>;
export type BulkChange = Omit<BulkBody, "action" | "agentIds" | "agents"> & { action: BulkAction; agentIds: string[] };
export interface BulkCreate {
  action: "create";
  agents: CreateAgent[];
  dryRun?: boolean | undefined;
}

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

const index = z.int();
/** `index` is the entry's place in `agents`. */
export const BulkCreateResult = z
  .union([
    z.extend(AgentCreated, { index }),
    z.object({ index, code: z.string(), detail: z.string() }),
    /** A dry run's entry. */
    z.object({ index, agentId: AgentId }),
  ])
  .register(z.globalRegistry, { id: "BulkCreateResult" });
export type BulkCreateResult =
  | (AgentCreated & { index: number })
  | { index: number; code: string; detail: string }
  | { index: number; agentId: string };

export const BulkCreated = z
  .object({
    batchId: z.string(),
    dryRun: z.optional(z.boolean()),
    /** One of each entry, in their order. */
    results: z.array(BulkCreateResult),
  })
  .register(z.globalRegistry, { id: "BulkCreated" });
export interface BulkCreated {
  batchId: string;
  dryRun?: boolean | undefined;
  results: BulkCreateResult[];
}

/** The second one with the action `create`. */
export const BulkAnswer = z.union([BulkChanged, BulkCreated]).register(z.globalRegistry, { id: "BulkAnswer" });
