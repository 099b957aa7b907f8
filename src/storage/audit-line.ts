import type { AuditFilter } from "../domain/audit-event.ts";
import { parsedJson } from "../domain/parsed-json.ts";
import { AuditRecord } from "../schema/audit-event.ts";

/** The event that a line of the trail holds; `undefined` where it holds none. */
export const recordInLine = (line: string): AuditRecord | undefined => AuditRecord.safeParse(parsedJson(line)).data;

const fieldsOf = ["action", "actor", "target", "phase", "outcome"] as const;
const beforeTime = '"time":"';

/**
 * Whether a line may hold an event that the filter lets through, told without reading it: lines are canonical JSON, and
 * a search without a match goes through all of them.
 */
export function lineMatcher({ from, to, ...fields }: AuditFilter): (line: string) => boolean {
  const texts = fieldsOf.flatMap((name) =>
    fields[name] === undefined ? [] : [`"${name}":${JSON.stringify(fields[name])}`],
  );
  return (line) => {
    if (!texts.every((text) => line.includes(text))) return false;
    if (from === undefined && to === undefined) return true;
    const at = line.lastIndexOf(beforeTime) + beforeTime.length;
    return isWithin(line.slice(at, at + 24), from, to);
  };
}

/** Both are compared as far as they go, so that a day covers all of its hours. */
const isWithin = (time: string, from: string | undefined, to: string | undefined): boolean =>
  (from === undefined || time.slice(0, from.length) >= from) && (to === undefined || time.slice(0, to.length) <= to);

export const matchesFilter = (record: AuditRecord, { from, to, ...fields }: AuditFilter): boolean =>
  fieldsOf.every((field) => fields[field] === undefined || record[field] === fields[field]) &&
  isWithin(record.time, from, to);
