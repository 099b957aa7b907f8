/**
 * An agent holds these so that no other can have them: its workspace, its bindings, and its places among the agents
 * that its provisioning key may make and that its gateway may have. All are exact, and outlive the process.
 */
import { bindingTaken, workspaceTaken } from "../../domain/taken.ts";
import { isProblem, Problem } from "../../errors.ts";
import type { LedgerName } from "../../ports.ts";
import { bindingClaim, keyLedger, workspaceClaim } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { freePlace, requireRoom } from "../gateways/gateway-places.ts";
import { replaceAgent } from "../state/agent-record.ts";

export interface ExclusiveResources {
  agentId: string;
  /** The operation that made the agent. */
  creation: string;
  gateway?: string | undefined;
  workspace?: string | undefined;
  bindings: string[];
  placeKeyId?: string | undefined;
}

type Owner = Pick<ExclusiveResources, "agentId" | "creation">;

/** One making of the agent: an agent that is made anew under its id owns nothing of this one's, nor this one of that. */
const ownerOf = ({ agentId, creation }: Owner) =>
  creation === "" ? unnamed(agentId) : `${unnamed(agentId)}#${creation}`;
/** The owner of an agent that others made, or that an earlier release did. */
const unnamed = (agentId: string) => `agent:${agentId}`;

async function own({ ledger }: Context, name: LedgerName, resources: Owner): ReturnType<Context["ledger"]["claim"]> {
  const owner = ownerOf(resources);
  const from = unnamed(resources.agentId);
  const answer = await ledger.claim(name, { owner, ttlMs: null });
  if (answer.granted || answer.owner !== from) return answer;
  return (await ledger.renew(name, { owner, from, ttlMs: null })) ? { granted: true } : answer;
}

async function disown({ ledger }: Context, name: LedgerName, resources: Owner): Promise<void> {
  const owners = new Set([ownerOf(resources), unnamed(resources.agentId)]);
  await Promise.all([...owners].map((owner) => ledger.release(name, owner)));
}

/**
 * On another machine none is claimed here: which directory `~/x`, `/srv/x/` or a link is, that machine alone knows, and
 * its gateway claims it by its real path. A claim by what was asked for would not be found again by what it became.
 */
const workspaceOf = ({ host }: Context, { workspace }: Pick<ExclusiveResources, "workspace">) =>
  workspace === undefined || host.kind === "remote" ? undefined : workspaceClaim(workspace);

/**
 * @param limit agents that the key may have
 * @throws Problem `agent_limit_reached`, `workspace_taken`, `binding_taken`; call `releaseResources` in any case
 */
export async function acquireResources(
  context: Context,
  resources: ExclusiveResources,
  limit: number | null,
): Promise<void> {
  const { ledger } = context;
  const workspace = workspaceOf(context, resources);
  const [workspaceClaimed, bindings, place] = await Promise.all([
    workspace && own(context, workspace, resources),
    Promise.all(resources.bindings.map((one) => own(context, bindingClaim(resources.gateway, one), resources))),
    resources.placeKeyId === undefined
      ? undefined
      : ledger.reserve(keyLedger(resources.placeKeyId).agentReservation(resources.creation), [
          { counter: keyLedger(resources.placeKeyId).agents, period: "all", limit, amount: 1 },
        ]),
  ]);
  if (place?.outcome === "exceeded") {
    throw agentLimitReached(place.exceeded.used + place.exceeded.reserved, place.exceeded.limit);
  }
  if (workspaceClaimed && !workspaceClaimed.granted) throw workspaceTaken();
  resources.bindings.forEach((binding, at) => {
    const result = bindings[at]!;
    if (!result.granted) throw bindingTaken(binding);
  });
}

const agentLimitReached = (count: number, limit: number): Problem =>
  new Problem(
    "agent_limit_reached",
    `The provisioning key has ${count} agents and may have ${limit}; ` +
      "delete one, or raise maxAgents (gateway.provisioning.maxAgentsPerKey, or the key's own).",
  );

/** The resources of agents that a dry run has let pass so far: the next one cannot have them any more. */
export interface PassedResources {
  names: Set<string>;
  places: number;
  /** Those of them that are on a gateway, by its id. */
  on: Map<string | undefined, number>;
}

