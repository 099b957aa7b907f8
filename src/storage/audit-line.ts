import type { AuditFilter } from "../domain/audit-event.ts";
import { parsedJson } from "../domain/parsed-json.ts";
import { AuditRecord } from "../schema/audit-event.ts";

/** The event that a line of the trail holds; `undefined` where it holds none. */
export const recordInLine = (line: string): AuditRecord | undefined => AuditRecord.safeParse(parsedJson(line)).data;

/** `from` and `to` are compared as far as they go, so that a day covers all of its hours. */
export const matchesFilter = (record: AuditRecord, { from, to, ...fields }: AuditFilter): boolean =>
  (["action", "actor", "target", "phase", "outcome"] as const).every(
    (field) => fields[field] === undefined || record[field] === fields[field],
  ) &&
  (from === undefined || record.time.slice(0, from.length) >= from) &&
  (to === undefined || record.time.slice(0, to.length) <= to);
