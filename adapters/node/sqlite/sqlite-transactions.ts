import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { retry } from "../../../src/domain/retry.ts";
import { Problem } from "../../../src/errors.ts";
import type { RowCache } from "../../sql/row-cache.ts";
import { isBusy } from "./sqlite-file.ts";

/** So that a flood of work does not hold the event loop, nor the lock that other processes wait for. */
const mostPerTransaction = 512;
/** Others hold the lock for a few milliseconds: whoever waits longer has met a fault. */
const patienceMs = 5_000;
/** A key's next request, or another's, is likely to come within it. */
const lateMs = 4;
const pause = (attempt: number) => Math.min(1 + attempt / 4, 10) * (0.5 + Math.random());

/** Writers that arrive together share a transaction, and so one commit. */
export interface SqliteTransactions {
  /** Resolves when the transaction that `operation` shared is committed. It is synchronous and may run twice. */
  write<T>(operation: () => T): Promise<T>;
  /** The same for what a request waits for: at once, unless there is company to share the transaction with. */
  writeSoon<T>(operation: () => T): Promise<T>;
  /**
   * The same for what nobody waits for: it goes along with the next transaction, and has one of its own where none comes
   * within a few milliseconds.
   */
  writeLate<T>(operation: () => T): Promise<T>;
  /** Runs at once, outside of a transaction, and after what was to be written late. */
  read<T>(operation: () => T): Promise<T>;
  /** Takes nothing more, and resolves when nothing waits. */
  drain(): Promise<void>;
}

interface Job {
  run: () => unknown;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
  result?: unknown;
}

/** Waits for another process's lock without holding up the event loop (SQLite's own timeout would). */
export async function whenFree<T>(operation: () => T): Promise<T> {
  const begun = performance.now();
  return await retry(operation, {
    isRetryable: (error) => isBusy(error) && performance.now() - begun <= patienceMs,
    delays: (_, attempt) => pause(attempt),
  });
}

/**
 * The operations that arrive in one turn of the event loop share one transaction. An operation that throws takes
 * nothing along: the transaction is rolled back and each of its operations is run again alone.
 * @param caches rows kept between transactions: SQLite tells when another connection, of this process or another, has
 *   committed (`data_version`), and until then what was read under the lock is still true
 * @param explain turns what SQLite threw into what the caller is to see
 */
export function createSqliteTransactions(
  db: DatabaseSync,
  caches: RowCache,
  explain: (error: unknown) => unknown,
): SqliteTransactions {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const dataVersion = db.prepare("PRAGMA data_version");
  dataVersion.setReturnArrays(true);
  let version = -1;
  let waiting: Job[] = [];
  let scheduled = false;
  /** Operations of the present turn of the event loop, and of the one before that had any. */
  let arrived = 0;
  let company = 0;
  let alone = 0;
  let busySince: number | undefined;
  let attempt = 0;
  let closed = false;
  let isLateDue = false;

  function fail(jobs: Job[], error: unknown): void {
    const problem = explain(error);
    for (const job of jobs) job.reject(problem);
  }

  function undo(): void {
    // After a full disk or a failed read SQLite may have rolled back by itself.
    try {
      if (db.isTransaction) db.exec("ROLLBACK");
    } catch {
      // The disk is failing. BEGIN refuses while the transaction stands, so nothing is taken for written.
    }
  }

  /** False where this turn is over: another process has the lock, or the store cannot be written. */
  function begun(): boolean {
    try {
      begin.run();
      busySince = undefined;
      attempt = 0;
      return true;
    } catch (error) {
      if (isBusy(error)) {
        busySince ??= performance.now();
        if (performance.now() - busySince < patienceMs) {
          setTimeout(turn, pause(attempt++));
          return false;
        }
      }
      busySince = undefined;
      alone = 0;
      scheduled = false;
      fail(waiting.splice(0), error);
      return false;
    }
  }

  function turn(): void {
    if (!begun()) return;
    const size = alone > 0 ? 1 : mostPerTransaction;
    const jobs = waiting.length <= size ? waiting : waiting.slice(0, size);
    waiting = waiting.slice(jobs.length);
    if (alone > 0) alone--;
    try {
      const [now] = dataVersion.get() as unknown as [number];
      if (now !== version) caches.clear();
      version = now;
      for (const job of jobs) job.result = job.run();
      caches.flush();
      commit.run();
      for (const job of jobs) job.resolve(job.result as never);
    } catch (error) {
      undo();
      caches.clear();
      if (jobs.length === 1) fail(jobs, error);
      else {
        waiting = [...jobs, ...waiting];
        alone = jobs.length;
      }
    }
    if (waiting.length > 0) setImmediate(turn);
    else scheduled = false;
  }

  const enqueue = <T>(operation: () => T) =>
    new Promise<T>((resolve, reject) => {
      if (closed) reject(new Problem("store_unwritable", "The store is closed"));
      else waiting.push({ run: operation, resolve, reject });
    });
  function schedule(begin: () => void): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    begin();
  }
  const nextTurn = () => void setImmediate(turn);
  const turnEnds = () => {
    company = arrived;
    arrived = 0;
  };
  const arrives = () => {
    if (arrived++ === 0) setImmediate(turnEnds);
  };
  const lateTurn = () => {
    isLateDue = false;
    schedule(turn);
  };

  return {
    write(operation) {
      arrives();
      const written = enqueue(operation);
      schedule(nextTurn);
      return written;
    },
    writeSoon(operation) {
      const isAlone = company <= 1 && arrived === 0;
      arrives();
      const written = enqueue(operation);
      schedule(isAlone ? turn : nextTurn);
      return written;
    },
    writeLate(operation) {
      const written = enqueue(operation);
      if (!scheduled && !isLateDue) {
        isLateDue = true;
        setTimeout(lateTurn, lateMs);
      }
      return written;
    },
    async read(operation) {
      schedule(turn);
      try {
        return operation();
      } catch (error) {
        if (!isBusy(error)) throw explain(error);
      }
      return whenFree(operation).catch((error) => {
        throw explain(error);
      });
    },
    async drain() {
      closed = true;
      schedule(turn);
      while (scheduled) await sleep(1);
    },
  };
}
