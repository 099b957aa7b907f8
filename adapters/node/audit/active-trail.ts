import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fdatasync as fdatasyncCallback,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import type { Sha256 } from "../../../src/domain/audit-chain.ts";
import type { Log } from "../../../src/ports.ts";
import { makePrivateDirectory, syncDirectory } from "../files/atomic-write.ts";
import { distrust, unreadable } from "../files/private-file.ts";
import { type AuditHead, alignHead, rememberedHead, rememberHead } from "./audit-head.ts";
import { rememberedSegments, segmentName, segmentsIn } from "./audit-segments.ts";
import { lastEventIn } from "./edge-events.ts";
import { openLines } from "./open-lines.ts";
import type { AuditLines } from "./verify-audit-lines.ts";

const fdatasync = promisify(fdatasyncCallback);
const file = "provisioning/audit.jsonl";

/** The trail's place and mode. */
export interface ActiveTrailOptions {
  stateDir: string;
  /** `0o600`, or `0o640` where a group may read the trail. */
  mode: number;
  sha256: Sha256;
  log: Log;
}

/** The file that is being written, and its place behind the closed ones. Every call is made under the lock. */
export function createActiveTrail({ stateDir, mode, sha256, log }: ActiveTrailOptions) {
  const path = join(stateDir, file);
  const directory = dirname(path);
  let opened: { descriptor: number; ino: number; dev: number } | undefined;

  const trusted = (stats: Stats): Stats => {
    const finding = distrust(stats, file, "file", mode);
    if (finding) throw unreadable(finding);
    return stats;
  };

  function close(): void {
    if (opened) closeSync(opened.descriptor);
    opened = undefined;
  }

  /** The file as it is now, opened anew when another one stands there than before. */
  async function open(): Promise<AuditLines> {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found) trusted(found);
    if (opened && found?.ino === opened.ino && found.dev === opened.dev) {
      return { descriptor: opened.descriptor, size: found.size };
    }
    close();
    if (!found) await makePrivateDirectory(directory);
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const descriptor = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, mode);
    const { ino, dev, size, mode: has } = fstatSync(descriptor);
    opened = { descriptor, ino, dev };
    // The umask takes the group's bit away at birth, and a file from before the setting has none.
    if ((has & 0o777) !== mode) fchmodSync(descriptor, mode);
    // Its group has to get through to the file; it still lists and reads nothing else.
    if (mode & 0o040) chmodSync(directory, 0o710);
    if (!found) await syncDirectory(directory);
    return { descriptor, size };
  }

  /** Gives the closed part its name: once it is remembered as closed, whoever comes next may do so. */
  async function finishRotation(database: DatabaseSync): Promise<void> {
    const head = rememberedHead(database);
    const closed = rememberedSegments(database).at(-1);
    if (!head || !closed || closed.last !== head.seq || head.bytes === 0) return;
    const target = join(directory, segmentName(closed));
    if (!existsSync(target)) renameSync(path, target);
    await syncDirectory(directory);
    close();
    rememberHead(database, { ...head, bytes: 0 });
  }

  /** A power cut can take the memory back to before a rotation, whose files were written through. */
  async function headBehindSegments(head: AuditHead | undefined): Promise<AuditHead | undefined> {
    const newest = segmentsIn(directory).at(-1);
    if (!newest || newest.last <= (head?.seq ?? 0)) return head;
    const lines = openLines(join(directory, segmentName(newest)));
    if (!lines) return head;
    try {
      const last = await lastEventIn(lines);
      return last ? { ...last, bytes: 0 } : head;
    } finally {
      closeSync(lines.descriptor);
    }
  }

  return {
    path,
    directory,
    trusted,
    finishRotation,

    /** @returns the head on which the next event follows, and whether it must first end a line cut in the middle */
    async align(database: DatabaseSync): Promise<{ descriptor: number; head: AuditHead; torn: boolean }> {
      await finishRotation(database);
      const wasOpen = opened?.ino;
      const { descriptor, size } = await open();
      const remembered = rememberedHead(database);
      const known = opened?.ino === wasOpen ? remembered : await headBehindSegments(remembered);
      if (known && size < known.bytes) {
        log("warn", "another program moved or shortened audit.jsonl, as logrotate does; its chain goes on", {
          missingBytes: known.bytes - size,
          remedy: 'use "provisioning audit rotate" or audit.rotateBytes; "audit verify" says how to put the part back',
        });
      }
      return { descriptor, ...(await alignHead(descriptor, size, known, sha256)) };
    },

    /** Writes behind `before` and does `meanwhile` while the disk works; a failure leaves the file as it was. */
    async write(descriptor: number, bytes: Buffer, before: AuditHead, meanwhile: () => void): Promise<void> {
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
    },

    close,
  };
}
