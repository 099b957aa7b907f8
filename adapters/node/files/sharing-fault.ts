import { constants } from "node:fs";
import { dirname } from "node:path";
import { refusalOf } from "./path-fault.ts";
import { CANTOPEN, resultCode } from "./sqlite-codes.ts";

/**
 * https://www.sqlite.org/rescode.html: what file systems answer that have no shared memory (SHMOPEN, SHMLOCK, SHMMAP)
 * or no locks (PROTOCOL, IOERR_LOCK, IOERR_RDLOCK, IOERR_UNLOCK), as NFS, SMB and 9p.
 */
const unshared: ReadonlySet<unknown> = new Set([15, 2058, 2314, 3850, 4618, 5130, 5386]);

/** Whether SQLite failed on a database for want of what processes share it by. */
export function isUnshared(path: string, error: unknown): boolean {
  if (unshared.has((error as { errcode?: unknown } | null)?.errcode)) return true;
  if (resultCode(error) !== CANTOPEN) return false;
  const { R_OK, W_OK, X_OK } = constants;
  // The -shm or the -wal beside the database does not open where the database itself does.
  return !refusalOf(dirname(path), R_OK | W_OK | X_OK) && !refusalOf(path, R_OK | W_OK);
}

export const sharingProblem =
  "cannot be shared between processes here (its -shm and -wal files, or locks, do not work)";
export const sharingRemedy =
  "put the state directory on a local volume (a named Docker volume, a block-storage claim) in place of a network file " +
  "system, or the records into Redis (OPENCLAW_PROVISIONING_STORAGE)";