/**
 * Claims nothing, and throws what `acquireResources` would as things are.
 * @param passed gets what this one would hold
 */
export async function requireFreeResources(
  context: Context,
  resources: Omit<ExclusiveResources, "creation">,
  limit: number,
  passed: PassedResources,
): Promise<void> {
  const { ledger } = context;
  const { placeKeyId, gateway } = resources;
  const isTaken = async (name: LedgerName) => passed.names.has(name) || (await ledger.holder(name)) !== undefined;
  if (placeKeyId !== undefined) {
    const { used, reserved } = await ledger.used(keyLedger(placeKeyId).agents, "all");
    const count = used + reserved + passed.places;
    if (count >= limit) throw agentLimitReached(count, limit);
  }
  const there = passed.on.get(gateway) ?? 0;
  await requireRoom(context, gateway, there);
  const workspace = workspaceOf(context, resources);
  if (workspace !== undefined && (await isTaken(workspace))) throw workspaceTaken();
  const bindings = [...new Set(resources.bindings)].map((binding) => ({
    binding,
    name: bindingClaim(gateway, binding),
  }));
  for (const { binding, name } of bindings) if (await isTaken(name)) throw bindingTaken(binding);
  for (const name of [...(workspace === undefined ? [] : [workspace]), ...bindings.map((one) => one.name)])
    passed.names.add(name);
  passed.places += 1;
  passed.on.set(gateway, there + 1);
}

type BindingResources = Pick<ExclusiveResources, "agentId" | "creation" | "gateway" | "bindings">;

/**
 * Claims bindings for an agent that exists, and has them given to it. It does not keep a binding that it was refused; it
 * keeps one that it may have been given.
 *
 * @param fresh those of them that it had no claim to before, and what leaves these to recovery
 */
export async function acquireBindings<T>(
  context: Context,
  resources: BindingResources,
  fresh: { added: string[]; leave: () => void },
  give: () => Promise<T>,
): Promise<T> {
  try {
    await acquireResources(context, resources, null);
    return await give();
  } catch (error) {
    const added = { ...resources, bindings: fresh.added };
    const settled = isRefusal(error) ? releaseBindings(context, added) : keepUnconfirmed(context, added);
    await settled.catch(fresh.leave);
    throw error;
  }
}

/** Nothing was done after such an answer. A gateway may call the agent busy for an earlier attempt of ours. */
export const isRefusal = (error: unknown): boolean =>
  isProblem(error) && error.status < 500 && error.code !== "agent_busy";

/**
 * Nobody knows whether the host has given the agent these: its record remembers them, so that they are freed with it.
 * An agent that others made has none, and of what it has the host alone is asked.
 */
export async function keepUnconfirmed(context: Context, resources: BindingResources): Promise<void> {
  const record = await context.records.get("agents", resources.agentId);
  if (record?.operationId !== resources.creation || !record) return await releaseBindings(context, resources);
  const { bindings, bindingsInDoubt = [] } = record;
  const more = resources.bindings.filter((one) => !bindings.includes(one) && !bindingsInDoubt.includes(one));
  if (more.length === 0) return;
  await replaceAgent(context, record, { ...record, bindingsInDoubt: [...bindingsInDoubt, ...more] });
}

/** Frees those that this agent holds; another's stay its own. */
export async function releaseBindings(context: Context, resources: BindingResources): Promise<void> {
  await Promise.all(
    resources.bindings.map((binding) => disown(context, bindingClaim(resources.gateway, binding), resources)),
  );
}

/** Frees what this agent holds, and only that: what it asked for in vain stays with its owner. */
export async function releaseResources(context: Context, resources: ExclusiveResources): Promise<void> {
  const { ledger } = context;
  const workspace = workspaceOf(context, resources);
  await Promise.all([
    releaseBindings(context, resources),
    freePlace(context, resources),
    workspace && disown(context, workspace, resources),
    resources.placeKeyId && ledger.settle(keyLedger(resources.placeKeyId).agentReservation(resources.creation), {}),
  ]);
}
