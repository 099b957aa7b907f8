import * as z from "zod/mini";
import { auditOutcomes, auditPhases, type AuditRecord as Linked } from "../domain/audit-event.ts";
import { PageQuery } from "./page-query.ts";
import { Day, Timestamp } from "./primitives.ts";

export const AuditQuery = z
  .extend(PageQuery, {
    cursor: z.optional(z.string().check(z.regex(/^\d{1,15}$/, "is no cursor of this list"))),
    action: z.optional(z.string().check(z.maxLength(64))),
    actor: z.optional(z.string().check(z.maxLength(256))),
    target: z.optional(z.string().check(z.maxLength(256))),
    phase: z.optional(z.enum(auditPhases, { error: `must be one of ${auditPhases.join(", ")}` })),
    outcome: z.optional(z.enum(auditOutcomes, { error: `must be one of ${auditOutcomes.join(", ")}` })),
    from: z.optional(Day),
    to: z.optional(Day),
  })
  .check(
    z.refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
      path: ["from"],
      error: "must not lie after to",
    }),
  );

export const AuditRecord = z
  .object({
    phase: z.enum(auditPhases),
    action: z.string(),
    actor: z.string(),
    outcome: z.optional(z.enum(auditOutcomes)),
    operationId: z.optional(z.string()),
    requestId: z.optional(z.string()),
    target: z.optional(z.string()),
    address: z.optional(z.string()),
    details: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))),
    seq: z.int(),
    time: Timestamp,
    previous: z.string(),
    hash: z.string(),
  })
  .register(z.globalRegistry, { id: "AuditRecord" }) satisfies z.ZodMiniType<Linked>;

export type AuditRecord = Linked;

export const AuditPage = z
  .object({ events: z.array(AuditRecord), nextCursor: z.optional(z.string()) })
  .register(z.globalRegistry, { id: "AuditPage" });
export const AuditVerification = z
  .object({
    ok: z.boolean(),
    events: z.int(),
    /** Closed parts that are not here any more; the chain was followed across them. */
    movedAway: z.optional(z.array(z.string())),
    fault: z.optional(
      z.object({ line: z.int(), reason: z.string(), file: z.optional(z.string()), remedy: z.optional(z.string()) }),
    ),
  })
  .register(z.globalRegistry, { id: "AuditVerification" });
export const AuditRotated = z
  .object({
    /** The closed part, beside `audit.jsonl`; absent where nothing was written since the last rotation. */
    file: z.optional(z.string()),
    events: z.int(),
  })
  .register(z.globalRegistry, { id: "AuditRotated" });
