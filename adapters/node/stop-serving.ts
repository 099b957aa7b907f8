import type { App } from "../../src/app.ts";
import type { Log } from "../../src/ports.ts";
import type { NodeSettings } from "./node-settings.ts";
import type { RunningServer } from "./serve.ts";

interface Serving {
  app: App;
  server: RunningServer;
  node: NodeSettings;
  log: Log;
}

/** Admits nothing more, answers what is under way for as long as a drain may take, and closes. */
export async function stopServing({ app, server, node, log }: Serving, drained?: () => void): Promise<void> {
  app.drain();
  const cut = await server.drain(node.settings.provisioning.drainSeconds * 1_000);
  if (cut.requests > 0) log("warn", "metered requests were cut at the end of the drain", { ...cut });
  drained?.();
  await server.stop();
}
