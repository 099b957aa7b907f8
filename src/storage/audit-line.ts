import type { AuditFilter } from "../domain/audit-event.ts";
import { AuditRecord } from "../schema/audit-event.ts";

/** The event that a line of the trail holds; `undefined` where it holds none. */
export function recordInLine(line: string): AuditRecord | undefined {
  try {
    const parsed = AuditRecord.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** `from` and `to` are compared as far as they go, so that a day covers all of its hours. */
export const matchesFilter = (record: AuditRecord, { from, to, ...fields }: AuditFilter): boolean =>
  (["action", "actor", "target", "phase", "outcome"] as const).every(
    (field) => fields[field] === undefined || record[field] === fields[field],
  ) &&
  (from === undefined || record.time.slice(0, from.length) >= from) &&
  (to === undefined || record.time.slice(0, to.length) <= to);
