import { isProblem } from "../../errors.ts";
import type { HostPlan } from "../../ports.ts";
import type { Context } from "../context.ts";
import { type PlanRequest, planAgent } from "../gateways/choose-gateway.ts";
import { findGateway, gatewayFull, takePlace } from "../gateways/gateway-places.ts";
import type { AgentLease } from "../operations/agent-lease.ts";
import type { Operation } from "../operations/operation.ts";

/** A creation that is to have its place. */
export interface Placing {
  request: PlanRequest;
  /** Says at any moment where something of it may be. */
  operation: Operation;
  lease: Pick<AgentLease, "updateRecord">;
}

/**
 * Takes the agent's place on the gateway of the plan, or where that has filled meanwhile and no other was asked for, on
 * the next.
 *
 * @throws Problem `gateway_full`
 */
export async function placeAgent(
  context: Context,
  { request, operation, lease }: Placing,
  plan: HostPlan,
): Promise<HostPlan> {
  const tried = new Set<string>();
  let placed = plan;
  while (!(await takePlace(context, { ...operation, gateway: placed.gateway }, request.atOnce))) {
    const full = findGateway(context, placed.gateway);
    if (!full || request.gateway !== undefined) throw gatewayFull(context, full);
    tried.add(full.id);
    placed = await planAgent(context, request, tried).catch((error) => {
      throw isProblem(error, "host_unavailable") ? gatewayFull(context, full) : error;
    });
    full.expect(-1);
    // From here on an undoing looks there.
    operation.gateway = placed.gateway;
    await lease.updateRecord(operation);
  }
  return placed;
}
