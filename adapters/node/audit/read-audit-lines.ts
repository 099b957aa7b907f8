import type { AuditRecord } from "../../../src/schema/audit-event.ts";
import { recordInLine } from "../../../src/storage/audit-line.ts";
import { lineAfter, linesBackward } from "../files/line-file.ts";
import type { AuditLines } from "./verify-audit-lines.ts";

const recordIn = (bytes: Buffer): AuditRecord | undefined => recordInLine(bytes.toString());

/** An offset at or behind which no event before `cursor` begins: a bisection, since numbers rise along the file. */
async function endBefore({ descriptor, size }: AuditLines, cursor: number): Promise<number> {
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
 * The events before `cursor`, newest first, read from the end of the file. A line that is no event is passed over
 * here: verification names it.
 *
 * @param isSought tells of a line whether it is read at all
 */
export async function* readAuditLines(
  lines: AuditLines,
  cursor: number | undefined,
  isSought: (line: string) => boolean,
): AsyncGenerator<AuditRecord> {
  const end = cursor === undefined ? lines.size : await endBefore(lines, cursor);
  for await (const block of linesBackward(lines.descriptor, end)) {
    for (const { bytes } of block) {
      const line = bytes.toString();
      const record = isSought(line) ? recordInLine(line) : undefined;
      if (record && (cursor === undefined || record.seq < cursor)) yield record;
    }
  }
}
