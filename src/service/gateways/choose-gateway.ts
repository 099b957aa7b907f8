import { noneAnswers } from "../../domain/none-answers.ts";
import { mayBePlaced, roomiest } from "../../domain/placement.ts";
import { Problem } from "../../errors.ts";
import type { HostGateway, HostPlan } from "../../ports.ts";
import type { CreateAgent } from "../../schema/create-agent.ts";
import type { Context } from "../context.ts";
import { isCordoned, requireOpen } from "./cordon-gateway.ts";
import { countGateways, refusedAgeMs } from "./count-others.ts";
import { findGateway, lookUpGateway } from "./gateway-places.ts";

/** As much of a create as its place depends on. */
export interface PlanRequest
  extends Pick<CreateAgent, "workspace" | "gateway" | "labels" | "confinement" | "tools" | "peers"> {
  agentId: string;
  heldToQuota: boolean;
  /** Goes by what is known of the gateways: a busy one takes seconds to answer. */
  atOnce?: boolean;
}

/**
 * The place where the agent goes, and what it has there.
 *
 * @param tried gateways that were tried in vain
 * @throws Problem `gateway_not_found`, `gateway_not_allowed`, `gateway_cordoned`, `gateway_full`, `host_unavailable`,
 *   and what the host's `plan` throws
 */
export async function planAgent(
  context: Context,
  request: PlanRequest,
  tried: ReadonlySet<string> = new Set(),
): Promise<HostPlan> {
  if (context.host.gateways) {
    const gateway =
      request.gateway === undefined ? await chooseGateway(context, request, tried) : await named(context, request);
    try {
      return await context.host.plan({ ...request, gateway });
    } catch (error) {
      expectFewer(context, gateway);
      throw error;
    }
  }
  await requireOpen(context, undefined);
  return await context.host.plan(request);
}

/** The agent for which a plan was made does not come there. */
export const expectFewer = (context: Context, gateway: string | undefined): void =>
  findGateway(context, gateway)?.expect(-1);

/** One that is not known is the host's to refuse. */
async function named(context: Context, { gateway: id, labels, agentId }: PlanRequest): Promise<string | undefined> {
  const gateway = await lookUpGateway(context, id);
  if (!gateway) return id;
  requirePlacement(context, agentId, gateway, labels);
  await requireOpen(context, gateway.id);
  gateway.expect(1);
  return gateway.id;
}

async function chooseGateway(
  context: Context,
  { labels, atOnce }: PlanRequest,
  tried: ReadonlySet<string>,
): Promise<string> {
  const { placement } = context.settings.provisioning.host;
  const all = await lookAt(context, atOnce);
  if (all.length === 0) throw noneAnswers();
  const allowed = all.filter((gateway) => mayBePlaced(placement, labels, gateway.labels));
  if (allowed.length === 0) {
    throw new Problem(
      "gateway_not_allowed",
      `No gateway takes agents with the labels ${shown(labels)}: see gateway.provisioning.host.placement, and the labels in host.gateways.`,
    );
  }
  const untried = allowed.filter(({ id }) => !tried.has(id));
  let answering = untried.filter(({ isReachable }) => isReachable);
  // Nobody waits for them: they are asked, and asked again, until their reload is over.
  if (answering.length === 0 && atOnce) answering = untried.filter((one) => one.isStalled && one.isCounted);
  if (answering.length === 0) throw noneAnswers();
  const closed = await Promise.all(answering.map((gateway) => isCordoned(context, gateway.id)));
  const open = answering.filter((_, at) => !closed[at]);
  let best = roomiest(open);
  if (!best && !atOnce) {
    // Agents that were expected may not have come.
    await countGateways(context, () => Promise.all(open.map((gateway) => gateway.recount(refusedAgeMs))));
    best = roomiest(open);
  }
  // At once: others are choosing at this moment.
  best?.expect(1);
  if (best) return best.id;
  const why = answering.map(
    (gateway, at) =>
      `"${gateway.id}" ${closed[at] ? "is cordoned" : `has ${gateway.agents} agents of ${gateway.maxAgents}`}`,
  );
  throw new Problem(
    "gateway_full",
    `No gateway has room: ${why.join(", ")}. Add a gateway, raise maxAgents in gateway.provisioning.host.gateways, or \`gateways uncordon\` one.`,
  );
}

async function lookAt(context: Context, atOnce = false): Promise<readonly HostGateway[]> {
  const { known, look: ask } = context.host.gateways!;
  const look = () => countGateways(context, ask);
  // Before the first count there is nothing to go by.
  if (!atOnce || !known().some((one) => one.isCounted)) return await look();
  context.background(look().catch((cause) => context.log("warn", "the gateways could not be looked at", { cause })));
  return known();
}

/**
 * @throws Problem `gateway_not_allowed` where the rules keep the agent from this gateway
 */
export function requirePlacement(
  { settings }: Context,
  agentId: string,
  gateway: HostGateway,
  labels: CreateAgent["labels"],
): void {
  if (mayBePlaced(settings.provisioning.host.placement, labels, gateway.labels)) return;
  throw new Problem(
    "gateway_not_allowed",
    `The agent "${agentId}" with the labels ${shown(labels)} may not be on the gateway "${gateway.id}" with the labels ` +
      `${shown(gateway.labels)}: see gateway.provisioning.host.placement.`,
  );
}

const shown = (labels: CreateAgent["labels"]): string => JSON.stringify(labels ?? {});
