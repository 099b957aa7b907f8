import type { Metrics } from "../metrics.ts";
import type { Settings } from "../settings.ts";
import type { Ports } from "../storage/keyspace.ts";
import type { CachedRecords } from "../storage/read-cache.ts";
import type { AgentIndex } from "./agent-index/agent-index.ts";
import type { Activity } from "./events/activity.ts";
import type { Prices } from "./prices/prices.ts";

/** The context of every use case. */
export interface Context extends Ports {
  records: CachedRecords;
  settings: Settings;
  metrics: Metrics;
  prices: Prices;
  agentIndex: AgentIndex;
  /** The activity of metered calls at this moment. */
  meter: Activity;
  /** Whether the service is to stop: what goes on for minutes ends itself. */
  isStopping(): boolean;
}
