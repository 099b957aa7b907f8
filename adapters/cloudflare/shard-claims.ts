import type { Abandoned, LedgerName } from "../../src/ports.ts";
import type { ShardSql } from "./shard-sql.ts";

/** Names that one owner has at a time. */
export function createShardClaims({ run, rows, first }: ShardSql) {
  return {
    claim(
      now: number,
      name: LedgerName,
      { owner, ttlMs, note }: { owner: string; ttlMs: number | null; note?: string },
    ): { granted: true; abandoned?: string } | { granted: false; owner: string } {
      const held = first<{ owner: string; note: string | null; expires: number | null }>(
        "SELECT owner, note, expires FROM claims WHERE name = ?",
        name,
      );
      const taken = held && held.owner !== owner;
      if (taken && (held.expires === null || held.expires > now)) return { granted: false, owner: held.owner };
      const expires = ttlMs === null ? null : now + ttlMs;
      run(
        "INSERT OR REPLACE INTO claims (name, owner, note, expires) VALUES (?, ?, ?, ?)",
        name,
        owner,
        note ?? null,
        expires,
      );
      return taken && held.note !== null ? { granted: true, abandoned: held.note } : { granted: true };
    },

    release: (name: LedgerName, owner: string): void =>
      run("DELETE FROM claims WHERE name = ? AND owner = ?", name, owner),

    /** Every claim that can be abandoned, and whether its time is over. */
    mortalClaims: (now: number): (Abandoned & { expired: boolean })[] =>
      rows<{ name: LedgerName; owner: string; note: string | null; expires: number }>(
        "SELECT name, owner, note, expires FROM claims WHERE expires IS NOT NULL",
      ).map(({ name, owner, note, expires }) => ({ name, owner, note: note ?? undefined, expired: expires <= now })),
  };
}
