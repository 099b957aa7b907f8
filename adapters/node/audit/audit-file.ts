import { hash } from "node:crypto";
import {
  closeSync,
  constants,
  fdatasync as fdatasyncCallback,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { linkEvent } from "../../../src/domain/audit-chain.ts";
import { isProblem, Problem } from "../../../src/errors.ts";
import type { AuditTrail, Clock } from "../../../src/ports.ts";
import type { AuditEvent } from "../../../src/schema/audit-event.ts";
import { makePrivateDirectory, probeWritable, syncDirectory, unwritable } from "../files/atomic-write.ts";
import { createFileLock } from "../files/file-lock.ts";
import { groupCommit } from "../files/group-commit.ts";
import { distrust, unreadable } from "../files/private-file.ts";
import { type AuditHead, alignHead, auditHeadSchema, rememberedHead, rememberHead } from "./audit-head.ts";
import { readAuditLines } from "./read-audit-lines.ts";
import { verifyAuditLines } from "./verify-audit-lines.ts";

const fdatasync = promisify(fdatasyncCallback);
const sha256 = (text: string): string => hash("sha256", text, "hex");
const file = "provisioning/audit.jsonl";

/** The caller asked for an append, whatever part of it failed. */
const unappendable = (error: unknown): Problem =>
  isProblem(error) && error.code !== "audit_unwritable"
    ? new Problem("audit_unwritable", error.message, { cause: error })
    : unwritable(error, "audit_unwritable");

/**
 * The audit trail as a file of lines, shared by every process that works on this state directory. Appends that wait
 * together share one fsync. The head of the chain is remembered in `provisioning/audit-head.sqlite`, which is also
 * the lock, so that appends never wait for writes of keys.
 */
export function createAuditFile({ stateDir, clock }: { stateDir: string; clock: Clock }): AuditTrail {
  const path = join(stateDir, file);
  const lock = createFileLock(join(dirname(path), "audit-head.sqlite"), { schema: auditHeadSchema });
  let lastAppend: Promise<void> = Promise.resolve();
  let opened: { descriptor: number; ino: number; dev: number } | undefined;

  const trusted = (stats: Stats): Stats => {
    const finding = distrust(stats, file, "file");
    if (finding) throw unreadable(finding);
    return stats;
  };

  /** The trail as it is now, opened anew when another file stands there than before. */
  const openTrail = async (): Promise<{ descriptor: number; size: number }> => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found) trusted(found);
    if (opened && found?.ino === opened.ino && found.dev === opened.dev) {
      return { descriptor: opened.descriptor, size: found.size };
    }
    if (opened) closeSync(opened.descriptor);
    opened = undefined;
    if (!found) await makePrivateDirectory(dirname(path));
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const descriptor = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    const { ino, dev, size } = fstatSync(descriptor);
    opened = { descriptor, ino, dev };
    if (!found) await syncDirectory(dirname(path));
    return { descriptor, size };
  };

  const align = async (database: DatabaseSync) => {
    const { descriptor, size } = await openTrail();
    return { descriptor, ...(await alignHead(descriptor, size, rememberedHead(database), sha256)) };
  };

  /** Writes behind `before` and does `meanwhile` while the disk works; a failure leaves the file as it was. */
  const write = async (descriptor: number, bytes: Buffer, before: AuditHead, meanwhile: () => void): Promise<void> => {
    try {
      writeFileSync(descriptor, bytes);
      const durable = fdatasync(descriptor);
      try {
        meanwhile();
      } finally {
        await durable;
      }
    } catch (error) {
      try {
        ftruncateSync(descriptor, before.bytes);
      } catch {
        // Then the next append drops what is torn, and adopts what is whole.
      }
      throw error;
    }
  };

  const underLock = async (work: (database: DatabaseSync) => Promise<void>): Promise<void> => {
    try {
      if (!opened) await makePrivateDirectory(dirname(path));
      await lock.run(work);
    } catch (error) {
      throw unappendable(error);
    }
  };

  const appendTogether = groupCommit<AuditEvent>((events) =>
    underLock(async (database) => {
      const { descriptor, head: before, torn } = await align(database);
      const time = new Date(clock.now()).toISOString();
      let head: { seq: number; hash: string } = before;
      let lines = torn ? "\n" : "";
      for (const event of events) {
        const link = await linkEvent(head, event, time, sha256);
        lines += `${link.line}\n`;
        head = link.head;
      }
      const bytes = Buffer.from(lines);
      const after = { ...head, bytes: before.bytes + bytes.length };
      await write(descriptor, bytes, before, () => rememberHead(database, after));
    }),
  );

  /** Reading needs no lock, since lines are only ever added. */
  const withReader = async <T>(empty: T, work: (descriptor: number, size: number) => Promise<T>): Promise<T> => {
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return empty;
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found) trusted(found);
      throw new Problem("store_unreadable", undefined, { cause: error });
    }
    try {
      return await work(descriptor, trusted(fstatSync(descriptor)).size);
    } finally {
      closeSync(descriptor);
    }
  };

  return {
    append(event) {
      lastAppend = appendTogether(event);
      return lastAppend;
    },

    read: (page) => withReader({ events: [] }, (descriptor, size) => readAuditLines(descriptor, size, page)),

    async verify() {
      // The head first: the file is never shorter than what was remembered before it was opened.
      await makePrivateDirectory(dirname(path));
      const head = await lock.run(rememberedHead);
      const empty = await verifyAuditLines(-1, 0, head, sha256);
      return withReader(empty, (descriptor, size) => verifyAuditLines(descriptor, size, head, sha256));
    },

    check: () =>
      underLock(async (database) => {
        const { head } = await align(database);
        rememberHead(database, head);
        probeWritable(dirname(path));
      }),

    async close() {
      await lastAppend.catch(() => {});
      await lock.close();
      if (opened) closeSync(opened.descriptor);
      opened = undefined;
    },
  };
}
