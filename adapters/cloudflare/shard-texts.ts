import type { LedgerName } from "../../src/ports.ts";
import type { ShardSql } from "./shard-sql.ts";

/** Exact short texts. */
export function createShardTexts({ run, first }: ShardSql) {
  const get = (now: number, name: string): string | undefined =>
    first<{ text: string }>("SELECT text FROM texts WHERE name = ? AND (expires IS NULL OR expires > ?)", name, now)
      ?.text;

  function put(now: number, name: LedgerName, value: string | undefined, ttlMs?: number): void {
    if (value === undefined) {
      run("DELETE FROM texts WHERE name = ?", name);
      return;
    }
    const expires = ttlMs === undefined ? null : now + ttlMs;
    run("INSERT OR REPLACE INTO texts (name, text, expires) VALUES (?, ?, ?)", name, value, expires);
  }

  return {
    get,
    put,

    replace(
      now: number,
      name: LedgerName,
      expected: string | undefined,
      value: string | undefined,
      ttlMs?: number,
    ): boolean {
      const current = get(now, name);
      if (current !== expected && current !== value) return false;
      put(now, name, value, ttlMs);
      return true;
    },

    sweepTexts: (now: number): void => run("DELETE FROM texts WHERE expires <= ?", now),
  };
}
export type ShardTexts = ReturnType<typeof createShardTexts>;
