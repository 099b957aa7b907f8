import type { Metrics } from "../metrics.ts";
import type { Ports } from "../ports.ts";
import type { Settings } from "../settings.ts";

/** What every use case works with. */
export interface Context extends Ports {
  settings: Settings;
  metrics: Metrics;
}
