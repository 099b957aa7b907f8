import { endsWithin } from "../../../src/domain/ends-within.ts";
import { type MetricValues, noValues } from "../../../src/metrics.ts";
import { addUpMetrics, countedMetrics } from "./add-up-metrics.ts";

/**
 * A worker process that does not answer in time, as it is busy or about to die, counts as when it last did; so do the
 * gauges of this one, which may wait for a gateway.
 */
const patienceMs = 2_000;

/** Asks worker processes for their metrics, and adds them up. */
export interface WorkerMetrics {
  /**
   * The metrics of all these processes, and of those that have ended.
   *
   * @param own no copy, which `gathered` may change until it resolves. It never rejects
   */
  of(workers: Iterable<number>, own: MetricValues, gathered?: Promise<unknown>): Promise<MetricValues>;
  /** Takes what a worker process told. */
  told(worker: number, ask: number, values: MetricValues): void;
  /** It counts nothing any more; what it had told stays in the sums, or counters would go back. */
  ended(worker: number): void;
}

/** @param ask asks a worker process for its metrics; the number comes back with them */
export function createWorkerMetrics(ask: (worker: number, number: number) => void): WorkerMetrics {
  /** As each told last. */
  const last = new Map<number, MetricValues>();
  /** Askers by the number of the ask, which is no other worker process's either. */
  const waiting = new Map<number, () => void>();
  let past = noValues();
  let asks = 0;

  async function look(worker: number): Promise<void> {
    const number = asks++;
    const told = new Promise<void>((resolve) => void waiting.set(number, resolve));
    ask(worker, number);
    await endsWithin(told, patienceMs);
    waiting.delete(number);
  }

  return {
    async of(workers, own, gathered = Promise.resolve()) {
      await Promise.all([endsWithin(gathered, patienceMs), ...[...workers].map(look)]);
      return addUpMetrics([own, past, ...last.values()]);
    },
    told(worker, number, values) {
      last.set(worker, values);
      waiting.get(number)?.();
    },
    ended(worker) {
      const values = last.get(worker);
      last.delete(worker);
      if (values) past = addUpMetrics([past, countedMetrics(values)]);
    },
  };
}
