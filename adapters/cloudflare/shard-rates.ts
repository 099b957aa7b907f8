import type { LedgerName, RateDecision, RateRule } from "../../src/ports.ts";
import { strangersPrefix } from "../../src/storage/ledger-names.ts";
import type { ShardSql } from "./shard-sql.ts";

/** Sliding windows: every hit by itself, with their sum beside them. */
export function createShardRates({ run, rows, first, each }: ShardSql) {
  /** The sliding window forgets what has left it; resolves what is still inside. */
  const prune = (now: number, bucket: string, windowMs: number): number => {
    const taken = first<{ taken: number }>("SELECT taken FROM buckets WHERE name = ?", bucket)?.taken ?? 0;
    const left = rows<{ cost: number }>(
      "DELETE FROM hits WHERE bucket = ? AND at <= ? RETURNING cost",
      bucket,
      now - windowMs,
    );
    if (left.length === 0) return taken;
    const rest = taken - left.reduce((sum, { cost }) => sum + cost, 0);
    run("UPDATE buckets SET taken = ? WHERE name = ?", rest, bucket);
    return rest;
  };
  /** When enough of the window's oldest hits have left it to free `needed`. */
  const freedAt = (now: number, bucket: string, windowMs: number, needed: number): number => {
    let freed = 0;
    const hits = each<{ at: number; cost: number }>("SELECT at, cost FROM hits WHERE bucket = ? ORDER BY at", bucket);
    for (const { at, cost } of hits) {
      freed += cost;
      if (freed >= needed) return at + windowMs;
    }
    return now + windowMs;
  };

  return {
    take(now: number, bucket: LedgerName, { limit, windowMs }: RateRule, cost: number): RateDecision {
      const taken = prune(now, bucket, windowMs);
      if (taken + cost > limit) {
        const resetAt = freedAt(now, bucket, windowMs, taken + cost - limit);
        return { allowed: false, remaining: Math.max(limit - taken, 0), resetAt };
      }
      run(
        "INSERT INTO hits (bucket, at, cost) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET cost = cost + ?3",
        bucket,
        now,
        cost,
      );
      run(
        `INSERT INTO buckets (name, taken, window, count, last) VALUES (?1, ?2, ?3, 1, ?4)
         ON CONFLICT DO UPDATE SET taken = ?2, window = ?3, count = count + 1, last = ?4`,
        bucket,
        taken + cost,
        windowMs,
        now,
      );
      return { allowed: true, remaining: limit - taken - cost, resetAt: now + windowMs };
    },

    seen(bucket: LedgerName): { count: number; lastAt?: number } {
      const row = first<{ count: number; last: number }>("SELECT count, last FROM buckets WHERE name = ?", bucket);
      return row ? { count: row.count, lastAt: row.last } : { count: 0 };
    },

    sweepRates(now: number): void {
      for (const { name, window } of rows<{ name: string; window: number }>("SELECT name, window FROM buckets")) {
        const rest = prune(now, name, window);
        if (rest === 0 && name.startsWith(strangersPrefix)) run("DELETE FROM buckets WHERE name = ?", name);
      }
    },
  };
}
