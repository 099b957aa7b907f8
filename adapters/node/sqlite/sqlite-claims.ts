import type { DatabaseSync } from "node:sqlite";
import type { Abandoned, Clock, Ledger, LedgerName } from "../../../src/ports.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

type ClaimRow = [owner: string, expiresAt: number | null, note: string | null];

export function createSqliteClaims(
  db: DatabaseSync,
  transactions: SqliteTransactions,
  clock: Clock,
): Pick<Ledger, "claim" | "renew" | "holder" | "release" | "abandoned"> {
  const claimRow = db.prepare("SELECT owner, expires_at, note FROM claims WHERE name = ?");
  claimRow.setReturnArrays(true);
  const putClaim = db.prepare(
    `INSERT INTO claims VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
     DO UPDATE SET owner = ?2, expires_at = ?3, note = ?4`,
  );
  const renewClaim = db.prepare(
    "UPDATE claims SET owner = ?2, expires_at = ?3, note = coalesce(?4, note) WHERE name = ?1 AND owner = ?5",
  );
  const dropClaim = db.prepare("DELETE FROM claims WHERE name = ? AND owner = ?");
  const endingClaims = db.prepare(
    "SELECT name, owner, expires_at, note FROM claims WHERE expires_at IS NOT NULL ORDER BY name",
  );
  endingClaims.setReturnArrays(true);

  return {
    claim: (name, { owner, ttlMs, note }) =>
      transactions.write(() => {
        const now = clock.now();
        const [holder, expiresAt, left] = (claimRow.get(name) as unknown as ClaimRow | undefined) ?? [];
        const mine = holder === owner;
        const expired = expiresAt != null && expiresAt <= now;
        if (holder !== undefined && !mine && !expired) return { granted: false, owner: holder };
        const expiry = ttlMs === null ? null : now + ttlMs;
        const kept = left ?? null;
        putClaim.run(name, owner, expiry, mine ? (note ?? kept) : (kept ?? note ?? null));
        return mine || left == null ? { granted: true } : { granted: true, abandoned: left };
      }),

    renew: (name, { owner, ttlMs, note, from = owner }) =>
      transactions.write(() => {
        const expiry = ttlMs === null ? null : clock.now() + ttlMs;
        return renewClaim.run(name, owner, expiry, note ?? null, from).changes === 1;
      }),

    holder: (name) => transactions.read(() => (claimRow.get(name) as unknown as ClaimRow | undefined)?.[0]),

    release: (name, owner) =>
      transactions.write(() => {
        dropClaim.run(name, owner);
      }),

    abandoned: (isGone) =>
      transactions.read(() => {
        const now = clock.now();
        const rows = endingClaims.all() as unknown as [LedgerName, string, number, string | null][];
        return rows
          .filter(([, owner, expiresAt]) => expiresAt <= now || isGone(owner))
          .map(([name, owner, , note]): Abandoned => ({ name, owner, note: note ?? undefined }));
      }),
  };
}
