import { createMetrics } from "./metrics.ts";
import { createAgentIndex } from "./service/agent-index/agent-index.ts";
import { withAgentIndex } from "./service/agent-index/indexed-records.ts";
import { withAlerts } from "./service/alerts/with-alerts.ts";
import type { Context } from "./service/context.ts";
import { createActivity } from "./service/events/activity.ts";
import { createPrices } from "./service/prices/prices.ts";
import { withMetrics } from "./service/with-metrics.ts";
import type { Settings } from "./settings.ts";
import type { Ports } from "./storage/keyspace.ts";
import { withReadCache } from "./storage/read-cache.ts";

/** The ports, measured and cached, with what every service shares. */
export function createContext(ports: Ports, settings: Settings, isStopping: () => boolean): Context {
  const metrics = createMetrics();
  const measured = withMetrics(ports, metrics);
  const agentIndex = createAgentIndex(measured.ledger);
  return withAlerts({
    ...measured,
    records: withReadCache(withAgentIndex(measured.records, agentIndex, ports.log), ports.clock),
    settings,
    metrics,
    prices: createPrices({ ...measured, settings }),
    agentIndex,
    meter: createActivity(measured, isStopping),
    isStopping,
  });
}
