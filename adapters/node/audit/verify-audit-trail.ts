import { closeSync } from "node:fs";
import { join } from "node:path";
import { type ChainHead, genesis, type Sha256 } from "../../../src/domain/audit-chain.ts";
import type { AuditVerdict, AuditVerifyOptions } from "../../../src/ports.ts";
import type { AuditHead } from "./audit-head.ts";
import { type AuditSegment, endOf, segmentName } from "./audit-segments.ts";
import { openLines } from "./open-lines.ts";
import { type AuditLines, type VerifiedLines, verifyAuditLines } from "./verify-audit-lines.ts";

/** All files of a trail, as they are found. */
export interface TrailFiles {
  directory: string;
  /** All of them in order; those that were moved away are remembered. */
  segments: readonly AuditSegment[];
  /** `audit.jsonl`; absent where there is none yet. */
  active: AuditLines | undefined;
  /** The trail's end, so that a cut tail is noticed. */
  remembered: AuditHead | undefined;
}

type Fault = Extract<VerifiedLines, { ok: false }>;

/** Walks all files of the trail and stops at its first fault. Segments that were moved away are stepped over. */
export async function verifyAuditTrail(
  { directory, segments, active, remembered }: TrailFiles,
  sha256: Sha256,
  { since = 1, onProgress }: AuditVerifyOptions = {},
): Promise<AuditVerdict> {
  let events = 0;
  const movedAway: string[] = [];
  const verdict = (fault?: AuditVerdict["fault"]): AuditVerdict => ({
    ok: fault === undefined,
    events,
    ...(movedAway.length > 0 && { movedAway }),
    ...(fault && { fault }),
  });

  const begin = segments.findLastIndex(({ last, hash }) => last < since && hash !== undefined);
  let head: ChainHead = begin < 0 ? genesis : endOf(segments[begin] as Required<AuditSegment>);
  for (const segment of segments.slice(begin + 1)) {
    const file = segmentName(segment);
    const lines = openLines(join(directory, file));
    if (!lines) {
      movedAway.push(file);
      head = endOf(segment as Required<AuditSegment>);
      continue;
    }
    const walked = await verifyAuditLines(lines, head, sha256, ({ seq }, end) => {
      onProgress?.(file, end / lines.size);
      return seq > segment.last ? `event ${seq} stands behind event ${segment.last}, the segment's last` : undefined;
    }).finally(() => closeSync(lines.descriptor));
    events += walked.events;
    if (!walked.ok) return verdict({ file, ...faultOf(walked, head) });
    head = walked.head;
    const isWhole = head.seq === segment.last && (segment.hash ?? head.hash) === head.hash;
    if (!isWhole) return verdict({ file, line: walked.events, reason: notRemembered(segment.last) });
  }

  const last = active ?? { descriptor: -1, size: 0 };
  const walked = await verifyAuditLines(last, head, sha256, (at, end) => {
    onProgress?.("audit.jsonl", end / last.size);
    const isEnd = at.seq === remembered?.seq;
    return isEnd && (at.hash !== remembered.hash || end !== remembered.bytes) ? notRemembered(at.seq) : undefined;
  });
  events += walked.events;
  if (!walked.ok) return verdict(faultOf(walked, head));
  const { seq } = walked.head;
  if (remembered && seq < remembered.seq) {
    const reason = `the end is missing: events ${seq + 1} to ${remembered.seq} were cut off`;
    return verdict({ line: walked.events + 1, reason });
  }
  return verdict();
}

const notRemembered = (seq: number): string => `event ${seq} is not the one that was remembered as the last`;

/** A file that begins later than the one before it ended: whoever moved that away can put it back. */
function faultOf({ line, reason, events }: Fault, before: ChainHead): NonNullable<AuditVerdict["fault"]> {
  const first = Number(/^event (\d+) stands where/.exec(reason)?.[1] ?? 0);
  if (events > 0 || first <= before.seq + 1) return { line, reason };
  const missing = segmentName({ first: before.seq + 1, last: first - 1 });
  return {
    line,
    reason,
    remedy:
      `another program moved or emptied the trail, as logrotate does: put the older part back as ${missing}, and let ` +
      '"provisioning audit rotate" or audit.rotateBytes close it from now on',
  };
}
