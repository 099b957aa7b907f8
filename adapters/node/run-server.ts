import inspector from "node:inspector";
import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "../../src/app.ts";
import { createInFlightElsewhere } from "../../src/service/operations/in-flight-elsewhere.ts";
import { checkSecretToken, makeToken } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { loadConsoleAssets } from "../console/load-assets.ts";
import { linkPublisher } from "./agents-link.ts";
import type { Environment } from "./environment.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { createJsonLog } from "./json-log.ts";
import { type NodeSettings, readNodeSettings } from "./node-settings.ts";
import { openNode } from "./open-node.ts";
import { reloadSettings } from "./reload-settings.ts";
import { requireUsable } from "./require-usable.ts";
import { type RunningServer, serve } from "./serve.ts";
import { startAlerts } from "./webhooks/alert-timer.ts";

/** Half a minute is what a claim of a dead process lasts at most. */
const maintenanceMs = 15_000;

export interface Deployment {
  app: ReturnType<typeof createApp>;
  node: NodeSettings;
  server: RunningServer;
  /** Reads settings and secrets again, and takes over what may change while it runs. Never throws. */
  reload(): void;
  stop(): Promise<void>;
}

/**
 * Opens the stores, listens, and settles what a crash left before it is ready.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export async function startServer(env: Environment, { chmod }: { chmod?: ChangeMode } = {}): Promise<Deployment> {
  const node = readNodeSettings(env);
  requireGatewayTokens(node.settings.gatewayTokens);
  const writeOut = (line: string): void => void process.stdout.write(line);
  const log = createJsonLog(() => node.settings.logLevel, writeOut);
  const { ports, stores, rereadSealKeys, close } = await openNode(node, { env, log, writeOut, chmod });
  try {
    const warning = await stores.warning?.();
    if (warning) log("warn", warning.message, { remedy: warning.remedy });
    await requireUsable({ ports, stores }, node, chmod);
    const publish = node.agents && linkPublisher(node.agents, ports.sealKeys);
    publish?.();
    const app = createApp(ports, node.settings, { consoleAssets: loadConsoleAssets });
    app.holdReadiness(createInFlightElsewhere(app.context));
    const server = await serve(app, node);
    // Port 0 asks for any: only now is it known where agents find the proxy.
    if (node.port === 0)
      node.settings.provisioning.publicUrl = node.settings.provisioning.publicUrl.replace(/:0$/, `:${server.port}`);
    log("info", "listening", { host: node.host, port: server.port, enabled: node.settings.provisioning.enabled });
    let stopping = false;
    let tending: Promise<unknown> | undefined;
    const tend = (settled?: () => void) => {
      tending ??= app
        .maintain(settled)
        .catch((cause) => stopping || log("error", "maintenance failed; it is tried again", { cause }))
        .finally(() => {
          tending = undefined;
        });
      return tending;
    };
    await new Promise<void>((resolve) => void tend(resolve).then(() => resolve()));
    const becomeReady = async (): Promise<void> => {
      while (!stopping && !(await app.recover().catch(() => false))) await sleep(1_000, undefined, { ref: false });
    };
    void becomeReady();
    const timer = setInterval(() => {
      try {
        publish?.();
      } catch (cause) {
        log("error", "the agents' gateway cannot be told who we are", { cause });
      }
      void tend();
    }, maintenanceMs);
    timer.unref();
    const alerts = startAlerts(app.context);
    return {
      app,
      node,
      server,
      reload() {
        try {
          const next = readNodeSettings(env);
          requireGatewayTokens(next.settings.gatewayTokens);
          // Port 0 was any: where agents find the proxy stays.
          if (node.port === 0) next.settings.provisioning.publicUrl = node.settings.provisioning.publicUrl;
          const hasOtherKeys = rereadSealKeys?.() === true;
          const { changed, needRestart } = reloadSettings(node.settings, next.settings);
          if (hasOtherKeys) changed.push("OPENCLAW_PROVISIONING_SEAL_KEY");
          log("info", "settings were read again", { changed });
          if (needRestart.length > 0) log("warn", "settings that need a restart have changed", { needRestart });
        } catch (cause) {
          log("error", "settings cannot be read again; those from before stay", { cause });
        }
      },
      async stop() {
        const { drainSeconds } = node.settings.provisioning;
        app.drain();
        log("info", "draining", { seconds: drainSeconds });
        const cut = await server.drain(drainSeconds * 1_000);
        if (cut.requests > 0) log("warn", "metered requests were cut at the end of the drain", { ...cut });
        stopping = true;
        clearInterval(timer);
        await server.stop();
        await alerts.stop();
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

function requireGatewayTokens(tokens: readonly string[]): void {
  if (tokens.length === 0) {
    throw new SettingsError(
      `OPENCLAW_GATEWAY_TOKEN is not set: every call carries it. Make one, ${makeToken}, and put it into .env or the environment`,
    );
  }
  for (const token of tokens) checkSecretToken("OPENCLAW_GATEWAY_TOKEN", token);
}

/** Serves until SIGTERM or SIGINT. */
export async function runServer(env: Environment, started?: (deployment: Deployment) => Promise<void>): Promise<void> {
  // Node opens an inspector on SIGUSR1, through which whoever reaches the port reads all of the process's memory.
  process.on("SIGUSR1", () => inspector.close());
  // A hangup that comes before the settings are read has nothing to read again, and must not end the process.
  process.on("SIGHUP", () => {});
  // From the beginning: process 1 of a container ignores a signal that nobody listens for.
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  const deployment = await startServer(env);
  process.on("SIGHUP", () => deployment.reload());
  await started?.(deployment);
  await asked;
  await deployment.stop();
  // Only maintenance can be waiting for something still, a provider that does not answer: it is repeated at the start.
  setTimeout(() => process.exit(), 100).unref();
}
