import type { App } from "../../src/app.ts";
import type { NodeSettings } from "./node-settings.ts";

/** A server that runs, in one process or in several. */
export interface Deployment {
  app: App;
  node: NodeSettings;
  /** `port`: where it really listens. */
  server: { port: number };
  /** Reads settings and secrets again, and takes over what may change while it runs. Never throws. */
  reload(): void;
  stop(): Promise<void>;
}
