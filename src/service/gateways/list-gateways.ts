import { roomOn } from "../../domain/placement.ts";
import type { GatewayOwnWords, HostGateway } from "../../ports.ts";
import type { GatewayList, GatewayView } from "../../schema/gateway.ts";
import { version } from "../../version.ts";
import type { Context } from "../context.ts";
import { isCordoned } from "./cordon-gateway.ts";
import { countGateways } from "./count-others.ts";
import { agentsOn, placesTaken } from "./gateway-places.ts";
import { lostGateways } from "./lost-gateways.ts";
import { ownId } from "./own-id.ts";

/** Every gateway as it is now; a deployment that has agents itself is its one. */
export async function listGateways(context: Context): Promise<GatewayList> {
  const { host } = context;
  if (!host.gateways) return { gateways: [await ownView(context)] };
  const all = await countGateways(context, host.gateways.look);
  const gateways = all.map(async (one) => view(context, one, one.isReachable ? await one.describe() : undefined));
  return { gateways: [...(await Promise.all(gateways)), ...(await unknownGateways(context, all))] };
}

async function unknownGateways(context: Context, known: readonly HostGateway[]): Promise<GatewayView[]> {
  const views = lostGateways(await context.agentIndex.entries(), known).map(async (id): Promise<GatewayView> => {
    const agents = await placesTaken(context, id);
    return { id, reachable: false, agents, cordoned: await isCordoned(context, id) };
  });
  return await Promise.all(views);
}

async function view(context: Context, gateway: HostGateway, own: GatewayOwnWords | undefined): Promise<GatewayView> {
  const cordoned = await isCordoned(context, gateway.id);
  return {
    id: gateway.id,
    labels: gateway.labels,
    reachable: gateway.isReachable,
    version: own?.version,
    host: own?.host,
    ...capacity(await agentsOn(context, gateway), gateway.maxAgents),
    cordoned: cordoned || own?.cordoned === true,
    lastReload: own?.lastReload,
  };
}

async function ownView(context: Context): Promise<GatewayView> {
  const { host, settings } = context;
  const reachable = await host.check().then(
    () => true,
    () => false,
  );
  return {
    id: await ownId(context),
    reachable,
    version,
    host: host.kind,
    ...capacity(await agentsOn(context, undefined), settings.provisioning.host.maxAgents),
    cordoned: await isCordoned(context, undefined),
    lastReload: host.lastReload?.(),
  };
}

function capacity(
  agents: number,
  maxAgents: number | undefined,
): Pick<GatewayView, "agents" | "maxAgents" | "room" | "used"> {
  if (maxAgents === undefined) return { agents };
  const used = maxAgents === 0 ? 1 : Math.round((agents / maxAgents) * 1_000) / 1_000;
  return { agents, maxAgents, room: roomOn({ agents, maxAgents }), used };
}
