import type { CounterReservation, CounterState, LedgerName, Reserved, UsageEntry, UsageRow } from "../../src/ports.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import type { ShardEstimates } from "./shard-estimates.ts";
import type { ShardSql } from "./shard-sql.ts";
import type { ShardTexts } from "./shard-texts.ts";

type Entry = Pick<CounterReservation, "counter" | "period" | "amount">;

/** A metered call ends, and with it its reservation; others hold a place for as long as an agent lives. */
const metered = aiKeyLedger("").all.replace(/\/.*/, "");

/** Counters, what is reserved of them, and usage. */
export function createShardCounters({ run, rows, first }: ShardSql, texts: ShardTexts, estimates: ShardEstimates) {
  const counterState = (counter: string, period: string): CounterState =>
    first("SELECT used, reserved FROM counters WHERE name = ? AND period = ?", counter, period) ?? {
      used: 0,
      reserved: 0,
    };
  const changeCounter = (counter: string, period: string, used: number, reserved: number): void => {
    run(
      `INSERT INTO counters (name, period, used, reserved) VALUES (?1, ?2, MAX(?3, 0), MAX(?4, 0))
       ON CONFLICT DO UPDATE SET used = MAX(used + ?3, 0), reserved = MAX(reserved + ?4, 0)`,
      counter,
      period,
      used,
      reserved,
    );
  };
  const openEntries = (id: string): Entry[] | undefined => {
    const row = first<{ entries: string }>("SELECT entries FROM reservations WHERE id = ?", id);
    return row && (JSON.parse(row.entries) as Entry[]);
  };
  const close = (id: string, entries: Entry[], actual: Record<string, number> | "reserved"): void => {
    for (const { counter, period, amount } of entries) {
      changeCounter(counter, period, actual === "reserved" ? amount : (actual[counter] ?? 0), -amount);
    }
    run("DELETE FROM reservations WHERE id = ?", id);
  };
  return {
    reserve(
      now: number,
      id: LedgerName,
      entries: CounterReservation[],
      expect?: { name: LedgerName; text: string },
    ): Reserved {
      const held = expect && texts.get(now, expect.name);
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
      run("INSERT INTO reservations (id, at, entries) VALUES (?, ?, ?)", id, now, JSON.stringify(kept));
      return { outcome: "reserved" };
    },

    settle(now: number, id: LedgerName, actual: Record<LedgerName, number> | "reserved", usage?: UsageEntry): void {
      const entries = openEntries(id);
      if (!entries) return;
      close(id, entries, actual);
      if (!usage) return;
      run(
        `INSERT INTO usage (name, day, model, requests, inputTokens, outputTokens, tokens, estimatedTokens)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           requests = requests + excluded.requests, tokens = tokens + excluded.tokens,
           inputTokens = inputTokens + excluded.inputTokens, outputTokens = outputTokens + excluded.outputTokens,
           estimatedTokens = estimatedTokens + excluded.estimatedTokens`,
        usage.name,
        usage.day,
        usage.model,
        usage.requests,
        usage.inputTokens,
        usage.outputTokens,
        usage.tokens,
        usage.estimate?.tokens ?? 0,
      );
      const estimated = entries.filter(({ counter }) => counter === usage.estimate?.counter);
      estimates.addEstimate(
        now,
        usage,
        estimated.map(({ period }) => period),
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
        `SELECT day, model, requests, inputTokens, outputTokens, tokens, estimatedTokens FROM usage
         WHERE name = ? AND day BETWEEN ? AND ? ORDER BY day, model`,
        name,
        from,
        to,
      ),

    forget(prefix: LedgerName): void {
      for (const table of ["counters", "usage", "estimates", "texts"]) {
        run(`DELETE FROM ${table} WHERE substr(name, 1, length(?1)) = ?1`, prefix);
      }
      // Settled later, they would bring back the counters just dropped.
      run("DELETE FROM reservations WHERE substr(id, 1, length(?1)) = ?1", prefix);
    },

    /** When the oldest of those that are to be settled was made. */
    oldestMetered: (): number | undefined =>
      first<{ at: number | null }>(
        "SELECT MIN(at) AS at FROM reservations WHERE substr(id, 1, length(?1)) = ?1",
        metered,
      )?.at ?? undefined,

    /** Days and months are few and stay; of minutes there would be half a million a year. */
    sweepCounters(before: string): void {
      run("DELETE FROM counters WHERE length(period) = 16 AND reserved = 0 AND period < ?", before);
    },
  };
}
