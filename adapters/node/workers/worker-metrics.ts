import { type MetricValues, noValues } from "../../../src/metrics.ts";
import { addUpMetrics, countedMetrics } from "./add-up-metrics.ts";

/** One that does not answer in time, as it is busy or about to die, counts as when it last did. */
const patienceMs = 2_000;

/** Asks worker processes for their metrics, and adds them up. */
export interface WorkerMetrics {
  /** The metrics of all these processes, and of those that have ended. */
  of(workers: Iterable<number>, own: MetricValues): Promise<MetricValues>;
  /** Takes what a worker process told. */
  told(worker: number, ask: number, values: MetricValues): void;
  /** It counts nothing any more; what it had told stays in the sums, or counters would go back. */
  ended(worker: number): void;
}

/** @param ask asks a worker process for its metrics; the number comes back with them */
export function createWorkerMetrics(ask: (worker: number, number: number) => void): WorkerMetrics {
  /** As each told last. */
  const last = new Map<number, MetricValues>();
  /** By the number of the ask, which is no other worker process's either. */
  const waiting = new Map<number, () => void>();
  let past = noValues();
  let asks = 0;

  async function look(worker: number): Promise<void> {
    const number = asks++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      waiting.set(number, () => {
        clearTimeout(timer);
        resolve();
      });
      ask(worker, number);
    });
    waiting.delete(number);
  }

  return {
    async of(workers, own) {
      await Promise.all([...workers].map(look));
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
