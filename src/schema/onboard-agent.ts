import * as z from "zod/mini";
import { AgentAuth } from "./agent-auth.ts";
import { Bindings, Identity } from "./agent-fields.ts";
import { AgentId, ModelName } from "./primitives.ts";

export const onboardSteps = ["auth", "bindings", "identity", "model"] as const;

const OnboardAuth = z
  .extend(AgentAuth, {
    credentials: z.optional(AgentAuth.shape.credentials),
    model: z.optional(ModelName),
    /** The credential of this provider is taken away. */
    remove: z.optional(z.literal(true)),
  })
  .check(
    z.refine((auth) => (auth.credentials === undefined) === (auth.remove === true), {
      path: ["credentials"],
      error: "is required, unless remove is true",
    }),
  );

export const OnboardAgent = z
  .strictObject({
    steps: z.array(z.enum(onboardSteps)).check(z.minLength(1, "name at least one step")),
    auth: z.optional(OnboardAuth),
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
