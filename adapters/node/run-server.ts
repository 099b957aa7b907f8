import type { Deployment } from "./deployment.ts";
import type { Environment } from "./environment.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { guardInspector } from "./guard-inspector.ts";
import { readNodeSettings, requireGatewayTokens } from "./node-settings.ts";
import { openServer, setPublicPort } from "./open-server.ts";
import { createReload } from "./reload-settings.ts";
import { serve } from "./serve.ts";
import { stopServing } from "./stop-serving.ts";
import { prepareTending } from "./tend-server.ts";
import { startWorkers } from "./workers/start-workers.ts";

/**
 * Opens the stores, listens, and settles what a crash left before it is ready: all in this process.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export async function startServer(env: Environment, { chmod }: { chmod?: ChangeMode } = {}): Promise<Deployment> {
  const node = readNodeSettings(env);
  requireGatewayTokens(node);
  const opened = await openServer(node, { env, chmod });
  const { app, log, close } = opened;
  try {
    const tending = await prepareTending(opened, node, chmod);
    const server = await serve(app, node);
    setPublicPort(node, server.port);
    log("info", "listening", { host: node.host, port: server.port, enabled: node.settings.provisioning.enabled });
    await tending.begin();
    return {
      app,
      node,
      server,
      reload: createReload(env, node, opened),
      async stop() {
        log("info", "draining", { seconds: node.settings.provisioning.drainSeconds });
        await stopServing({ app, server, node, log }, tending.stop);
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

/** Serves until SIGTERM or SIGINT, in as many processes as the settings say. */
export async function runServer(env: Environment, started?: (deployment: Deployment) => Promise<void>): Promise<void> {
  guardInspector();
  // A hangup that comes before the settings are read has nothing to read again, and must not end the process.
  process.on("SIGHUP", () => {});
  // From the beginning: process 1 of a container ignores a signal that nobody listens for.
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  const start = readNodeSettings(env).workers > 1 ? startWorkers : startServer;
  const deployment = await start(env);
  process.on("SIGHUP", () => deployment.reload());
  await started?.(deployment);
  await asked;
  await deployment.stop();
  // Only maintenance can be waiting for something still, a provider that does not answer: it is repeated at the start.
  setTimeout(() => process.exit(), 100).unref();
}
