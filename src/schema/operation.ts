import * as z from "zod/mini";
import { AgentCreated } from "./create-agent.ts";
import { Timestamp } from "./primitives.ts";

export const OperationView = z
  .object({
    operationId: z.string(),
    action: z.literal("agent.create"),
    agentId: z.string(),
    status: z.enum(["running", "succeeded", "failed"]),
    startedAt: Timestamp,
    endedAt: z.optional(Timestamp),
    /** The answer that was not waited for. */
    agent: z.optional(AgentCreated),
    /** Why it failed: nothing is left of it. */
    problem: z.optional(z.object({ status: z.int(), code: z.string(), detail: z.string() })),
  })
  .register(z.globalRegistry, { id: "Operation" });
export type OperationView = z.infer<typeof OperationView>;

export const OperationState = z.extend(OperationView, {
  /** The caller that began it: a key of reach own is told of its own operations alone. */
  actor: z.string(),
});
export type OperationState = z.infer<typeof OperationState>;
