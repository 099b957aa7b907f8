import type {
  Abandoned,
  CounterReservation,
  CounterState,
  LedgerName,
  RateDecision,
  RateRule,
  Reserved,
  UsageEntry,
  UsageRow,
} from "../../src/ports.ts";
import { addressFailures, aiKeyLedger } from "../../src/storage/ledger-names.ts";

/** `WITHOUT ROWID`: an index of its own would count, and cost, as a second written row. */
const tables = `
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, taken INTEGER NOT NULL, window INTEGER NOT NULL,
    count INTEGER NOT NULL, last INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hits (bucket TEXT NOT NULL, at INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (bucket, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (name TEXT NOT NULL, period TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, period)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, at INTEGER NOT NULL, entries TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage (name TEXT NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    requests INTEGER NOT NULL, inputTokens INTEGER NOT NULL, outputTokens INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, day, model)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, expires INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL, note TEXT, expires INTEGER) WITHOUT ROWID;
`;
const tableNames = ["buckets", "hits", "counters", "reservations", "usage", "texts", "claims"] as const;

type Entry = Pick<CounterReservation, "counter" | "period" | "amount">;
/** A metered call may still be running; and whoever looks meanwhile finds that there is nothing to do. */
export const reservationPatienceMs = 3_600_000;
export const hourMs = 3_600_000;
/** Failing addresses are a stranger's to choose: of them nothing stays once their window has passed. */
const strangers = addressFailures("").replace(/\/.*/, "");
/** A metered call ends, and with it its reservation; others hold a place for as long as an agent lives. */
const metered = aiKeyLedger("").all.replace(/\/.*/, "");

