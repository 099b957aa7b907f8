import { closeSync, fstatSync } from "node:fs";
import { basename } from "node:path";
import { type ChainHead, genesis, readLine } from "../../../src/domain/audit-chain.ts";
import type { AuditVerdict } from "../../../src/ports.ts";
import { linesForward } from "../files/line-file.ts";
import { sha256 } from "../sha256.ts";
import { segmentNamed } from "./audit-segments.ts";
import { openLines } from "./open-lines.ts";
import { type AuditLines, verifyAuditLines } from "./verify-audit-lines.ts";

/**
 * Verifies parts of a trail apart from their deployment, in the order given, each following on the one before it.
 * The event on which the first one follows is believed as it is written there.
 *
 * @throws with `code` and `path`, as the system does, where one cannot be read
 */
export async function verifyAuditFiles(
  paths: readonly string[],
  onProgress?: (file: string, share: number) => void,
): Promise<AuditVerdict> {
  let head: ChainHead | undefined;
  let events = 0;
  for (const path of paths) {
    const lines = openLines(path);
    if (!lines) throw unreadable(path, "ENOENT", `There is no file ${path}.`);
    try {
      if (fstatSync(lines.descriptor).isDirectory()) throw unreadable(path, "EISDIR", `${path} is a directory.`);
      head ??= await headBefore(lines);
      const walked = await verifyAuditLines(lines, head, sha256, (_, end) => void onProgress?.(path, end / lines.size));
      events += walked.events;
      if (!walked.ok) return { ok: false, events, fault: { file: path, line: walked.line, reason: walked.reason } };
      head = walked.head;
      const last = segmentNamed(basename(path))?.last;
      if (last !== undefined && head.seq < last) {
        const reason = `the end is missing: events ${head.seq + 1} to ${last} were cut off`;
        return { ok: false, events, fault: { file: path, line: walked.events + 1, reason } };
      }
    } finally {
      closeSync(lines.descriptor);
    }
  }
  return { ok: true, events };
}

/** As the system says it of a file that it does not open. */
const unreadable = (path: string, code: string, message: string): Error =>
  Object.assign(new Error(message), { code, path });

async function headBefore({ descriptor, size }: AuditLines): Promise<ChainHead> {
  for await (const [line] of linesForward(descriptor, 0, size)) {
    const step = line && (await readLine(line.bytes.toString(), sha256));
    return step?.ok ? { seq: step.record.seq - 1, hash: step.record.previous } : genesis;
  }
  return genesis;
}
