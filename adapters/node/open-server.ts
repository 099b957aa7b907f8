import { type App, type AppOptions, createApp } from "../../src/app.ts";
import type { ActivityLog, Log } from "../../src/ports.ts";
import { loadConsoleAssets } from "../console/load-assets.ts";
import type { Environment } from "./environment.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { createJsonLog } from "./json-log.ts";
import type { NodeSettings } from "./node-settings.ts";
import { type NodePorts, openNode } from "./open-node.ts";

/** A process of the server, with everything but its socket. */
export interface OpenServer extends NodePorts {
  app: App;
  log: Log;
}

export interface OpenServerOptions extends Pick<AppOptions, "allMetrics"> {
  env: Environment;
  chmod?: ChangeMode | undefined;
  /** Stands in each line of the log. */
  logFields?: Record<string, unknown>;
  /** Replaces this process's own, where the store has none that is shared. */
  activity?: ActivityLog | undefined;
}

/** @throws SettingsError, Problem: what keeps it from starting, in words for the operator */
export async function openServer(
  node: NodeSettings,
  { env, chmod, logFields, activity, allMetrics }: OpenServerOptions,
): Promise<OpenServer> {
  const writeOut = (line: string): void => void process.stdout.write(line);
  const log = createJsonLog(() => node.settings.logLevel, writeOut, logFields);
  const opened = await openNode(node, { env, log, writeOut, chmod, activity });
  const app = createApp(opened.ports, node.settings, { consoleAssets: loadConsoleAssets, allMetrics });
  return { ...opened, app, log };
}

/** Port 0 asks for any: only now is it known where agents find the proxy. */
export function setPublicPort({ port: asked, settings }: NodeSettings, port: number): void {
  const { provisioning } = settings;
  if (asked === 0) provisioning.publicUrl = provisioning.publicUrl.replace(/:0$/, `:${port}`);
}
