import { isProblem } from "../../../src/errors.ts";
import type { MetricValues } from "../../../src/metrics.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import type { Environment } from "../environment.ts";
import { guardInspector } from "../guard-inspector.ts";
import { openServer, setPublicPort } from "../open-server.ts";
import { reloadSettings } from "../reload-settings.ts";
import { serve } from "../serve.ts";
import { stopServing } from "../stop-serving.ts";
import { isForAll, type Start, type ToPrimary, type ToWorker } from "./messages.ts";
import { createSharedActivity } from "./shared-activity.ts";

/** Counted denials of a minute that is over are written so often. */
const denialsMs = 15_000;
/** The primary process itself waits for less. */
const metricsPatienceMs = 5_000;

/** Serves until the primary process says that it is enough; without that process, Node ends this one. */
export async function runWorker(env: Environment, number: number): Promise<void> {
  guardInspector();
  // A terminal signals every process of the service. The primary process is the one that acts on it.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const started = Promise.withResolvers<Start>();
  const early: ToWorker[] = [];
  let take = (message: ToWorker): void => void early.push(message);
  process.on("message", (message: ToWorker) => {
    if (message.kind === "start") started.resolve(message);
    else take(message);
  });
  try {
    take = await startWorker(env, number, await started.promise);
    for (const message of early) take(message);
  } catch (error) {
    const isTold = error instanceof SettingsError || isProblem(error);
    const { message, stack = message } = error as Error;
    send({ kind: "failed", message: isTold ? message : stack, isTold }, leave);
  }
}

const leave = (): void => process.exit(0);

/** A message that a dying channel does not take is of no use any more. */
function send(message: ToPrimary, done: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, () => done());
}

/** @returns takes the primary process's messages */
async function startWorker(
  env: Environment,
  number: number,
  { node, isSettled: wasSettled }: Start,
): Promise<(message: ToWorker) => void> {
  let isSettled = wasSettled;
  const asked = new Map<number, (values: MetricValues) => void>();
  let asks = 0;
  const activity = createSharedActivity(Date.now, send);
  const opened = await openServer(node, {
    env,
    logFields: { worker: number },
    activity,
    allMetrics: () =>
      new Promise((resolve, reject) => {
        const ask = asks++;
        const timer = setTimeout(() => {
          asked.delete(ask);
          reject(new Error("the primary process does not tell the metrics"));
        }, metricsPatienceMs);
        asked.set(ask, (values) => {
          clearTimeout(timer);
          resolve(values);
        });
        send({ kind: "askMetrics", ask });
      }),
  });
  const { app, log, rereadSealKeys, close } = opened;
  app.holdReadiness(async () => isSettled);
  await app.releaseReadiness();
  const server = await serve(app, node);
  setPublicPort(node, server.port);
  setInterval(() => app.writeDenials("over"), denialsMs).unref();
  send({ kind: "listening", port: server.port });

  async function stop(): Promise<void> {
    await stopServing({ app, server, node, log });
    app.writeDenials();
    await close();
  }

  return (message) => {
    if (isForAll(message)) return activity.take(message);
    switch (message.kind) {
      case "settled":
        isSettled = true;
        return void app.releaseReadiness();
      case "settings":
        reloadSettings(node.settings, message.settings);
        try {
          rereadSealKeys?.();
        } catch (cause) {
          log("error", "the seal keys cannot be read again; those from before stay", { cause });
        }
        return;
      case "tellMetrics":
        return void app.metricValues().then((values) => send({ kind: "metrics", ask: message.ask, values }));
      case "allMetrics":
        asked.get(message.ask)?.(message.values);
        asked.delete(message.ask);
        return;
      case "drain":
        return void stop()
          .catch((cause: unknown) => log("error", "the stop failed", { cause }))
          .finally(leave);
    }
  };
}