/** One shard of the ledger over one SQLite database. Every method runs to its end without yielding. */
export function createLedgerShard(sql: SqlStorage) {
  const rows = <T extends object>(query: string, ...values: SqlStorageValue[]): T[] =>
    sql.exec(query, ...values).toArray() as unknown as T[];
  const first = <T extends object>(query: string, ...values: SqlStorageValue[]): T | undefined =>
    rows<T>(query, ...values)[0];

  const counterState = (counter: string, period: string): CounterState =>
    first("SELECT used, reserved FROM counters WHERE name = ? AND period = ?", counter, period) ?? {
      used: 0,
      reserved: 0,
    };
  const changeCounter = (counter: string, period: string, used: number, reserved: number): void => {
    sql.exec(
      `INSERT INTO counters (name, period, used, reserved) VALUES (?1, ?2, MAX(?3, 0), MAX(?4, 0))
       ON CONFLICT DO UPDATE SET used = MAX(used + ?3, 0), reserved = MAX(reserved + ?4, 0)`,
      counter,
      period,
      used,
      reserved,
    );
  };
  const text = (now: number, name: string): string | undefined =>
    first<{ text: string }>("SELECT text FROM texts WHERE name = ? AND (expires IS NULL OR expires > ?)", name, now)
      ?.text;
  const openEntries = (id: string): Entry[] | undefined => {
    const row = first<{ entries: string }>("SELECT entries FROM reservations WHERE id = ?", id);
    return row && (JSON.parse(row.entries) as Entry[]);
  };
  const close = (id: string, entries: Entry[], actual: Record<string, number> | "reserved"): void => {
    for (const { counter, period, amount } of entries) {
      changeCounter(counter, period, actual === "reserved" ? amount : (actual[counter] ?? 0), -amount);
    }
    sql.exec("DELETE FROM reservations WHERE id = ?", id);
  };
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
    sql.exec("UPDATE buckets SET taken = ? WHERE name = ?", rest, bucket);
    return rest;
  };
  /** When enough of the window's oldest hits have left it to free `needed`. */
  const freedAt = (now: number, bucket: string, windowMs: number, needed: number): number => {
    let freed = 0;
    for (const hit of sql.exec("SELECT at, cost FROM hits WHERE bucket = ? ORDER BY at", bucket)) {
      freed += hit.cost as number;
      if (freed >= needed) return (hit.at as number) + windowMs;
    }
    return now + windowMs;
  };

  /** When the oldest of those that are to be settled was made. */
  const passingReservation = (): number | undefined =>
    first<{ at: number | null }>("SELECT MIN(at) AS at FROM reservations WHERE substr(id, 1, length(?1)) = ?1", metered)
      ?.at ?? undefined;

  return {
    /** Whether there was nothing before. */
    prepare(): boolean {
      const isNew = first("SELECT 1 FROM sqlite_master WHERE name = 'claims'") === undefined;
      if (isNew) sql.exec(tables);
      return isNew;
    },

    take(now: number, bucket: LedgerName, { limit, windowMs }: RateRule, cost: number): RateDecision {
      const taken = prune(now, bucket, windowMs);
      if (taken + cost > limit) {
        const resetAt = freedAt(now, bucket, windowMs, taken + cost - limit);
        return { allowed: false, remaining: Math.max(limit - taken, 0), resetAt };
      }
      sql.exec(
        "INSERT INTO hits (bucket, at, cost) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET cost = cost + ?3",
        bucket,
        now,
        cost,
      );
      sql.exec(
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

    reserve(
      now: number,
      id: LedgerName,
      entries: CounterReservation[],
      expect?: { name: LedgerName; text: string },
    ): Reserved {
      const held = expect && text(now, expect.name);
      if (held !== undefined && held !== expect?.text) return { outcome: "changed", text: held };
      // A repeated call (its first answer was lost on the way) must not charge twice.
      if (openEntries(id)) return { outcome: "reserved" };
      const pending = new Map<string, Entry>();
      for (const { counter, period, limit, amount } of entries) {
        const state = counterState(counter, period);
        const place = `${counter} ${period}`;
        const before = pending.get(place)?.amount ?? 0;
        const reserved = state.reserved + before;
        if (limit !== null && state.used + reserved + amount > limit) {
          return { outcome: "exceeded", exceeded: { counter, period, limit, amount, used: state.used, reserved } };
        }
        pending.set(place, { counter, period, amount: before + amount });
      }
      const kept = [...pending.values()];
      for (const { counter, period, amount } of kept) changeCounter(counter, period, 0, amount);
      sql.exec("INSERT INTO reservations (id, at, entries) VALUES (?, ?, ?)", id, now, JSON.stringify(kept));
      return { outcome: "reserved" };
    },

    settle(id: LedgerName, actual: Record<LedgerName, number> | "reserved", usage?: UsageEntry): void {
      const entries = openEntries(id);
      if (!entries) return;
      close(id, entries, actual);
      if (!usage) return;
      sql.exec(
        `INSERT INTO usage (name, day, model, requests, inputTokens, outputTokens, tokens) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens,
           inputTokens = inputTokens + excluded.inputTokens, outputTokens = outputTokens + excluded.outputTokens`,
        usage.name,
        usage.day,
        usage.model,
        usage.requests,
        usage.inputTokens,
        usage.outputTokens,
        usage.tokens,
      );
    },

    settleStale(now: number, prefix: string, olderThanMs: number): number {
      const stale = rows<{ id: string; entries: string }>(
        "SELECT id, entries FROM reservations WHERE substr(id, 1, length(?1)) = ?1 AND at < ?2",
        prefix,
        now - olderThanMs,
      );
      for (const { id, entries } of stale) close(id, JSON.parse(entries) as Entry[], "reserved");
      return stale.length;
    },

    used: counterState,
    adjust: (counter: LedgerName, period: string, delta: number): void => changeCounter(counter, period, delta, 0),

    usage: (name: LedgerName, from: string, to: string): UsageRow[] =>
      rows(
        `SELECT day, model, requests, inputTokens, outputTokens, tokens FROM usage
         WHERE name = ? AND day BETWEEN ? AND ? ORDER BY day, model`,
        name,
        from,
        to,
      ),

    forget(prefix: LedgerName): void {
      for (const table of ["counters", "usage", "texts"]) {
        sql.exec(`DELETE FROM ${table} WHERE substr(name, 1, length(?1)) = ?1`, prefix);
      }
      // Settled later, they would bring back the counters just dropped.
      sql.exec("DELETE FROM reservations WHERE substr(id, 1, length(?1)) = ?1", prefix);
    },

    get: text,

    put(now: number, name: LedgerName, value: string | undefined, ttlMs?: number): void {
      if (value === undefined) {
        sql.exec("DELETE FROM texts WHERE name = ?", name);
        return;
      }
      const expires = ttlMs === undefined ? null : now + ttlMs;
      sql.exec("INSERT OR REPLACE INTO texts (name, text, expires) VALUES (?, ?, ?)", name, value, expires);
    },

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
      sql.exec(
        "INSERT OR REPLACE INTO claims (name, owner, note, expires) VALUES (?, ?, ?, ?)",
        name,
        owner,
        note ?? null,
        expires,
      );
      return taken && held.note !== null ? { granted: true, abandoned: held.note } : { granted: true };
    },

    release: (name: LedgerName, owner: string): void =>
      void sql.exec("DELETE FROM claims WHERE name = ? AND owner = ?", name, owner),

    /** Every claim that can be abandoned, and whether its time is over. */
    mortalClaims: (now: number): (Abandoned & { expired: boolean })[] =>
      rows<{ name: LedgerName; owner: string; note: string | null; expires: number }>(
        "SELECT name, owner, note, expires FROM claims WHERE expires IS NOT NULL",
      ).map(({ name, owner, note, expires }) => ({ name, owner, note: note ?? undefined, expired: expires <= now })),

    /** Whether somebody has to look here: a claim that ran out, or a reservation that nobody settles. */
    hasLeftovers: (now: number): boolean =>
      first("SELECT 1 FROM claims WHERE expires <= ?", now) !== undefined ||
      (passingReservation() ?? now) <= now - reservationPatienceMs,

    /** Drops what no call will ask for again. */
    sweep(now: number): void {
      sql.exec("DELETE FROM texts WHERE expires <= ?", now);
      for (const { name, window } of rows<{ name: string; window: number }>("SELECT name, window FROM buckets")) {
        const rest = prune(now, name, window);
        if (rest === 0 && name.startsWith(strangers)) sql.exec("DELETE FROM buckets WHERE name = ?", name);
      }
      const anHourAgo = new Date(now - hourMs).toISOString().slice(0, 16);
      // Days and months are few and stay; of minutes there would be half a million a year.
      sql.exec("DELETE FROM counters WHERE length(period) = 16 AND reserved = 0 AND period < ?", anHourAgo);
    },

    /** When to sweep next; `undefined` where nothing passes with time. */
    nextSweep(now: number): number | undefined {
      const state = first<{ claim: number | null; passing: number }>(
        `SELECT (SELECT MIN(expires) FROM claims) AS claim, EXISTS (SELECT 1 FROM hits)
           OR EXISTS (SELECT 1 FROM texts WHERE expires IS NOT NULL)
           OR EXISTS (SELECT 1 FROM counters WHERE length(period) = 16) AS passing`,
      );
      const reservation = passingReservation();
      const due: number[] = [];
      if (state?.claim != null) due.push(state.claim);
      if (reservation !== undefined) due.push(reservation + reservationPatienceMs);
      // What was due already has left its note, and is looked at again in case the note got lost.
      const at = due.map((time) => (time <= now ? now + hourMs : time));
      if (state?.passing) at.push(now + hourMs);
      return at.length > 0 ? Math.min(...at) : undefined;
    },

    isEmpty: (): boolean => tableNames.every((table) => first(`SELECT 1 FROM ${table} LIMIT 1`) === undefined),
  };
}
export type LedgerShard = ReturnType<typeof createLedgerShard>;
