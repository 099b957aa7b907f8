import * as z from "zod/mini";
import { Problem } from "../errors.ts";
import { route } from "../http/call.ts";
import { AuditPage, AuditQuery, AuditRotated, AuditVerification } from "../schema/audit-event.ts";

export const listAuditRoute = route({
  method: "GET",
  path: "/provisioning/audit",
  operationId: "listAudit",
  summary: "Read the audit trail, the newest event first",
  scope: "provisioning:admin",
  query: AuditQuery,
  response: { status: 200, description: "One page", schema: AuditPage },
  problems: [],
  async handle({ context, query: { limit, cursor, ...filter } }) {
    const before = cursor === undefined ? undefined : Number(cursor);
    const { events, nextCursor } = await context.audit.read({ limit, cursor: before, filter });
    return { body: { events, ...(nextCursor !== undefined && { nextCursor: String(nextCursor) }) } };
  },
});

export const verifyAuditRoute = route({
  method: "GET",
  path: "/provisioning/audit/verify",
  operationId: "verifyAudit",
  summary: "Check the audit trail's hash chain from its first event to its last",
  scope: "provisioning:admin",
  query: z.strictObject({
    since: z.optional(z.string().check(z.regex(/^[1-9]\d{0,14}$/, "must be the number of an event"))),
  }),
  response: { status: 200, description: "Whether it is whole, and where it is not", schema: AuditVerification },
  problems: [],
  async handle({ context, query: { since } }) {
    const verdict = await context.audit.verify(since === undefined ? {} : { since: Number(since) });
    return { body: verdict };
  },
});

export const rotateAuditRoute = route({
  method: "POST",
  path: "/provisioning/audit/rotate",
  operationId: "rotateAudit",
  summary: "Close the audit trail's file as a part of its own; the chain goes on in a new one",
  scope: "provisioning:admin",
  response: { status: 200, description: "The part that was closed", schema: AuditRotated },
  problems: ["audit_not_rotatable"],
  async handle({ context, caller }) {
    if (!context.audit.rotate) {
      throw new Problem("audit_not_rotatable", "The audit trail of this deployment is a stream, not a file.");
    }
    return { body: (await context.audit.rotate(caller.actor)) ?? { events: 0 } };
  },
});
