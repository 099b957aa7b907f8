import type { DatabaseSync } from "node:sqlite";
import type { LedgerName } from "../../../src/ports.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

/** All AI keys that are busy at once, and more. */
const maxCached = 20_000;

type TextRow = [text: string, expiresAt: number | null];

export interface SqliteTexts {
  /** `undefined` where there is none, or it has expired. */
  read(name: LedgerName, now: number): string | undefined;
  /** Inside a transaction, where what was read in an earlier one is still true. */
  readAgain(name: LedgerName, now: number): string | undefined;
  /** Inside a transaction. */
  write(name: LedgerName, text: string | undefined, expiresAt: number | null): void;
  sweep(now: number): void;
}

/** Exact short texts, with or without an end. */
export function createSqliteTexts(db: DatabaseSync, transactions: SqliteTransactions): SqliteTexts {
  const textRow = db.prepare("SELECT text, expires_at FROM texts WHERE name = ?");
  textRow.setReturnArrays(true);
  const putText = db.prepare(
    "INSERT INTO texts VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET text = ?2, expires_at = ?3",
  );
  const dropText = db.prepare("DELETE FROM texts WHERE name = ?");
  const dropExpired = db.prepare("DELETE FROM texts WHERE expires_at IS NOT NULL AND expires_at <= ?");
  const cached = new Map<LedgerName, TextRow | undefined>();
  transactions.caches.add({ flush() {}, clear: () => cached.clear() });

  const stored = (name: LedgerName) => textRow.get(name) as unknown as TextRow | undefined;
  const valid = (row: TextRow | undefined, now: number): string | undefined =>
    row === undefined || (row[1] !== null && row[1] <= now) ? undefined : row[0];

  return {
    read: (name, now) => valid(stored(name), now),
    readAgain(name, now) {
      let row = cached.get(name);
      if (row === undefined && !cached.has(name)) {
        row = stored(name);
        if (cached.size >= maxCached) cached.clear();
        cached.set(name, row);
      }
      return valid(row, now);
    },
    write(name, text, expiresAt) {
      cached.delete(name);
      if (text === undefined) dropText.run(name);
      else putText.run(name, text, expiresAt);
    },
    sweep: (now) => dropExpired.run(now),
  };
}
