import { staleReservationMs } from "../../src/domain/quota.ts";
import type { LedgerName, OutboxMessage } from "../../src/ports.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import { within } from "../sql/sql-driver.ts";
import { createSqlFleet } from "../sql/sql-fleet.ts";
import { createSqlLedger } from "../sql/sql-ledger.ts";
import { openDurableSql } from "./durable-sql.ts";

export const hourMs = 3_600_000;

/** A metered call ends, and with it its reservation; others hold a place for as long as an agent lives. */
const metered = aiKeyLedger("").all.replace(/\/.*/, "");

/** Whether use of this name is summed up over all. */
export const isSummed = (name: LedgerName): boolean => name.startsWith(metered);

/** One shard of the ledger over one Durable Object's SQLite, and the upkeep that an alarm does. */
export function createLedgerShard(storage: DurableObjectStorage) {
  const db = openDurableSql(storage);
  const ledger = createSqlLedger(db, { sumsAll: false });
  const oldest = db.prepare("SELECT min(created_at) FROM reservations WHERE id >= ? AND id < ?");
  const expired = db.prepare("SELECT 1 FROM claims WHERE expires_at <= ?");
  const passing = db.prepare(
    `SELECT (SELECT min(expires_at) FROM claims), (SELECT min(expires_at) FROM texts),
       EXISTS (SELECT 1 FROM hits) OR EXISTS (SELECT 1 FROM counters WHERE length(period) = 16)`,
  );
  const passed = db.prepare("SELECT cause, type, at, data, used, keep_until FROM messages LIMIT 100");
  const brought = db.prepare("DELETE FROM messages WHERE cause = ?");
  // Days and months are few and stay; of minutes there would be half a million a year.
  const sweepMinutes = db.prepare("DELETE FROM counters WHERE length(period) = 16 AND reserved = 0 AND period < ?");

  /** When the oldest of the reservations that are to be settled was made. */
  const oldestMetered = (): number | undefined => oldest.get<[number | null]>(...within(metered))?.[0] ?? undefined;

  return {
    ...ledger,
    ...createSqlFleet(db, ledger.caches, ledger.rows),
    migrate: db.migrate,
    isEmpty: db.isEmpty,

    /** Alerts that settlements left, for the outbox. */
    passed: (): OutboxMessage[] =>
      passed
        .all<[string, string, number, string, number | null, number]>()
        .map(([cause, type, at, data, used, keepUntil]) => ({
          cause,
          type,
          at,
          data,
          used: used ?? undefined,
          keepUntil,
        })),
    /** They are in the outbox. */
    brought(causes: readonly string[]): void {
      for (const cause of causes) brought.run(cause);
    },

    /** Whether somebody has to look here: a lease that ran out, or a reservation that nobody settles. */
    hasLeftovers: (now: number): boolean =>
      expired.get(now) !== undefined || (oldestMetered() ?? now) <= now - staleReservationMs,

    sweep(now: number): void {
      ledger.sweep(now);
      sweepMinutes.run(new Date(now - hourMs).toISOString().slice(0, 16));
      ledger.caches.clear();
    },

    /** When to sweep next; `undefined` where nothing passes with time. */
    nextSweep(now: number): number | undefined {
      const [lease, text, passes] = passing.get<[number | null, number | null, number]>() ?? [null, null, 0];
      const reservation = oldestMetered();
      const due: number[] = [];
      if (lease !== null) due.push(lease);
      if (text !== null) due.push(text);
      if (reservation !== undefined) due.push(reservation + staleReservationMs);
      // A time that was due already has left its note. The object is looked at again in case the note got lost.
      const at = due.map((time) => (time <= now ? now + hourMs : time));
      if (passes === 1) at.push(now + hourMs);
      return at.length > 0 ? Math.min(...at) : undefined;
    },
  };
}
export type LedgerShard = ReturnType<typeof createLedgerShard>;
