import type { Answer } from "../deploy.ts";
import { tellOfProcess } from "../process-metrics.ts";
import { isForAll } from "./messages.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Beyond the drain, for a worker process to close: supervisors give ten seconds. */
const closeMs = 7_000;

/**
 * Has worker processes answer. This process, the primary, has opened the stores first and maintains them for all; it
 * accepts connections, and answers none.
 */
export const startWorkers: Answer = async ({ app, log }, node, tending) => {
  const { metrics } = app.context;
  tellOfProcess(metrics);
  let { port } = node;
  let isSettled = false;
  const workerMetrics = createWorkerMetrics((number, ask) => pool.tellOne(number, { kind: "tellMetrics", ask }));

  async function tellMetrics(number: number, ask: number): Promise<void> {
    const serving = pool.serving();
    metrics.gauge("openclaw_workers", serving.length);
    const values = await workerMetrics.of(serving, metrics.values(), app.metricValues());
    pool.tellOne(number, { kind: "allMetrics", ask, values });
  }

  const pool: WorkerPool = createWorkerPool({
    count: node.workers,
    log,
    start: () => ({ kind: "start", node: { ...node, port }, isSettled }),
    took(number, message) {
      if (isForAll(message)) pool.tell(message, number);
      else if (message.kind === "metrics") workerMetrics.told(number, message.ask, message.values);
      else if (message.kind === "askMetrics") void tellMetrics(number, message.ask);
    },
    died(number) {
      metrics.count("openclaw_worker_deaths_total");
      workerMetrics.ended(number);
      // The requests that it held are settled, and the changes that it had under way.
      tending.now();
    },
  });
  port = await pool.start();
  return {
    port,
    settled() {
      isSettled = true;
      pool.tell({ kind: "settled" });
    },
    reloaded: () => pool.tell({ kind: "settings", settings: node.settings }),
    async stop() {
      await pool.stop(node.settings.provisioning.drainSeconds * 1_000 + closeMs);
      app.drain();
      tending.stop();
    },
  };
};
