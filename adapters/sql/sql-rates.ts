import type { LedgerName, RateDecision, RateRule } from "../../src/ports.ts";
import { passingPrefixes } from "../../src/storage/ledger-names.ts";
import { type SqlDriver, within } from "./sql-driver.ts";

type BucketRow = [cost: number, busyUntil: number, calls: number, lastAt: number | null];

/** Sliding windows as an exact log of hits; the cost inside the window is kept beside it, so that none adds it up. */
export function createSqlRates(db: SqlDriver) {
  const bucketRow = db.prepare("SELECT cost, busy_until, calls, last_at FROM buckets WHERE bucket = ?");
  const leave = db.prepare("DELETE FROM hits WHERE bucket = ? AND leaves_at <= ? RETURNING cost");
  const leaveFuture = db.prepare("DELETE FROM hits WHERE bucket = ? AND leaves_at > ? RETURNING cost");
  const oldest = db.prepare("SELECT leaves_at, cost FROM hits WHERE bucket = ? ORDER BY leaves_at");
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
  const sweepPassing = db.prepare("DELETE FROM buckets WHERE bucket >= ? AND bucket < ? AND busy_until <= ?");
  const sweepBuckets = db.prepare("UPDATE buckets SET cost = 0 WHERE cost > 0 AND busy_until <= ?");

  /** When `excess` will have left the window. */
  function freeAt(bucket: string, excess: number): number | undefined {
    let freed = 0;
    for (const [leavesAt, cost] of oldest.iterate<[number, number]>(bucket)) {
      freed += cost;
      if (freed >= excess) return leavesAt;
    }
    return undefined;
  }

  return {
    take(now: number, bucket: LedgerName, { limit, windowMs }: RateRule, cost: number): RateDecision {
      let [inside, busyUntil, calls, lastAt] = bucketRow.get<BucketRow>(bucket) ?? [0, now, 0, null];
      if (inside > 0) {
        const left = leave.all<[number]>(bucket, now);
        // A time that is yet to come: the clock was set back, and nobody is to wait until it is there again.
        if (busyUntil > now + windowMs) {
          busyUntil = now + windowMs;
          left.push(...leaveFuture.all<[number]>(bucket, busyUntil));
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
    },

    seen(bucket: LedgerName): { count: number; lastAt?: number } {
      const [, , count, lastAt] = bucketRow.get<BucketRow>(bucket) ?? [0, 0, 0, null];
      return lastAt === null ? { count } : { count, lastAt };
    },

    sweepRates(now: number): void {
      sweepHits.run(now);
      for (const prefix of passingPrefixes) sweepPassing.run(...within(prefix), now);
      sweepBuckets.run(now);
    },
  };
}
