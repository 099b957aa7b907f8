import { randomUUID } from "node:crypto";
import { closeSync, constants, lstatSync, mkdirSync, openSync, rmSync, type Stats } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Problem } from "../../../src/errors.ts";
import { placeNew, probeWritable, unwritable } from "../files/atomic-write.ts";
import { isThere } from "../files/is-there.ts";
import { refusalOf } from "../files/path-fault.ts";
import { distrust, inaccessible, type StoreFinding, unreadable } from "../files/private-file.ts";
import { isUnshared, sharingProblem, sharingRemedy } from "../files/sharing-fault.ts";
import { BUSY, CANTOPEN, CORRUPT, FULL, IOERR, LOCKED, NOTADB, READONLY, resultCode } from "../files/sqlite-codes.ts";

/**
 * Bytes. A commit writes and sums whole pages, so small ones cost less; but of a row that is longer than a quarter of
 * one, as a reservation is of 1 KB, SQLite keeps a part on a page of its own.
 */
const pageSize = 2_048;
/** The length of the log, in pages, at which it is copied into the file. */
const checkpointedPages = 2_000;
/** At 2 ms a MB. Damage in a larger file is met on the page where it is, and stops the operation that meets it. */
const checkedWholeBytes = 32 * 1024 * 1024;
const isDamage = (code: number | undefined) => code === CORRUPT || code === NOTADB;
/** A full disk can be any of these. */
const isRefusal = (code: number | undefined) => code === FULL || code === IOERR || code === READONLY;

/** Whether another connection holds the lock: the work may be tried again. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

const shortName = (path: string) => `${basename(dirname(path))}/${basename(path)}`;
const faulty = (path: string, problem: string, remedy: string): StoreFinding => ({
  file: shortName(path),
  problem,
  remedy,
  fixable: false,
});

/** SQLite would write the changes in the log of another database into this one. */
const withItsLog = "its -wal and -shm go in either case";
const leftLogRemedy = "put that back, or move this away, and the -shm beside it, to begin anew";
const restoreOrBegin = `restore it from a backup, or move it away to begin anew; ${withItsLog}`;

/** The file system's own word, where it refuses other files there too. */
function wordOf(directory: string): string | undefined {
  try {
    probeWritable(directory);
    return undefined;
  } catch (error) {
    return error instanceof Problem ? error.message : undefined;
  }
}

/** The caller's view of an error of SQLite or of the file system. Any other error is passed through. */
export function storeProblem(path: string, cause: unknown): unknown {
  if (cause instanceof Problem) return cause;
  const code = resultCode(cause);
  if (isDamage(code)) {
    const remedy = `stop the service, then restore the file from a backup or move it away to begin with empty limits, usage and claims; ${withItsLog}`;
    return unreadable(faulty(path, "is damaged", remedy), cause);
  }
  if (isUnshared(path, cause)) return unreadable(faulty(path, sharingProblem, sharingRemedy), cause);
  if (code === CANTOPEN) {
    // SQLite says neither what refuses nor why.
    const refusal = refusalOf(dirname(path));
    if (refusal) return unwritable(refusal);
    return inaccessible(shortName(path), refusalOf(path, constants.R_OK | constants.W_OK) ?? cause);
  }
  const refused = code !== undefined || typeof (cause as NodeJS.ErrnoException | null)?.errno === "number";
  const word = isRefusal(code) ? wordOf(dirname(path)) : undefined;
  return refused ? new Problem("store_unwritable", word, { cause }) : cause;
}

/** @throws Problem `store_unreadable` where the file must not be believed, or is no longer the one of inode `ino` */
export function assertTrusted(path: string, ino?: number): Stats {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (ino !== undefined && stats.ino !== ino)) {
    throw unreadable(faulty(path, "was moved or replaced while in use", "restart the service"));
  }
  const finding = distrust(stats, shortName(path), "file");
  if (finding !== undefined) throw unreadable(finding);
  // A new one is whole (see `createAtomically`), so an empty one was cut, and SQLite would silently begin anew.
  if (stats.size === 0) {
    throw unreadable(faulty(path, "is empty", restoreOrBegin));
  }
  return stats;
}

