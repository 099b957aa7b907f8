import { Problem } from "../errors.ts";
import type { Gateway } from "./gateway.ts";

/** A gateway that agents are on record with, and that was not found since this process started. */
export function lostGateway(id: string, dns: string): Gateway {
  const problem = new Problem(
    "gateway_failed",
    `The gateway "${id}" is not found behind the name "${dns}" now; start its replica again.`,
  );
  return {
    id,
    labels: undefined,
    maxAgents: undefined,
    isReachable: false,
    isStalled: false,
    isCounted: false,
    agents: 0,
    agentIds: new Set(),
    expect: () => undefined,
    recount: async () => false,
    describe: async () => undefined,
    ask: async () => undefined,
    change: async () => ({ outcome: "unsent", problem }),
  };
}
