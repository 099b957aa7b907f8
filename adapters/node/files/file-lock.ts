import { closeSync, lstatSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout as delay, setImmediate as nextTick } from "node:timers/promises";
import { Problem } from "../../../src/errors.ts";
import { unwritable } from "./atomic-write.ts";
import { unreadable } from "./private-file.ts";
import { isUnshared, sharingProblem, sharingRemedy } from "./sharing-fault.ts";
import { BUSY, CORRUPT, NOTADB, resultCode } from "./sqlite-codes.ts";

/** A lock over processes: a SQLite file's exclusive transaction, which the kernel ends with its process. */
export interface FileLock {
  /**
   * Runs alone among everybody who uses this file, in every process. The work's writes through `database` are committed
   * when it resolves and rolled back when it rejects. Not reentrant.
   * @throws Problem `store_unwritable` when the lock cannot be had within `waitMs`
   */
  run<T>(work: (database: DatabaseSync) => T | Promise<T>): Promise<T>;
  /** Rejects where the file that is there can be no lock: whoever needs it would find that out. */
  check(): Promise<void>;
  close(): Promise<void>;
}

interface Connection {
  database: DatabaseSync;
  begin: StatementSync;
  end: StatementSync;
}

/** Makes the file where it is missing. An existing file is enough for a lock that is not `logged`. */
export function makeLockFile(path: string): void {
  try {
    // SQLite gives -wal and -shm the mode of the database, so it is enough that this file is born private. It must
    // not be opened here when it exists: closing any descriptor of it would drop this process's POSIX locks.
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function open(path: string, schema: string, logged: boolean): Connection {
  makeLockFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // NORMAL: a crash of the machine may lose the last commits but cannot corrupt the file. Nothing kept here is
    // the only copy. Small pages, because a commit writes whole ones.
    const log = `PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${schema}`;
    database.exec(logged ? log : "PRAGMA journal_mode = MEMORY");
    // A commit would write even the first page of an empty database.
    const end = database.prepare(logged ? "COMMIT" : "ROLLBACK");
    return { database, begin: database.prepare("BEGIN IMMEDIATE"), end };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * A lock between processes: SQLite's write lock on a file of its own, which the kernel releases when its holder
 * dies. Waiting never blocks the event loop.
 * @param schema made once (`CREATE TABLE IF NOT EXISTS ...`), for the little that is to change together with the lock
 * @param logged false where nothing is to change: taken and let go, the lock then needs no room on the disk
 */
export function createFileLock(path: string, { schema = "", logged = true, waitMs = 15_000 } = {}): FileLock {
  let connection: Connection | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let closed = false;

  const begin = async (): Promise<Connection> => {
    const deadline = performance.now() + waitMs;
    for (let attempt = 0; ; attempt++) {
      try {
        connection ??= open(path, schema, logged);
        connection.begin.run();
        return connection;
      } catch (error) {
        const code = resultCode(error);
        const file = `${basename(dirname(path))}/${basename(path)}`;
        const faulty = (problem: string, remedy: string) =>
          unreadable({ file, problem, remedy, fixable: false }, error);
        if (code === NOTADB || code === CORRUPT)
          throw faulty("is damaged", "stop the service and remove it; it is made anew");
        if (isUnshared(path, error)) throw faulty(sharingProblem, sharingRemedy);
        if (code !== BUSY) throw unwritable(error);
        if (performance.now() > deadline) {
          throw new Problem("store_unwritable", "Another process holds the store", { cause: error });
        }
      }
      // Holders keep it for a few milliseconds; the jitter keeps waiters from meeting again and again.
      await (attempt < 4 ? nextTick() : delay(1 + Math.random() * 4));
    }
  };

  const rollBack = ({ database }: Connection): void => {
    try {
      if (database.isTransaction) database.exec("ROLLBACK");
    } catch {
      // Closing lets the lock go whatever state the connection is in.
      database.close();
      connection = undefined;
    }
  };

  const locked = async <T>(work: (database: DatabaseSync) => T | Promise<T>): Promise<T> => {
    const held = await begin();
    try {
      const result = await work(held.database);
      held.end.run();
      return result;
    } catch (error) {
      rollBack(held);
      throw resultCode(error) === undefined ? error : unwritable(error);
    }
  };

  function run<T>(work: (database: DatabaseSync) => T | Promise<T>): Promise<T> {
    if (closed) return Promise.reject(new Problem("store_unwritable", "The store is closed"));
    const result = queue.then(() => locked(work));
    queue = result.catch(() => {});
    return result;
  }

  return {
    run,
    async check() {
      if (lstatSync(path, { throwIfNoEntry: false })?.size) await run(() => undefined);
    },
    async close() {
      closed = true;
      await queue;
      connection?.database.close();
      connection = undefined;
    },
  };
}
