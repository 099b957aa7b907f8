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
/**
 * Turns of the event loop for which a transaction waits for more company where it has some. Under load they are long
 * enough to bring it, and otherwise they pass within microseconds.
 */
const companyTurns = 3;
/** After a failure that nobody waits to hear of. */
const againMs = 100;
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
  /** Whether an operation that comes now has no company to share a transaction with. */
  isAlone(): boolean;
  /** Has the caches written within a few milliseconds, or by the next transaction, though no operation comes. */
  flushLate(): void;
  /**
   * Outside of a transaction: has the caches forget what another process may have changed since it was read. False where
   * that cannot be known now.
   */
  refresh(): boolean;
  /** Runs at once, outside of a transaction, and after what was to be written late. */
  read<T>(operation: () => T): Promise<T>;
  /** The same after all that the caches hold is written. */
  readCounters<T>(operation: () => T): Promise<T>;
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
 * The operations that arrive in one turn of the event loop share one transaction, and under load those of the next turns
 * too. An operation that throws takes nothing along: the transaction is rolled back and each of its operations is run
 * again alone.
 * @param caches rows kept between transactions: SQLite tells when another connection, of this process or another, has
 *   committed (`data_version`), and until then what was read under the lock is still true
 * @param explain turns what SQLite threw into what the caller is to see
 */
export function createSqliteTransactions(
  db: DatabaseSync,
  caches: Required<RowCache>,
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
  /** The caches hold something that is to be written. */
  let owed = false;

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
      flushAgain();
      return false;
    }
  }

  /** Outlives no store that is closed. */
  function flushAgain(): void {
    owed &&= !closed;
    if (owed) lateTurnIn(againMs);
  }

  /** Another connection's commit ends the truth of what was read. */
  function observe(): void {
    const [now] = dataVersion.get() as unknown as [number];
    if (now !== version) caches.clear();
    version = now;
  }

  function turn(): void {
    if (!begun()) return;
    const size = alone > 0 ? 1 : mostPerTransaction;
    const jobs = waiting.length <= size ? waiting : waiting.slice(0, size);
    waiting = waiting.slice(jobs.length);
    if (alone > 0) alone--;
    try {
      observe();
      for (const job of jobs) job.result = job.run();
      caches.flush();
      commit.run();
      owed = false;
      caches.ended(true);
      for (const job of jobs) job.resolve(job.result as never);
    } catch (error) {
      undo();
      caches.ended(false);
      caches.clear();
      if (jobs.length === 1) fail(jobs, error);
      else {
        waiting = [...jobs, ...waiting];
        alone = jobs.length;
      }
    }
    if (waiting.length > 0) setImmediate(turn);
    else {
      scheduled = false;
      flushAgain();
    }
  }

  const enqueue = <T>(operation: () => T) =>
    new Promise<T>((resolve, reject) => {
      if (closed) reject(new Problem("store_unwritable", "The store is closed"));
      else waiting.push({ run: operation, resolve, reject });
    });
  function schedule(begin: () => void): void {
    if (scheduled || (waiting.length === 0 && !owed)) return;
    scheduled = true;
    begin();
  }
  const nextTurn = () => void setImmediate(turn);
  const afterCompany = () => {
    let left = companyTurns;
    const wait = () => void setImmediate(--left > 0 ? wait : turn);
    wait();
  };
  const turnEnds = () => {
    company = arrived;
    arrived = 0;
  };
  const arrives = () => {
    if (arrived++ === 0) setImmediate(turnEnds);
  };
  const isAlone = () => company <= 1 && arrived === 0;
  const lateTurn = () => {
    isLateDue = false;
    schedule(turn);
  };
  function lateTurnIn(ms: number): void {
    if (scheduled || isLateDue) return;
    isLateDue = true;
    setTimeout(lateTurn, ms);
  }

  async function read<T>(operation: () => T): Promise<T> {
    schedule(turn);
    try {
      return operation();
    } catch (error) {
      if (!isBusy(error)) throw explain(error);
    }
    return whenFree(operation).catch((error) => {
      throw explain(error);
    });
  }

  return {
    write(operation) {
      const begin = isAlone() ? nextTurn : afterCompany;
      arrives();
      const written = enqueue(operation);
      schedule(begin);
      return written;
    },
    isAlone,
    writeSoon(operation) {
      const begin = isAlone() ? turn : afterCompany;
      arrives();
      const written = enqueue(operation);
      schedule(begin);
      return written;
    },
    writeLate(operation) {
      const written = enqueue(operation);
      lateTurnIn(lateMs);
      return written;
    },
    flushLate() {
      arrives();
      owed = true;
      lateTurnIn(lateMs);
    },
    refresh() {
      if (closed) return false;
      try {
        observe();
        return true;
      } catch {
        return false;
      }
    },
    read,
    async readCounters(operation) {
      schedule(turn);
      if (owed) {
        const flushed = enqueue(() => {});
        schedule(nextTurn);
        // A failure leaves the answer of a few milliseconds ago.
        await flushed.catch(() => {});
      }
      return await read(operation);
    },
    async drain() {
      closed = true;
      schedule(turn);
      while (scheduled) await sleep(1);
    },
  };
}
