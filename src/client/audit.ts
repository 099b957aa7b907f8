import type * as z from "zod/mini";
import type { AuditFilter } from "../domain/audit-event.ts";
import type { AuditPage, AuditRotated, AuditVerification } from "../schema/audit-event.ts";
import type { CallOptions } from "./call.ts";
import { type PageQuery, pagesOf } from "./pages.ts";
import type { Requests } from "./requests.ts";

export type AuditEvents = z.infer<typeof AuditPage>;
export type AuditVerdict = z.infer<typeof AuditVerification>;
type AuditRotation = z.infer<typeof AuditRotated>;

/** A page of the events that the filter lets through. */
export interface AuditQuery extends PageQuery, AuditFilter {}

/** Calls of `client.audit`; `pages` goes from the newest event to the oldest. */
export function auditCalls({ read, post }: Requests) {
  const listAudit = (query: AuditQuery = {}, at?: CallOptions) =>
    read<AuditEvents>("/provisioning/audit", { ...query }, at);
  return {
    /** One page, newest first. */
    list: listAudit,
    pages: (query: AuditQuery = {}, at?: CallOptions) => pagesOf((page) => listAudit(page, at), query),
    verify: (query: { since?: number | undefined } = {}, at?: CallOptions) =>
      read<AuditVerdict>("/provisioning/audit/verify", query, at),
    rotate: (at?: CallOptions) => post<AuditRotation>("/provisioning/audit/rotate", undefined, false, at),
  };
}
