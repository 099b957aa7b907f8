import { closeSync, lstatSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { linkEvent } from "../../../src/domain/audit-chain.ts";
import type { AuditEvent, AuditFilter } from "../../../src/domain/audit-event.ts";
import { isProblem, Problem } from "../../../src/errors.ts";
import type { AuditTrail, Clock, Log } from "../../../src/ports.ts";
import type { AuditRecord } from "../../../src/schema/audit-event.ts";
import { lineMatcher, matchesFilter } from "../../../src/storage/audit-line.ts";
import { makePrivateDirectory, probeWritable, unwritable } from "../files/atomic-write.ts";
import { createFileLock } from "../files/file-lock.ts";
import { groupCommit } from "../files/group-commit.ts";
import { sha256 } from "../sha256.ts";
import { createActiveTrail } from "./active-trail.ts";
import { auditHeadSchema, rememberedHead, rememberHead } from "./audit-head.ts";
import {
  type AuditSegment,
  allSegments,
  auditSegmentsSchema,
  rememberedSegments,
  rememberSegment,
  segmentName,
  segmentsIn,
} from "./audit-segments.ts";
import { firstEventIn } from "./edge-events.ts";
import { openLines } from "./open-lines.ts";
import { readAuditLines } from "./read-audit-lines.ts";
import type { AuditLines } from "./verify-audit-lines.ts";
import { verifyAuditTrail } from "./verify-audit-trail.ts";

/** The trail of files; absent options have their defaults from the settings. */
export interface AuditFileOptions {
  stateDir: string;
  clock: Clock;
  log?: Log;
  /** `0o640`: the file's group may read it. */
  mode?: number;
  /** A file of this size is closed as a part of its own; 0: never. */
  rotateBytes?: number;
  /** Takes each line once it is durable. */
  sink?: ((line: string) => void) | undefined;
}

/** The caller asked for an append, whatever part of it failed. */
const unappendable = (error: unknown): Problem =>
  isProblem(error) && error.code !== "audit_unwritable"
    ? new Problem("audit_unwritable", error.message, { cause: error })
    : unwritable(error, "audit_unwritable");

/**
 * The audit trail as files of lines, shared by every process that works on this state directory: `audit.jsonl`, and
 * the parts before it that rotations closed. Appends that wait together share one fsync. The head of the chain is
 * remembered in `provisioning/audit-head.sqlite`, which is also the lock, so that appends never wait for writes of
 * keys.
 */
export function createAuditFile(options: AuditFileOptions): AuditTrail {
  const { stateDir, clock, log = () => {}, mode = 0o600, rotateBytes = 0, sink } = options;
  const trail = createActiveTrail({ stateDir, mode, sha256, log });
  const { path, directory } = trail;
  const schema = `${auditHeadSchema}; ${auditSegmentsSchema}`;
  const lock = createFileLock(join(directory, "audit-head.sqlite"), { schema });
  let lastAppend: Promise<unknown> = Promise.resolve();
  let isKnown = false;

  async function underLock<T>(work: (database: DatabaseSync) => Promise<T>): Promise<T> {
    try {
      if (!isKnown) await makePrivateDirectory(directory);
      isKnown = true;
      return await lock.run(work);
    } catch (error) {
      throw unappendable(error);
    }
  }

  /** Behind `before`, durably; the sink gets the lines after that. */
  async function write(
    database: DatabaseSync,
    { descriptor, head: before, torn }: Awaited<ReturnType<typeof trail.align>>,
    events: readonly AuditEvent[],
  ) {
    const time = new Date(clock.now()).toISOString();
    const lines: string[] = [];
    let head: { seq: number; hash: string } = before;
    for (const event of events) {
      const link = await linkEvent(head, event, time, sha256);
      lines.push(link.line);
      head = link.head;
    }
    const bytes = Buffer.from(`${torn ? "\n" : ""}${lines.join("\n")}\n`);
    const after = { ...head, bytes: before.bytes + bytes.length };
    await trail.write(descriptor, bytes, before, () => rememberHead(database, after));
    if (sink) for (const line of lines) sink(line);
    return after;
  }

  /** Ends the file with a line that says so, and remembers it as closed: its renaming is the next holder's first act. */
  async function closePart(
    database: DatabaseSync,
    aligned: Awaited<ReturnType<typeof trail.align>>,
    actor: string,
  ): Promise<Required<AuditSegment>> {
    const { descriptor, head } = aligned;
    const last = head.seq + 1;
    const first = (await firstEventIn({ descriptor, size: head.bytes }))?.seq ?? last;
    const details = { file: segmentName({ first, last }) };
    const { hash } = await write(database, aligned, [
      { phase: "event", action: "audit.rotate", actor, outcome: "success", details },
    ]);
    rememberSegment(database, { first, last, hash });
    return { first, last, hash };
  }

  const opening = (actor: string, closed: AuditSegment): AuditEvent => ({
    phase: "event",
    action: "audit.open",
    actor,
    outcome: "success",
    details: { after: segmentName(closed) },
  });

  const appendTogether = groupCommit<AuditEvent>(async (events) => {
    const closed = await underLock(async (database) => {
      const aligned = await trail.align(database);
      if (rotateBytes > 0 && aligned.head.bytes >= rotateBytes) return await closePart(database, aligned, "service");
      await write(database, aligned, events);
      return undefined;
    });
    if (!closed) return;
    const goesOn = [opening("service", closed), ...events];
    await underLock(async (database) => void (await write(database, await trail.align(database), goesOn)));
  });

  const append = (event: AuditEvent): Promise<void> => {
    const done = appendTogether(event);
    lastAppend = done;
    return done;
  };

  /** Reading needs no lock, since lines are only ever added. The caller closes it. */
  function openActive(): AuditLines | undefined {
    try {
      const lines = openLines(path);
      const found = lines && lstatSync(path, { throwIfNoEntry: false });
      if (found) trail.trusted(found);
      return lines;
    } catch (error) {
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found) trail.trusted(found);
      throw isProblem(error) ? error : new Problem("store_unreadable", undefined, { cause: error });
    }
  }

  /** Newest first, through all files. One that is renamed meanwhile is read once: numbers only fall. */
  async function* records(cursor: number | undefined, filter: AuditFilter): AsyncGenerator<AuditRecord> {
    const isSought = lineMatcher(filter);
    let before = cursor;
    const active = openActive();
    const files = [() => active, ...segmentsIn(directory).reverse().map(opener)];
    for (const open of files) {
      const lines = open(before);
      if (!lines) continue;
      try {
        for await (const record of readAuditLines(lines, before, isSought)) {
          before = record.seq;
          yield record;
        }
      } finally {
        closeSync(lines.descriptor);
      }
    }
  }

  const opener =
    (segment: AuditSegment) =>
    (before: number | undefined): AuditLines | undefined =>
      before !== undefined && before <= segment.first ? undefined : openLines(join(directory, segmentName(segment)));

  return {
    append,

    async read({ limit, cursor, filter = {} }) {
      const events: AuditRecord[] = [];
      for await (const record of records(cursor, filter)) {
        if (!matchesFilter(record, filter)) continue;
        const last = events.at(-1);
        if (events.length >= limit) return last ? { events, nextCursor: last.seq } : { events };
        events.push(record);
      }
      return { events };
    },

    async verify(how) {
      await makePrivateDirectory(directory);
      const files = await lock.run(async (database) => {
        await trail.finishRotation(database);
        // The head first: the file is never shorter than what was remembered before it was opened.
        const remembered = rememberedHead(database);
        const segments = allSegments(rememberedSegments(database), segmentsIn(directory));
        return { directory, remembered, segments, active: openActive() };
      });
      try {
        return await verifyAuditTrail(files, sha256, how);
      } finally {
        if (files.active) closeSync(files.active.descriptor);
      }
    },

    async rotate(actor) {
      const closed = await underLock(async (database) => {
        const aligned = await trail.align(database);
        // A part that a rotation has just opened has one event, which says so.
        const isOpened = rememberedSegments(database).at(-1)?.last === aligned.head.seq - 1;
        return aligned.head.bytes === 0 || isOpened ? undefined : await closePart(database, aligned, actor);
      });
      if (!closed) return undefined;
      await append(opening(actor, closed));
      return { file: segmentName(closed), events: closed.last - closed.first + 1 };
    },

    check: () =>
      underLock(async (database) => {
        const { head } = await trail.align(database);
        rememberHead(database, head);
        probeWritable(directory);
      }),

    async close() {
      await lastAppend.catch(() => {});
      await lock.close();
      trail.close();
    },
  };
}
