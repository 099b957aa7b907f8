import type { OutboxMessage } from "../ports.ts";

const dayMs = 86_400_000;

/** A share of a quota that is told of when it is passed. */
export interface Threshold {
  counter: string;
  period: string;
  limit: number;
  percent: number;
}

/** The percents of a limit that a counter has reached on its way from `before` to `after`. */
export const thresholdsPassed = (percents: readonly number[], limit: number, before: number, after: number): number[] =>
  percents.filter((percent) => {
    const at = Math.ceil((limit * percent) / 100);
    return before < at && after >= at;
  });

/** Longer than the counter's period: a counter may pass again the amount that it is given back. Days are many. */
const thresholdMemoryMs = (period: string): number => (period.length === 7 ? 62 : 9) * dayMs;

/** As the ledger writes it, which knows nothing of agents; `describeThreshold` adds what it is about. */
export function thresholdMessage(now: number, threshold: Threshold, used: number): OutboxMessage {
  const { counter, period, limit, percent } = threshold;
  return {
    cause: `quota.threshold_reached/${counter}/${period}/${percent}/${limit}`,
    type: "quota.threshold_reached",
    at: now,
    data: JSON.stringify(threshold),
    used,
    keepUntil: now + thresholdMemoryMs(period),
  };
}
