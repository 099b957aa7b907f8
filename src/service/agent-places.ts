/**
 * What an agent holds so that no other can have it: its workspace, its bindings, and its place among the agents
 * that its provisioning key may make. All three are exact, and outlive the process.
 */
import { bindingTaken, workspaceTaken } from "../domain/taken.ts";
import { isProblem, Problem } from "../errors.ts";
import { bindingClaim, keyLedger, workspaceClaim } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";

export interface Places {
  agentId: string;
  /** The operation that made the agent. */
  creation: string;
  gateway?: string | undefined;
  workspace?: string | undefined;
  bindings: string[];
  placeKeyId?: string | undefined;
}

const ownerOf = (agentId: string) => `agent:${agentId}`;

/**
 * On another machine none is claimed here: which directory `~/x`, `/srv/x/` or a link is, that machine alone knows, and
 * its gateway claims it by its real path. A claim by what was asked for would not be found again by what it became.
 */
const workspaceOf = ({ host }: Context, { workspace }: Pick<Places, "workspace">) =>
  workspace === undefined || host.kind === "remote" ? undefined : workspaceClaim(workspace);

/**
 * @param limit agents that the key may have
 * @throws Problem `agent_limit_reached`, `workspace_taken`, `binding_taken`; call `releasePlaces` in any case
 */
export async function takePlaces(context: Context, places: Places, limit: number | null): Promise<void> {
  const { ledger } = context;
  const claim = { owner: ownerOf(places.agentId), ttlMs: null };
  const workspace = workspaceOf(context, places);
  const [place, workspaceClaimed, ...bindings] = await Promise.all([
    places.placeKeyId === undefined
      ? undefined
      : ledger.reserve(keyLedger(places.placeKeyId).agentReservation(places.creation), [
          { counter: keyLedger(places.placeKeyId).agents, period: "all", limit, amount: 1 },
        ]),
    workspace && ledger.claim(workspace, claim),
    ...places.bindings.map((binding) => ledger.claim(bindingClaim(places.gateway, binding), claim)),
  ]);
  if (place?.outcome === "exceeded") {
    throw new Problem(
      "agent_limit_reached",
      `The provisioning key has ${place.exceeded.used + place.exceeded.reserved} agents and may have ${place.exceeded.limit}; ` +
        "delete one, or raise maxAgents (gateway.provisioning.maxAgentsPerKey, or the key's own).",
    );
  }
  if (workspaceClaimed && !workspaceClaimed.granted) throw workspaceTaken();
  places.bindings.forEach((binding, at) => {
    const result = bindings[at]!;
    if (!result.granted) throw bindingTaken(binding);
  });
}

type BindingPlaces = Pick<Places, "agentId" | "gateway" | "bindings">;

/**
 * Claims bindings for an agent that exists, and has them given to it. What it was refused it does not keep; what it
 * may have been given, it does.
 *
 * @param fresh those of them that it had no claim to before, and what leaves these to recovery
 */
export async function takeBindings<T>(
  context: Context,
  places: BindingPlaces,
  fresh: { added: string[]; leave: () => void },
  give: () => Promise<T>,
): Promise<T> {
  try {
    await takePlaces(context, { ...places, creation: "" }, null);
    return await give();
  } catch (error) {
    const added = { ...places, bindings: fresh.added };
    const settled = isRefusal(error) ? releaseBindings(context, added) : keepInDoubt(context, added);
    await settled.catch(fresh.leave);
    throw error;
  }
}

/** What tells that nothing was done. A gateway may call the agent busy because it is still at an earlier attempt. */
const isRefusal = (error: unknown): boolean => isProblem(error) && error.status < 500 && error.code !== "agent_busy";

/**
 * Nobody knows whether the host has given the agent these: its record remembers them, so that they are freed with it.
 * An agent that others made has none, and of what it has the host alone is asked.
 */
export async function keepInDoubt(context: Context, places: BindingPlaces): Promise<void> {
  const record = await context.records.get("agents", places.agentId);
  if (!record) return await releaseBindings(context, places);
  const { bindings, bindingsInDoubt = [] } = record;
  const more = places.bindings.filter((one) => !bindings.includes(one) && !bindingsInDoubt.includes(one));
  if (more.length === 0) return;
  await context.records.set("agents", places.agentId, { ...record, bindingsInDoubt: [...bindingsInDoubt, ...more] });
}

export async function releaseBindings(context: Context, places: BindingPlaces): Promise<void> {
  const owner = ownerOf(places.agentId);
  await Promise.all(
    places.bindings.map((binding) => context.ledger.release(bindingClaim(places.gateway, binding), owner)),
  );
}

/** Frees what this agent holds, and only that: what it asked for in vain stays with its owner. */
export async function releasePlaces(context: Context, places: Places): Promise<void> {
  const { ledger } = context;
  const workspace = workspaceOf(context, places);
  await Promise.all([
    releaseBindings(context, places),
    workspace && ledger.release(workspace, ownerOf(places.agentId)),
    places.placeKeyId && ledger.settle(keyLedger(places.placeKeyId).agentReservation(places.creation), {}),
  ]);
}
