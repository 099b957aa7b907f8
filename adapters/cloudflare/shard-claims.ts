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
      const left = held?.note ?? null;
      const kept = taken ? (left ?? note ?? null) : (note ?? left);
      run("INSERT OR REPLACE INTO claims (name, owner, note, expires) VALUES (?, ?, ?, ?)", name, owner, kept, expires);
      return taken && left !== null ? { granted: true, abandoned: left } : { granted: true };
    },

    renew(
      now: number,
      name: LedgerName,
      { owner, ttlMs, note, from = owner }: { owner: string; ttlMs: number | null; note?: string; from?: string },
    ): boolean {
      const expires = ttlMs === null ? null : now + ttlMs;
      const renewed = first(
        "UPDATE claims SET owner = ?, expires = ?, note = coalesce(?, note) WHERE name = ? AND owner = ? RETURNING 1",
        owner,
        expires,
        note ?? null,
        name,
        from,
      );
      return renewed !== undefined;
    },

    holder: (name: LedgerName): string | undefined =>
      first<{ owner: string }>("SELECT owner FROM claims WHERE name = ?", name)?.owner,

    release: (name: LedgerName, owner: string): void =>
      run("DELETE FROM claims WHERE name = ? AND owner = ?", name, owner),

    /** Every claim that can be abandoned, and whether its time is over. */
    mortalClaims: (now: number): (Abandoned & { expired: boolean })[] =>
      rows<{ name: LedgerName; owner: string; note: string | null; expires: number }>(
        "SELECT name, owner, note, expires FROM claims WHERE expires IS NOT NULL",
      ).map(({ name, owner, note, expires }) => ({ name, owner, note: note ?? undefined, expired: expires <= now })),
  };
}
