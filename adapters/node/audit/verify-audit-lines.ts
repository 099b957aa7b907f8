import { isUtf8 } from "node:buffer";
import { type ChainHead, genesis, type Sha256, verifyLine } from "../../../src/domain/audit-chain.ts";
import type { AuditVerdict } from "../../../src/ports.ts";
import { linesForward } from "../files/line-file.ts";
import type { AuditHead } from "./audit-head.ts";

/**
 * Walks the whole trail and stops at its first fault.
 * @param size where to stop; a line that is not whole there is being written, unless the head lies behind it
 */
export async function verifyAuditLines(
  descriptor: number,
  size: number,
  remembered: AuditHead | undefined,
  sha256: Sha256,
): Promise<AuditVerdict> {
  let head: ChainHead = genesis;
  let count = 0;
  let end = 0;
  const fault = (line: number, reason: string): AuditVerdict => ({ ok: false, events: count, fault: { line, reason } });

  for await (const lines of linesForward(descriptor, 0, size)) {
    for (const line of lines) {
      // Bytes that are not UTF-8 would be read as U+FFFD, which may be what stood there before.
      if (!isUtf8(line.bytes)) return fault(count + 1, "is not valid UTF-8");
      const step = await verifyLine(head, line.bytes.toString(), sha256);
      if (!step.ok) return fault(count + 1, step.reason);
      head = step.head;
      count++;
      end = line.end;
      if (remembered && head.seq === remembered.seq && (head.hash !== remembered.hash || end !== remembered.bytes)) {
        return fault(count, `event ${head.seq} is not the one that was remembered as the last`);
      }
    }
  }
  if (remembered && head.seq < remembered.seq) {
    return fault(count + 1, `the end is missing: events ${head.seq + 1} to ${remembered.seq} were cut off`);
  }
  return { ok: true, events: count };
}
