import type { Metrics } from "../metrics.ts";
import type { Settings } from "../settings.ts";
import type { Ports } from "../storage/keyspace.ts";
import type { AgentIndex } from "./agent-index/agent-index.ts";
import type { Prices } from "./prices/prices.ts";

/** What every use case works with. */
export interface Context extends Ports {
  settings: Settings;
  metrics: Metrics;
  prices: Prices;
  agentIndex: AgentIndex;
}
