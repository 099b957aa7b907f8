import { askedToStop } from "./asked-to-stop.ts";
import { type Answer, deploy } from "./deploy.ts";
import type { Deployment } from "./deployment.ts";
import type { Environment } from "./environment.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { guardInspector } from "./guard-inspector.ts";
import { serve } from "./serve.ts";
import { stopServing } from "./stop-serving.ts";
import { startWorkers } from "./workers/start-workers.ts";

const answerHere: Answer = async ({ app, log }, node, tending) => {
  const server = await serve(app, node);
  return { port: server.port, stop: () => stopServing({ app, server, node, log }, tending.stop) };
};

/**
 * The server in this process alone.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export const startServer = (env: Environment, { chmod }: { chmod?: ChangeMode } = {}): Promise<Deployment> =>
  deploy(env, answerHere, chmod);

const answer: Answer = (opened, node, tending) => (node.workers > 1 ? startWorkers : answerHere)(opened, node, tending);

/** Serves until SIGTERM or SIGINT, in as many processes as the settings say. */
export async function runServer(env: Environment, started?: (deployment: Deployment) => Promise<void>): Promise<void> {
  guardInspector();
  // A hangup that comes before the settings are read has nothing to read again, and must not end the process.
  process.on("SIGHUP", () => {});
  const asked = askedToStop();
  const deployment = await deploy(env, answer);
  process.on("SIGHUP", () => deployment.reload());
  await started?.(deployment);
  await asked;
  await deployment.stop();
  // Only maintenance can be waiting for something still, a provider that does not answer: it is repeated at the start.
  setTimeout(() => process.exit(), 100).unref();
}
