import type { AuditFilter, AuditRecord } from "../../../src/schema/audit-event.ts";
import { lineAfter, linesBackward } from "../files/line-file.ts";
import { matchesFilter, recordInLine } from "./record-line.ts";

const recordIn = (bytes: Buffer): AuditRecord | undefined => recordInLine(bytes.toString());

/** An offset at or behind which no event before `cursor` begins: a bisection, since numbers rise along the file. */
async function endBefore(descriptor: number, size: number, cursor: number): Promise<number> {
  let low = 0;
  let high = size;
  while (high - low > 131_072) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineAfter(descriptor, middle, high);
    const record = line && recordIn(line.bytes);
    if (!line || !record) break;
    if (record.seq < cursor) low = line.end;
    else high = line.start;
  }
  return high;
}

/**
 * A page of events, newest first, read from the end of the file. A line that is no event is passed over here:
 * verification names it.
 */
export async function readAuditLines(
  descriptor: number,
  size: number,
  { limit, cursor, filter = {} }: { limit: number; cursor?: number | undefined; filter?: AuditFilter },
): Promise<{ events: AuditRecord[]; nextCursor?: number }> {
  const events: AuditRecord[] = [];
  const end = cursor === undefined ? size : await endBefore(descriptor, size, cursor);
  for await (const lines of linesBackward(descriptor, end)) {
    for (const line of lines) {
      const record = recordIn(line.bytes);
      if (!record || (cursor !== undefined && record.seq >= cursor) || !matchesFilter(record, filter)) continue;
      const last = events.at(-1);
      if (events.length >= limit) return last ? { events, nextCursor: last.seq } : { events };
      events.push(record);
    }
  }
  return { events };
}