/**
 * Made under another name and linked into place when whole: a crash leaves no half of it, and of two processes
 * one makes it. SQLite gives `-wal` and `-shm` the mode of the database, so they are 0600 from birth as well.
 */
function createAtomically(path: string, schema: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const tempPath = `${path}.${randomUUID()}`;
  try {
    closeSync(openSync(tempPath, "wx", 0o600));
    const db = new DatabaseSync(tempPath);
    try {
      db.exec(`PRAGMA page_size = ${pageSize}`);
      requireLog(db, path);
      db.exec(`PRAGMA synchronous = NORMAL; ${schema}`);
    } finally {
      db.close();
    }
    placeNew(tempPath, path);
  } finally {
    rmSync(tempPath, { force: true });
  }
}

/** @throws Problem `store_unreadable`, since SQLite leaves another mode without a word where memory cannot be shared */
function requireLog(db: DatabaseSync, path: string): void {
  const { journal_mode } = db.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string };
  if (journal_mode !== "wal") throw unreadable(faulty(path, sharingProblem, sharingRemedy));
}

/**
 * Opens the database at `path`, 0600, in WAL mode, making it where there is none and bringing an older one up to date.
 * @param migrations each leads from one version (kept in `user_version`) to the next, the first from nothing
 * @throws Problem `store_unreadable` naming the file and the remedy; `store_unwritable` where it cannot be made.
 *   SQLite's own BUSY while another process recovers, migrates or closes the file: try again.
 */
export function openPrivateDatabase(path: string, migrations: readonly string[]): DatabaseSync {
  try {
    // Looked for before the file: whoever makes that writes its log later.
    const log = lstatSync(`${path}-wal`, { throwIfNoEntry: false });
    if (!isThere(path)) {
      if (log?.size) throw unreadable(faulty(`${path}-wal`, "is left of a file that is gone", leftLogRemedy));
      createAtomically(path, `${migrations.join("\n")} PRAGMA user_version = ${migrations.length}`);
    }
    const { size } = assertTrusted(path);
    const db = new DatabaseSync(path, { timeout: 0 });
    try {
      prepareDatabase(db, size);
      migrate(db, path, migrations);
      // A copy by `VACUUM INTO`, as a backup is, has no log.
      requireLog(db, path);
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  } catch (error) {
    throw isBusy(error) ? error : storeProblem(path, error);
  }
}

function prepareDatabase(db: DatabaseSync, size: number): void {
  // NORMAL does not sync each commit: what is committed is in the kernel's hands and so survives `kill -9`. A power
  // cut may take back the last commits, never a part of one, and cannot damage the file.
  db.exec("PRAGMA synchronous = NORMAL");
  // A checkpoint waits for the disk on the event loop, and writes a page once however often it changed since the last.
  db.exec(`PRAGMA wal_autocheckpoint = ${checkpointedPages}`);
  if (size > checkedWholeBytes) return;
  const verdict = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (verdict.quick_check !== "ok") throw Object.assign(new Error(verdict.quick_check), { errcode: CORRUPT });
}

/** @returns the version found, which is this release's or an older one of its own */
function versionOf(db: DatabaseSync, path: string, newest: number): number {
  const { user_version: found } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found >= 1 && found <= newest) return found;
  throw unreadable(
    found > newest
      ? faulty(
          path,
          `was made by a newer release (version ${found}, this release reads up to ${newest})`,
          "run that release; the file was left as it is",
        )
      : faulty(path, "is not a ledger of this service", restoreOrBegin),
  );
}

/** All steps in one transaction under the write lock: another process meets the old schema or the new one. */
function migrate(db: DatabaseSync, path: string, migrations: readonly string[]): void {
  const newest = migrations.length;
  if (versionOf(db, path, newest) === newest) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have migrated the file while this one waited for the lock.
    const steps = migrations.slice(versionOf(db, path, newest));
    db.exec(`${steps.join("\n")} PRAGMA user_version = ${newest}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
