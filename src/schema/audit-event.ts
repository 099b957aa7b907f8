import * as z from "zod/mini";
import { Timestamp } from "./primitives.ts";

/**
 * `intent` stands before a change's side effects and `outcome` after them, joined by `operationId`;
 * `event` stands alone (reads, denials).
 */
export const AuditEvent = z.object({
  phase: z.enum(["intent", "outcome", "event"]),
  /** What was done: `agent.create`, `provisioning-key.revoke`, `request.denied`, ... */
  action: z.string(),
  /** Who: a provisioning key's id, `admin`, `cli`, `token`, `anonymous`, `recovery`, `several`. */
  actor: z.string(),
  outcome: z.optional(z.enum(["success", "failure", "denied"])),
  operationId: z.optional(z.string()),
  requestId: z.optional(z.string()),
  /** What it was done to: an agent's id, a key's id. */
  target: z.optional(z.string()),
  address: z.optional(z.string()),
  /** Never a secret: names, ids, codes. */
  details: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))),
});
export type AuditEvent = z.infer<typeof AuditEvent>;

export const AuditRecord = z
  .extend(AuditEvent, {
    seq: z.int(),
    time: Timestamp,
    /** The hash of the event before; 64 zeros for the first. */
    previous: z.string(),
    /** SHA-256 of `previous` and the canonical event. */
    hash: z.string(),
  })
  .register(z.globalRegistry, { id: "AuditRecord" });
export type AuditRecord = z.infer<typeof AuditRecord>;

export interface AuditFilter {
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
}

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
