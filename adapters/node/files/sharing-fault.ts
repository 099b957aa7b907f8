import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";

/**
 * https://www.sqlite.org/rescode.html: what file systems answer that have no shared memory (SHMOPEN, SHMLOCK, SHMMAP)
 * or no locks (PROTOCOL, IOERR_LOCK, IOERR_RDLOCK, IOERR_UNLOCK), as NFS, SMB and 9p.
 */
const unshared = new Set([15, 2058, 2314, 3850, 4618, 5130, 5386]);
const CANTOPEN = 14;

/** Whether SQLite failed on a database for want of what processes share it by. */
export function isUnshared(path: string, error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number") return false;
  if (unshared.has(code)) return true;
  if ((code & 0xff) !== CANTOPEN) return false;
  try {
    accessSync(dirname(path), constants.R_OK | constants.W_OK | constants.X_OK);
    accessSync(path, constants.R_OK | constants.W_OK);
    // The database itself opens: it is the -shm or the -wal beside it that does not.
    return true;
  } catch {
    return false;
  }
}

export const sharingProblem =
  "cannot be shared between processes here (its -shm and -wal files, or locks, do not work)";
export const sharingRemedy =
  "put the state directory on a local volume (a named Docker volume, a block-storage claim) in place of a network file " +
  "system, or the records into Redis (OPENCLAW_PROVISIONING_STORAGE)";
