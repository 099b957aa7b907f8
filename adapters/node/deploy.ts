import type { Deployment } from "./deployment.ts";
import type { Environment } from "./environment.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { type NodeSettings, readNodeSettings, requireGatewayTokens } from "./node-settings.ts";
import { type OpenServer, openServer, setPublicPort } from "./open-server.ts";
import { createReload } from "./reload-settings.ts";
import { prepareTending, type Tending } from "./tend-server.ts";

/** The part of a deployment that answers: in this process, or in others. */
interface Answering {
  port: number;
  /** Called once nothing is waited for any more that was interrupted before the start. */
  settled?(): void;
  /** Called after each time that the settings were read again. */
  reloaded?(): void;
  /** Answers what is under way, has `tending` stopped, and ends. */
  stop(): Promise<void>;
}

/** Begins to answer. Stores are open by then, and maintenance has not begun. */
export type Answer = (opened: OpenServer, node: NodeSettings, tending: Tending) => Promise<Answering>;

/**
 * Opens the stores, has `answer` listen, and settles what a crash left before it is ready.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export async function deploy(env: Environment, answer: Answer, chmod?: ChangeMode): Promise<Deployment> {
  const node = readNodeSettings(env);
  requireGatewayTokens(node);
  const opened = await openServer(node, { env, chmod });
  const { app, log, close } = opened;
  const { settings, host, workers } = node;
  try {
    const tending = await prepareTending(opened, node, chmod);
    const answering = await answer(opened, node, tending);
    const { port } = answering;
    setPublicPort(node, port);
    const { enabled } = settings.provisioning;
    log("info", "listening", { host, port, enabled, ...(workers > 1 && { workers }) });
    await tending.begin(answering.settled);
    return {
      app,
      node,
      server: { port },
      reload: createReload(env, node, opened, answering.reloaded),
      async stop() {
        log("info", "draining", { seconds: settings.provisioning.drainSeconds });
        await answering.stop();
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
