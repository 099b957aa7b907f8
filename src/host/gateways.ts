import { Problem } from "../errors.ts";
import { type Gateway, type GatewaySettings, type GatewayTools, openGateway } from "./gateway.ts";

export interface Gateways {
  readonly all: readonly Gateway[];
  /** The gateway of an agent that is there already; the only one there is, where none is named. */
  find(agent: { gateway?: string | undefined }): Gateway | undefined;
  /** @throws Problem `gateway_not_found` */
  of(agent: { agentId: string; gateway?: string | undefined }): Gateway;
  /**
   * Where a new agent goes.
   * @param wanted may be left out where there is one
   * @throws Problem `gateway_not_found`
   */
  wanted(wanted: string | undefined): Gateway;
  /** All of them, counted or found silent. */
  look(): Promise<readonly Gateway[]>;
}

/** @throws Problem `host_unavailable` for settings that leave nothing to work with */
export function openGateways(settings: readonly GatewaySettings[], tools: GatewayTools): Gateways {
  const place = "gateway.provisioning.host.gateways";
  if (settings.length === 0) {
    throw new Problem("host_unavailable", `The host "remote" needs at least one gateway; name one in ${place}.`);
  }
  const byId = new Map<string, Gateway>();
  for (const one of settings) {
    if (byId.has(one.id)) throw new Problem("host_unavailable", `${place} names the gateway "${one.id}" twice.`);
    try {
      byId.set(one.id, openGateway(one, tools));
    } catch (error) {
      throw new Problem("host_unavailable", `${place}, "${one.id}": ${(error as Error).message}.`);
    }
  }
  const all = [...byId.values()];
  const find: Gateways["find"] = ({ gateway }) =>
    gateway === undefined ? (all.length === 1 ? all[0] : undefined) : byId.get(gateway);

  return {
    all,
    find,
    of({ agentId, gateway }) {
      const found = find({ gateway });
      if (found) return found;
      const which =
        gateway === undefined
          ? "is on a gateway that is not known"
          : `is on the gateway "${gateway}", which is not configured`;
      throw new Problem("gateway_not_found", `The agent "${agentId}" ${which} (${place}).`);
    },
    wanted(wanted) {
      const found = find({ gateway: wanted });
      if (found) return found;
      const choice = `choose one of ${[...byId.keys()].join(", ")}.`;
      const what = wanted === undefined ? "No gateway is named" : `There is no gateway "${wanted}"`;
      throw new Problem("gateway_not_found", `${what}; ${choice}`);
    },
    async look() {
      const answering = await Promise.all(all.map((gateway) => gateway.recount()));
      // One that is down says so at once; one that is busy, as OpenClaw is when it has just started, is waited for.
      if (!answering.includes(true)) await Promise.all(all.map((gateway) => gateway.recount(undefined, true)));
      return all;
    },
  };
}
