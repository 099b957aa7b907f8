import { Problem } from "../errors.ts";
import { type Gateway, type GatewaySettings, type GatewayTools, openGateway } from "./gateway.ts";

export interface Gateways {
  readonly all: readonly Gateway[];
  /** The gateway of an agent that is there already; the only one there is, where none is named. */
  find(agent: { gateway?: string | undefined }): Gateway | undefined;
  /** @throws Problem `gateway_not_found` */
  of(agent: { agentId: string; gateway?: string | undefined }): Gateway;
  /**
   * Where a new agent goes: the one asked for, or else the one that answers and has the fewest agents, `except` apart.
   * @throws Problem `gateway_not_found`, `host_unavailable` where none answers
   */
  place(wanted?: string, except?: string): Promise<Gateway>;
}

/** Nothing was asked of any of them, so whoever asks again later loses nothing. */
export const noneAnswers = (): Problem =>
  new Problem("host_unavailable", "No gateway answers; one that is starting does within a minute. Try again.", {
    headers: { "retry-after": "5" },
  });

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
    async place(wanted, except) {
      if (wanted !== undefined) {
        const found = byId.get(wanted);
        if (!found)
          throw new Problem(
            "gateway_not_found",
            `There is no gateway "${wanted}"; choose one of ${[...byId.keys()].join(", ")}.`,
          );
        found.expect(1);
        return found;
      }
      const candidates = all.filter(({ id }) => id !== except);
      let answering = await Promise.all(candidates.map((gateway) => gateway.recount()));
      // One that is down says so at once; one that is busy, as OpenClaw is when it has just started, is waited for.
      if (!answering.includes(true)) {
        answering = await Promise.all(candidates.map((gateway) => gateway.recount(true)));
      }
      let best: Gateway | undefined;
      for (const [at, gateway] of candidates.entries()) {
        if (answering[at] && (!best || gateway.agents < best.agents)) best = gateway;
      }
      if (!best) throw noneAnswers();
      best.expect(1);
      return best;
    },
  };
}
