import { afterEach, beforeEach } from "vitest";
import type { Clock, CounterReservation, Ledger, LedgerName, UsageEntry } from "../../../src/ports.ts";

interface LedgerUnderTest {
  ledger: Ledger;
  /** Another handle on the same store, as another process would have. */
  second?: Ledger;
  clock: Clock & { set(now: number): void | Promise<void> };
  dispose(): Promise<void>;
}

export type MakeLedger = () => Promise<LedgerUnderTest>;

export const start = Date.UTC(2026, 10, 22, 18);
export const minute = 60_000;
export const tokens: LedgerName = "ai-key:a/tokens";
export const requests: LedgerName = "ai-key:a/requests";
export const reservation = (id: number | string): LedgerName => `ai-key:a/reservation:${id}`;
export const entry = (
  amount: number,
  limit: number | null,
  counter = tokens,
  period = "2026-11",
): CounterReservation => ({ counter, period, limit, amount });
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

export function use(amount: number): UsageEntry {
  const { estimatedTokens: _, ...added } = row("2026-11-22", "m", amount);
  return { name: "ai-key:a/usage", ...added };
}

export function row(day: string, model: string, amount: number) {
  const tokens = { inputTokens: amount - 1, outputTokens: 1, tokens: amount, estimatedTokens: 0 };
  const details = { cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, microUsd: 0, unpricedRequests: 0 };
  return { day, model, requests: 1, ...tokens, ...details };
}

/** The start of each test: a fresh ledger whose clock stands at `start`. */
export interface Fresh {
  ledger: Ledger;
  /** The other handle where there is one, so that every test that uses it also crosses processes. */
  other: Ledger;
  /** Sets the clock to so long after `start`. */
  at(ms: number): void | Promise<void>;
}

export function freshLedger(make: MakeLedger): Fresh {
  let made: LedgerUnderTest;
  const fresh: Partial<Fresh> = { at: (ms) => made.clock.set(start + ms) };
  beforeEach(async () => {
    made = await make();
    fresh.ledger = made.ledger;
    fresh.other = made.second ?? made.ledger;
    await made.clock.set(start);
  });
  afterEach(() => made.dispose());
  return fresh as Fresh;
}
