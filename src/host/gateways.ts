import { Problem } from "../errors.ts";
import { type FoundGatewaySettings, type FoundGateways, findGateways, type ResolveName } from "./found-gateways.ts";
import { type Gateway, type GatewaySettings, type GatewayTools, openGateway } from "./gateway.ts";

/** All gateways of a control plane, those of the settings and those found. */
export interface Gateways {
  /** Those that are known now. */
  all(): readonly Gateway[];
  /** The same, once those behind a name of DNS were looked for. */
  found(): Promise<readonly Gateway[]>;
  /** The gateway of an agent that is there already; the only one there is, where none is named. */
  find(agent: { gateway?: string | undefined }): Gateway | undefined;
  /** @throws Problem `gateway_not_found` */
  of(agent: { agentId: string; gateway?: string | undefined }): Gateway;
  /**
   * The gateway on which a new agent goes.
   * @param wanted may be left out where there is one
   * @throws Problem `gateway_not_found`
   */
  wanted(wanted: string | undefined): Gateway;
  /** All of them, counted or found silent. */
  look(): Promise<readonly Gateway[]>;
}

export type AnyGatewaySettings = GatewaySettings | FoundGatewaySettings;

/** The tools of each gateway, and the look-up of names. */
export interface GatewaysTools extends GatewayTools {
  /** Absent where there is no DNS to ask. */
  resolve?: ResolveName | undefined;
}

/** @throws Problem `host_unavailable` for settings that leave nothing to work with */
export function openGateways(settings: readonly AnyGatewaySettings[], tools: GatewaysTools): Gateways {
  const place = "gateway.provisioning.host.gateways";
  if (settings.length === 0) {
    throw new Problem("host_unavailable", `The host "remote" needs at least one gateway; name one in ${place}.`);
  }
  const byId = new Map<string, Gateway>();
  const finders = new Map<string, FoundGateways>();
  for (const one of settings) {
    if (byId.has(one.id) || finders.has(one.id))
      throw new Problem("host_unavailable", `${place} names the gateway "${one.id}" twice.`);
    try {
      if (!("dns" in one)) byId.set(one.id, openGateway(one, tools));
      else if (tools.resolve) finders.set(one.id, findGateways(one, { ...tools, resolve: tools.resolve }));
      else throw new Error('"dns" is for a control plane on Node; name each gateway by its url here');
    } catch (error) {
      throw new Problem("host_unavailable", `${place}, "${one.id}": ${(error as Error).message}.`);
    }
  }
  const all = (): readonly Gateway[] => [
    ...byId.values(),
    ...[...finders.values()].flatMap((finder) => [...finder.all()]),
  ];
  const found = async () => {
    await Promise.all([...finders.values()].map((finder) => finder.refresh()));
    return all();
  };
  function find({ gateway }: { gateway?: string | undefined }): Gateway | undefined {
    if (gateway === undefined) return all().length === 1 ? all()[0] : undefined;
    const named = byId.get(gateway);
    if (named) return named;
    for (const finder of finders.values()) {
      const one = finder.find(gateway);
      if (one) return one;
    }
    return undefined;
  }

  return {
    all,
    found,
    find,
    of({ agentId, gateway }) {
      const known = find({ gateway });
      if (known) return known;
      const which =
        gateway === undefined
          ? "is on a gateway that is not known"
          : `is on the gateway "${gateway}", which is not configured`;
      throw new Problem("gateway_not_found", `The agent "${agentId}" ${which} (${place}).`);
    },
    wanted(wanted) {
      const known = find({ gateway: wanted });
      if (known) return known;
      const ids = all().map(({ id }) => id);
      const choice = ids.length === 0 ? "none is found now." : `choose one of ${ids.join(", ")}.`;
      const what = wanted === undefined ? "No gateway is named" : `There is no gateway "${wanted}"`;
      throw new Problem("gateway_not_found", `${what}; ${choice}`);
    },
    async look() {
      const known = await found();
      const answering = await Promise.all(known.map((gateway) => gateway.recount()));
      // One that is down says so at once; one that is busy, as OpenClaw is when it has just started, is waited for.
      if (!answering.includes(true)) await Promise.all(known.map((gateway) => gateway.recount(undefined, true)));
      return known;
    },
  };
}
