import { roomOn } from "../../domain/placement.ts";
import type { GatewayOwnWords, HostGateway } from "../../ports.ts";
import type { GatewayList, GatewayView } from "../../schema/gateway.ts";
import { version } from "../../version.ts";
import type { Context } from "../context.ts";
import type { Reaching } from "../state/find-agent.ts";
import { isCordoned } from "./cordon-gateway.ts";
import { countGateways } from "./count-others.ts";
import { agentsOn, findGateway, placesTaken } from "./gateway-places.ts";
import { lostGateways } from "./lost-gateways.ts";
import { ownId } from "./own-id.ts";

/**
 * Every gateway as it is now; a deployment that has agents itself is its one. A caller of reach `own` is told how many of
 * its agents are there, and nothing that tells how many others.
 */
export async function listGateways(context: Context, caller?: Reaching): Promise<GatewayList> {
  const gateways = await allGateways(context);
  if (caller?.reach !== "own") return { gateways };
  const isRemote = context.host.gateways !== undefined;
  const own = (await context.agentIndex.entries()).filter(({ createdBy }) => createdBy === caller.actor);
  const countOn = (id: string) => own.filter(({ gateway }) => gateway === (isRemote ? id : undefined)).length;
  const counted = gateways.map(({ room: _, used: __, ...one }) => ({ ...one, agents: countOn(one.id) }));
  // One that was not met is listed for its agents alone.
  return { gateways: counted.filter(({ id, agents }) => agents > 0 || !isRemote || findGateway(context, id)) };
}

async function allGateways(context: Context): Promise<GatewayView[]> {
  const { host } = context;
  if (!host.gateways) return [await ownView(context)];
  const all = await countGateways(context, host.gateways.look);
  const gateways = all.map(async (one) => view(context, one, one.isReachable ? await one.describe() : undefined));
  return [...(await Promise.all(gateways)), ...(await unknownGateways(context, all))];
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
