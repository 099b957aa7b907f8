import type { Deployment } from "../deployment.ts";
import type { Environment } from "../environment.ts";
import { readNodeSettings, requireGatewayTokens } from "../node-settings.ts";
import { openServer, setPublicPort } from "../open-server.ts";
import { tellOfProcess } from "../process-metrics.ts";
import { createReload } from "../reload-settings.ts";
import { prepareTending } from "../tend-server.ts";
import { isForAll } from "./messages.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";
import { createWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Beyond the drain, for a worker process to close: supervisors give ten seconds. */
const closeMs = 7_000;

/**
 * The server in several processes. This one, the primary, opens the stores first and maintains them for all; it accepts
 * connections, and answers none.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export async function startWorkers(env: Environment): Promise<Deployment> {
  const node = readNodeSettings(env);
  requireGatewayTokens(node);
  const opened = await openServer(node, { env });
  const { app, log, close } = opened;
  const { metrics } = app.context;
  try {
    tellOfProcess(metrics);
    const tending = await prepareTending(opened, node, undefined);
    let port = node.port;
    let isSettled = false;
    const workerMetrics = createWorkerMetrics((number, ask) => pool.tellOne(number, { kind: "tellMetrics", ask }));

    async function tellMetrics(number: number, ask: number): Promise<void> {
      const serving = pool.serving();
      metrics.gauge("openclaw_workers", serving.length);
      const values = await workerMetrics.of(serving, await app.metricValues());
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
    setPublicPort(node, port);
    const { workers, host } = node;
    log("info", "listening", { host, port, enabled: node.settings.provisioning.enabled, workers });
    await tending.begin(() => {
      isSettled = true;
      pool.tell({ kind: "settled" });
    });
    return {
      app,
      node,
      server: { port },
      reload: createReload(env, node, opened, () => pool.tell({ kind: "settings", settings: node.settings })),
      async stop() {
        const { drainSeconds } = node.settings.provisioning;
        log("info", "draining", { seconds: drainSeconds });
        await pool.stop(drainSeconds * 1_000 + closeMs);
        app.drain();
        tending.stop();
        await tending.close();
        app.writeDenials();
        await close();
        log("info", "stopped");
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
