import { createMetrics } from "../metrics.ts";
import type { Settings } from "../settings.ts";
import type { Ports } from "../storage/keyspace.ts";
import { withReadCache } from "../storage/read-cache.ts";
import { createAgentIndex } from "./agent-index/agent-index.ts";
import { withAgentIndex } from "./agent-index/indexed-records.ts";
import { withAlerts } from "./alerts/with-alerts.ts";
import type { Context } from "./context.ts";
import { createPrices } from "./prices/prices.ts";
import { withMetrics } from "./with-metrics.ts";

/** The ports, measured and cached, with what every service shares. */
export function createContext(ports: Ports, settings: Settings): Context {
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
  });
}
