/**
 * What an agent holds so that no other can have it: its workspace, its bindings, and its place among the agents
 * that its provisioning key may make. All three are exact, and outlive the process.
 */
import { Problem } from "../errors.ts";
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
  if (workspaceClaimed && !workspaceClaimed.granted) throw workspaceTaken(workspaceClaimed.owner);
  places.bindings.forEach((binding, at) => {
    const result = bindings[at]!;
    if (!result.granted) throw bindingTaken(binding, result.owner.replace(/^agent:/, ""));
  });
}

/** Claims bindings for an agent that exists. On a conflict nothing is kept. */
export async function takeBindings(
  context: Context,
  places: Omit<Places, "placeKeyId">,
  keep: string[],
): Promise<void> {
  try {
    await takePlaces(context, { ...places, workspace: undefined }, null);
  } catch (error) {
    await releaseBindings(context, { ...places, bindings: places.bindings.filter((one) => !keep.includes(one)) });
    throw error;
  }
}

export async function releaseBindings(context: Context, places: Places): Promise<void> {
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

export const bindingTaken = (binding: string, agentId: string): Problem =>
  new Problem("binding_taken", `The binding "${binding}" belongs to the agent "${agentId}"; nothing was changed.`);

const workspaceTaken = (owner: string): Problem =>
  new Problem("workspace_taken", `The workspace belongs to the ${owner.replace(":", ' "')}"; name another one.`);
