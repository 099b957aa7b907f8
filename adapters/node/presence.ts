import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Longer than any claim lasts that could be asked for. */
const keptMs = 3_600_000;

/**
 * Tells whether a process still lives that shares the files, also from another container, where its pid means
 * nothing: each holds a lock on a file of its own, which the kernel lets go with the process and with nothing else.
 *
 * | file in `provisioning/instances/` | says |
 * |---|---|
 * | `<instance>.lock` | locked: it lives; not locked: it is gone |
 * | `<instance>.gone` | it is gone; kept for an hour, since what it left behind may be asked for |
 */
export interface Presence {
  /** Whether it is certainly gone: of one that never was present here, nothing is known. */
  isGone(id: string): boolean;
  /** @param leavesWork whether there is something of this process that others have to settle */
  close(leavesWork: boolean): void;
}

/** One lock a process, however often it opens the files: a second one would be refused by the first. */
const held = new Map<string, { lock: DatabaseSync; times: number }>();

/**
 * Takes this process's lock, and makes the directory where it is not there. It never throws: where the lock cannot be
 * had, what the process leaves is free when its leases end.
 */
export function createPresence(directory: string, id: string): Presence {
  const path = (of: string, state: "new" | "lock" | "gone"): string => join(directory, `${of}.${state}`);

  const isGone = (other: string): boolean => {
    if (existsSync(path(other, "gone"))) return true;
    if (held.has(path(other, "lock")) || !existsSync(path(other, "lock"))) return false;
    const lock = takeLock(path(other, "lock"), 0);
    if (!lock) return false;
    markGone(other);
    lock.close();
    return true;
  };

  function markGone(other: string): void {
    try {
      const now = new Date();
      utimesSync(path(other, "lock"), now, now);
      renameSync(path(other, "lock"), path(other, "gone"));
    } catch {
      // Another process was faster.
    }
  }

  function sweep(): void {
    for (const name of readdirSync(directory)) {
      const [, of, state] = /^(.+)\.(new|lock|gone)$/.exec(name) ?? [];
      if (of === undefined || of === id) continue;
      if (state === "lock") isGone(of);
      else if (Date.now() - (statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) > keptMs) {
        rmSync(join(directory, name), { force: true });
      }
    }
  }

  function announce(): void {
    const known = held.get(path(id, "lock"));
    if (known) {
      known.times++;
      return;
    }
    closeSync(openSync(path(id, "new"), "w", 0o600));
    const lock = takeLock(path(id, "new"), 1_000);
    if (!lock) return;
    // Seen by others only when it is locked.
    renameSync(path(id, "new"), path(id, "lock"));
    held.set(path(id, "lock"), { lock, times: 1 });
  }

  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    announce();
    sweep();
  } catch {
    // A full disk must not keep the service from starting: what it leaves then ends with its claims.
  }

  return {
    isGone,
    close(leavesWork) {
      const known = held.get(path(id, "lock"));
      if (!known || --known.times > 0) return;
      held.delete(path(id, "lock"));
      if (leavesWork) markGone(id);
      else rmSync(path(id, "lock"), { force: true });
      known.lock.close();
    },
  };
}

/** `undefined` where another process has it, or where it cannot be had. */
function takeLock(path: string, timeout: number): DatabaseSync | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout });
    // Nothing is ever written: no journal must lie beside it.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch {
    lock?.close();
    return undefined;
  }
}
