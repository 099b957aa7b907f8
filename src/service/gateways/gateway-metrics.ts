import type { Context } from "../context.ts";
import { listGateways } from "./list-gateways.ts";

const names = [
  "openclaw_gateway_up",
  "openclaw_gateway_agents",
  "openclaw_gateway_max_agents",
  "openclaw_gateway_cordoned",
  "openclaw_gateway_reload_seconds",
] as const;

/** The gauges of gateways as they are now. */
export async function gaugeGateways(context: Context): Promise<void> {
  const { metrics } = context;
  const { gateways } = await listGateways(context);
  for (const name of names) metrics.reset(name);
  for (const { id: gateway, reachable, agents, maxAgents, cordoned, lastReload } of gateways) {
    const labels = { gateway };
    metrics.gauge("openclaw_gateway_up", reachable ? 1 : 0, labels);
    metrics.gauge("openclaw_gateway_agents", agents, labels);
    if (maxAgents !== undefined) metrics.gauge("openclaw_gateway_max_agents", maxAgents, labels);
    metrics.gauge("openclaw_gateway_cordoned", cordoned ? 1 : 0, labels);
    if (lastReload) metrics.gauge("openclaw_gateway_reload_seconds", lastReload.ms / 1_000, labels);
  }
}
