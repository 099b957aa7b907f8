import { createMetrics } from "../src/metrics.ts";
import { createAgentIndex } from "../src/service/agent-index/agent-index.ts";
import type { Context } from "../src/service/context.ts";
import { createPrices } from "../src/service/prices/prices.ts";
import type { Settings } from "../src/settings.ts";
import type { Ports } from "../src/storage/keyspace.ts";

/** A context without caches and alerts, for services under test that meter nothing and are not stopped. */
export const bareContext = (ports: Ports & { settings: Settings }): Context => ({
  ...ports,
  records: { ...ports.records, recent: ports.records.get },
  metrics: createMetrics(),
  prices: createPrices(ports),
  agentIndex: createAgentIndex(ports.ledger),
  meter: { spent: () => undefined, denied: () => undefined },
  isStopping: () => false,
});
