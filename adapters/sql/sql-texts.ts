import type { LedgerName } from "../../src/ports.ts";
import type { CacheGroup } from "./row-cache.ts";
import type { SqlDriver } from "./sql-driver.ts";

/** All AI keys that are busy at once, and more. */
const maxCached = 20_000;

type TextRow = [text: string, expiresAt: number | null];

/** Exact short texts, with or without an end. */
export function createSqlTexts(db: SqlDriver, caches: CacheGroup) {
  const textRow = db.prepare("SELECT text, expires_at FROM texts WHERE name = ?");
  const putText = db.prepare(
    "INSERT INTO texts VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET text = ?2, expires_at = ?3",
  );
  const dropText = db.prepare("DELETE FROM texts WHERE name = ?");
  const dropExpired = db.prepare("DELETE FROM texts WHERE expires_at IS NOT NULL AND expires_at <= ?");
  const cached = new Map<LedgerName, TextRow | undefined>();
  caches.add({ flush() {}, clear: () => cached.clear() });

  const valid = (row: TextRow | undefined, now: number): string | undefined =>
    row === undefined || (row[1] !== null && row[1] <= now) ? undefined : row[0];
  const get = (now: number, name: LedgerName): string | undefined => valid(textRow.get<TextRow>(name), now);

  function put(now: number, name: LedgerName, text: string | undefined, ttlMs?: number): void {
    cached.delete(name);
    if (text === undefined) dropText.run(name);
    else putText.run(name, text, ttlMs === undefined ? null : now + ttlMs);
  }

  return {
    /** `undefined` where there is none, or it has expired. */
    get,
    put,

    /** Inside a transaction, where what was read in an earlier one is still true. */
    readAgain(now: number, name: LedgerName): string | undefined {
      let row = cached.get(name);
      if (row === undefined && !cached.has(name)) {
        row = textRow.get<TextRow>(name);
        if (cached.size >= maxCached) cached.clear();
        cached.set(name, row);
      }
      return valid(row, now);
    },

    replace(
      now: number,
      name: LedgerName,
      expected: string | undefined,
      text: string | undefined,
      ttlMs?: number,
    ): boolean {
      const current = get(now, name);
      if (current !== expected && current !== text) return false;
      put(now, name, text, ttlMs);
      return true;
    },

    sweepTexts(now: number): void {
      dropExpired.run(now);
    },
  };
}
export type SqlTexts = ReturnType<typeof createSqlTexts>;
