import type { AuditFilter } from "../../../src/domain/audit-event.ts";
import { AuditRecord } from "../../../src/schema/audit-event.ts";

/** The event that a line of the trail holds; `undefined` where it holds none. */
export function recordInLine(line: string): AuditRecord | undefined {
  try {
    const parsed = AuditRecord.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export const matchesFilter = (record: AuditRecord, { action, actor, target }: AuditFilter): boolean =>
  (action === undefined || record.action === action) &&
  (actor === undefined || record.actor === actor) &&
  (target === undefined || record.target === target);
