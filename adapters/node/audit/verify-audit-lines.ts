import { isUtf8 } from "node:buffer";
import { type ChainHead, type Sha256, verifyLine } from "../../../src/domain/audit-chain.ts";
import { linesForward } from "../files/line-file.ts";

/** An open file of the trail, read up to `size` bytes. */
export interface AuditLines {
  descriptor: number;
  /** The end of what is read; a line that is not whole there is being written. */
  size: number;
}

export type VerifiedLines =
  | { ok: true; head: ChainHead; events: number }
  | { ok: false; events: number; line: number; reason: string };

/**
 * Walks the lines of one file and stops at its first fault.
 * @param from the event on which the first line has to follow
 * @param look called with each event and where its line ends; what it returns is a fault
 */
export async function verifyAuditLines(
  { descriptor, size }: AuditLines,
  from: ChainHead,
  sha256: Sha256,
  look: (head: ChainHead, end: number) => string | undefined = () => undefined,
): Promise<VerifiedLines> {
  let head = from;
  let events = 0;
  for await (const lines of linesForward(descriptor, 0, size)) {
    for (const { bytes, end } of lines) {
      const fault = (reason: string): VerifiedLines => ({ ok: false, events, line: events + 1, reason });
      // Bytes that are not UTF-8 would be read as U+FFFD, which may be what stood there before.
      if (!isUtf8(bytes)) return fault("is not valid UTF-8");
      const step = await verifyLine(head, bytes.toString(), sha256);
      if (!step.ok) return fault(step.reason);
      head = step.head;
      events++;
      const reason = look(head, end);
      if (reason !== undefined) return { ok: false, events, line: events, reason };
    }
  }
  return { ok: true, head, events };
}
