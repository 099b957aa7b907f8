import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { AuditPage, AuditVerification } from "../schema/audit-event.ts";
import { PageQuery } from "../schema/page-query.ts";

export const listAuditRoute = route({
  method: "GET",
  path: "/provisioning/audit",
  operationId: "listAudit",
  summary: "Read the audit trail, the newest event first",
  scope: "provisioning:admin",
  query: z.extend(PageQuery, {
    cursor: z.optional(z.string().check(z.regex(/^\d{1,15}$/, "is no cursor of this list"))),
    action: z.optional(z.string().check(z.maxLength(64))),
    actor: z.optional(z.string().check(z.maxLength(256))),
    target: z.optional(z.string().check(z.maxLength(256))),
  }),
  response: { status: 200, description: "One page", schema: AuditPage },
  problems: [],
  async handle({ context, query: { limit, cursor, ...filter } }) {
    const before = cursor === undefined ? undefined : Number(cursor);
    const { events, nextCursor } = await context.audit.read({ limit, cursor: before, filter });
    return { status: 200, body: { events, ...(nextCursor !== undefined && { nextCursor: String(nextCursor) }) } };
  },
});

export const verifyAuditRoute = route({
  method: "GET",
  path: "/provisioning/audit/verify",
  operationId: "verifyAudit",
  summary: "Check the audit trail's hash chain from its first event to its last",
  scope: "provisioning:admin",
  response: { status: 200, description: "Whether it is whole, and where it is not", schema: AuditVerification },
  problems: [],
  async handle({ context }) {
    return { status: 200, body: await context.audit.verify() };
  },
});
