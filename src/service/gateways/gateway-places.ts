/**
 * Each agent that this service made has a place on its gateway, which the ledger counts exactly. Agents of others have
 * none: they are counted by the gateway's own list, and leave the fewer.
 */
import { Problem } from "../../errors.ts";
import type { HostGateway } from "../../ports.ts";
import { gatewayPlaces } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { countOthers, lastOthers, refusedAgeMs } from "./count-others.ts";

/** The making of an agent that takes a place. */
export interface Placed {
  gateway?: string | undefined;
  /** The operation that made the agent. */
  creation: string;
}

/** `undefined` for an id that this process has not met, and where there is no choice of gateways. */
export const findGateway = ({ host }: Context, id: string | undefined): HostGateway | undefined =>
  id === undefined ? undefined : host.gateways?.known().find((one) => one.id === id);

/** The same, where this process may not have looked for its gateways yet. */
export async function lookUpGateway(context: Context, id: string | undefined): Promise<HostGateway | undefined> {
  if (id !== undefined) await context.host.gateways?.found();
  return findGateway(context, id);
}

const maxAgentsOn = ({ host, settings }: Context, gateway: HostGateway | undefined): number | undefined =>
  gateway || host.gateways ? gateway?.maxAgents : settings.provisioning.host.maxAgents;

/**
 * Takes the agent's place, or finds that there is none: another process may have taken the last one meanwhile.
 * @param atOnce goes by the last count of the gateway's agents, however old
 * @returns whether it has one
 */
export async function takePlace(context: Context, placed: Placed, atOnce = false): Promise<boolean> {
  const gateway = findGateway(context, placed.gateway);
  const maxAgents = maxAgentsOn(context, gateway);
  if (maxAgents === undefined) return await reserve(context, placed, null);
  const room = (others: number) => Math.max(0, maxAgents - others);
  const isKnown = atOnce && gateway?.isCounted;
  const others = isKnown ? await lastOthers(context, gateway) : await countOthers(context, gateway);
  if (await reserve(context, placed, room(others))) return true;
  if (atOnce && gateway) return false;
  return await reserve(context, placed, room(await countOthers(context, gateway, refusedAgeMs)));
}

/** Takes the place of an agent that is there already, however many there may be. */
export const givePlace = async (context: Context, placed: Placed): Promise<void> =>
  void (await reserve(context, placed, null));

async function reserve({ ledger }: Context, { gateway, creation }: Placed, limit: number | null): Promise<boolean> {
  const names = gatewayPlaces(gateway);
  const entry = { counter: names.agents, period: "all", limit, amount: 1 };
  return (await ledger.reserve(names.place(creation), [entry])).outcome === "reserved";
}

/** Frees the place that this creation took, and no other; done twice, it changes nothing. */
export const freePlace = async ({ ledger }: Context, { gateway, creation }: Placed): Promise<void> =>
  await ledger.settle(gatewayPlaces(gateway).place(creation), {});

/** The agents of this service on the gateway, those that are being made included. */
export const placesTaken = async ({ ledger }: Context, gateway: string | undefined): Promise<number> =>
  (await ledger.used(gatewayPlaces(gateway).agents, "all")).reserved;

/** How many agents it has, whoever made them. */
export const agentsOn = async (context: Context, gateway: HostGateway | undefined): Promise<number> =>
  (await placesTaken(context, gateway?.id)) + (await countOthers(context, gateway));

/**
 * As things are: several that ask at one time may all be let pass.
 * @param id `undefined` is the deployment's own host
 * @param more agents that are to be there besides
 * @throws Problem `gateway_full` where there is no room for another
 */
export async function requireRoom(context: Context, id: string | undefined, more: number): Promise<void> {
  const gateway = findGateway(context, id);
  const maxAgents = maxAgentsOn(context, gateway);
  if (maxAgents !== undefined && (await agentsOn(context, gateway)) + more >= maxAgents)
    throw gatewayFull(context, gateway);
}

/** Names the setting that bounds it. */
export function gatewayFull(context: Context, gateway: HostGateway | undefined): Problem {
  const maxAgents = maxAgentsOn(context, gateway);
  return gateway
    ? new Problem(
        "gateway_full",
        `The gateway "${gateway.id}" has the ${maxAgents} agents that it may have; delete some, raise its maxAgents in ` +
          "gateway.provisioning.host.gateways, or choose another gateway.",
      )
    : new Problem(
        "gateway_full",
        `This gateway has the ${maxAgents} agents that it may have; delete some, or raise gateway.provisioning.host.maxAgents.`,
      );
}
