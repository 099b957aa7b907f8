import { claimLease } from "../../src/domain/claim-lease.ts";
import type { Abandoned, Leases, LedgerName } from "../../src/ports.ts";
import type { SqlDriver } from "./sql-driver.ts";

type LeaseRow = [owner: string, expiresAt: number | null, note: string | null];
type Claim = Parameters<Leases["claim"]>[1];
type Renewal = Parameters<Leases["renew"]>[1];

/** Names that one owner has at a time. */
export function createSqlLeases(db: SqlDriver) {
  const leaseRow = db.prepare("SELECT owner, expires_at, note FROM claims WHERE name = ?");
  const putLease = db.prepare(
    `INSERT INTO claims VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
     DO UPDATE SET owner = ?2, expires_at = ?3, note = ?4`,
  );
  const renewLease = db.prepare(
    "UPDATE claims SET owner = ?2, expires_at = ?3, note = coalesce(?4, note) WHERE name = ?1 AND owner = ?5",
  );
  const dropLease = db.prepare("DELETE FROM claims WHERE name = ? AND owner = ?");
  const endingLeases = db.prepare(
    "SELECT name, owner, expires_at, note FROM claims WHERE expires_at IS NOT NULL ORDER BY name",
  );

  return {
    claim(now: number, name: LedgerName, claim: Claim): Awaited<ReturnType<Leases["claim"]>> {
      const row = leaseRow.get<LeaseRow>(name);
      const claimed = claimLease(row && { owner: row[0], expiresAt: row[1], note: row[2] }, claim, now);
      if (!claimed.granted) return claimed;
      const { lease, ...answer } = claimed;
      putLease.run(name, lease.owner, lease.expiresAt, lease.note);
      return answer;
    },

    renew(now: number, name: LedgerName, { owner, ttlMs, note, from = owner }: Renewal): boolean {
      const expiry = ttlMs === null ? null : now + ttlMs;
      return renewLease.run(name, owner, expiry, note ?? null, from).changes !== 0;
    },

    holder: (name: LedgerName): string | undefined => leaseRow.get<LeaseRow>(name)?.[0],

    release(name: LedgerName, owner: string): void {
      dropLease.run(name, owner);
    },

    /** Every lease that can be abandoned, and whether its time is over. */
    ending: (now: number): (Abandoned & { expired: boolean })[] =>
      endingLeases
        .all<[LedgerName, string, number, string | null]>()
        .map(([name, owner, expiresAt, note]) => ({ name, owner, note: note ?? undefined, expired: expiresAt <= now })),
  };
}
