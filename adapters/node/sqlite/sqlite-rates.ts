import type { DatabaseSync } from "node:sqlite";
import type { Clock, Ledger } from "../../../src/ports.ts";
import { strangersPrefix } from "../../../src/storage/ledger-names.ts";
import { within } from "./sqlite-counters.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

type BucketRow = [cost: number, busyUntil: number, calls: number, lastAt: number | null];

/** Sliding windows as an exact log of hits; the cost inside the window is kept beside it, so that none adds it up. */
export function createSqliteRates(
  db: DatabaseSync,
  transactions: SqliteTransactions,
  clock: Clock,
  sweepWhenDue: () => void,
): Pick<Ledger, "take" | "seen"> & { sweep(now: number): void } {
  const bucketRow = db.prepare("SELECT cost, busy_until, calls, last_at FROM buckets WHERE bucket = ?");
  bucketRow.setReturnArrays(true);
  const leave = db.prepare("DELETE FROM hits WHERE bucket = ? AND leaves_at <= ? RETURNING cost");
  leave.setReturnArrays(true);
  const leaveFuture = db.prepare("DELETE FROM hits WHERE bucket = ? AND leaves_at > ? RETURNING cost");
  leaveFuture.setReturnArrays(true);
  const oldest = db.prepare("SELECT leaves_at, cost FROM hits WHERE bucket = ? ORDER BY leaves_at");
  oldest.setReturnArrays(true);
  const hit = db.prepare(
    "INSERT INTO hits VALUES (?, ?, ?) ON CONFLICT (bucket, leaves_at) DO UPDATE SET cost = cost + excluded.cost",
  );
  const putBucket = db.prepare(
    `INSERT INTO buckets VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (bucket)
     DO UPDATE SET cost = ?2, busy_until = ?3, calls = ?4, last_at = ?5`,
  );
  const sweepHits = db.prepare(
    "DELETE FROM hits WHERE bucket IN (SELECT bucket FROM buckets WHERE cost > 0 AND busy_until <= ?)",
  );
  const sweepStrangers = db.prepare("DELETE FROM buckets WHERE bucket >= ? AND bucket < ? AND busy_until <= ?");
  const sweepBuckets = db.prepare("UPDATE buckets SET cost = 0 WHERE cost > 0 AND busy_until <= ?");

  /** When `excess` will have left the window. */
  function freeAt(bucket: string, excess: number): number | undefined {
    let freed = 0;
    for (const row of oldest.iterate(bucket) as Iterable<unknown>) {
      const [leavesAt, cost] = row as [number, number];
      freed += cost;
      if (freed >= excess) return leavesAt;
    }
    return undefined;
  }

  return {
    take: (bucket, { limit, windowMs }, cost = 1) =>
      transactions.write(() => {
        sweepWhenDue();
        const now = clock.now();
        const row = bucketRow.get(bucket) as unknown as BucketRow | undefined;
        let [inside, busyUntil, calls, lastAt] = row ?? [0, now, 0, null];
        if (inside > 0) {
          const left = leave.all(bucket, now) as unknown as [number][];
          // Of a time that is not yet: the clock was set back, and nobody is to wait until it is there again.
          if (busyUntil > now + windowMs) {
            busyUntil = now + windowMs;
            left.push(...(leaveFuture.all(bucket, busyUntil) as unknown as [number][]));
          }
          for (const [gone] of left) inside -= gone;
          if (left.length > 0) putBucket.run(bucket, inside, busyUntil, calls, lastAt);
        }
        if (inside + cost > limit) {
          const resetAt = (cost <= limit ? freeAt(bucket, inside + cost - limit) : undefined) ?? now + windowMs;
          return { allowed: false, remaining: Math.max(0, limit - inside), resetAt };
        }
        if (cost > 0) {
          inside += cost;
          busyUntil = Math.max(busyUntil, now + windowMs);
          hit.run(bucket, now + windowMs, cost);
          putBucket.run(bucket, inside, busyUntil, calls + 1, now);
        }
        return { allowed: true, remaining: limit - inside, resetAt: inside > 0 ? busyUntil : now };
      }),

    seen: (bucket) =>
      transactions.read(() => {
        const row = bucketRow.get(bucket) as unknown as BucketRow | undefined;
        const [, , count, lastAt] = row ?? [0, 0, 0, null];
        return lastAt === null ? { count } : { count, lastAt };
      }),

    sweep(now) {
      sweepHits.run(now);
      sweepStrangers.run(...within(strangersPrefix), now);
      sweepBuckets.run(now);
    },
  };
}
