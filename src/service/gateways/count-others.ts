import { isFresh } from "../../domain/is-fresh.ts";
import { othersTurn } from "../../domain/others-turn.ts";
import type { AgentHost, HostGateway } from "../../ports.ts";
import type { IndexEntry } from "../agent-index/index-entry.ts";
import type { Context } from "../context.ts";

const countMs = 10_000;
/** A count that is older is made anew before an agent is refused by it. */
export const refusedAgeMs = 1_000;

interface Count {
  at: number;
  others: Set<string>;
}
const counts = new WeakMap<HostGateway | AgentHost, Count>();

/**
 * How many agents the gateway, or the deployment's own host, has that this service did not make: as counted within
 * `ageMs`. A gateway that does not answer has those that it had.
 */
export async function countOthers(
  context: Context,
  gateway: HostGateway | undefined,
  ageMs = countMs,
): Promise<number> {
  const counted = gateway ?? context.host;
  const last = counts.get(counted);
  const now = context.clock.now();
  if (last && isFresh(last.at, now, ageMs)) return last.others.size;
  // Those who ask meanwhile go by the old number.
  if (last) counts.set(counted, { ...last, at: now });
  if (gateway) await countGateways(context, () => gateway.recount(refusedAgeMs));
  else await countOwn(context);
  return lastOthers(context, gateway);
}

/** The same as it was counted last, however long ago. No gateway is asked. */
export async function lastOthers(context: Context, gateway: HostGateway | undefined): Promise<number> {
  const last = counts.get(gateway ?? context.host);
  if (last || !gateway) return last?.others.size ?? 0;
  const entries = await context.agentIndex.entries();
  return othersAmong(gateway.agentIds, gateway.id, [entries]).size;
}

/** An agent has come to be of others, or is of others no more, since its host was counted. */
export function noteOther(
  { host }: Context,
  { agentId, gateway }: Pick<IndexEntry, "agentId" | "gateway">,
  isOther: boolean,
): void {
  const counted = host.gateways ? host.gateways.known().find(({ id }) => id === gateway) : host;
  const others = counted && counts.get(counted)?.others;
  if (isOther) others?.add(agentId);
  else others?.delete(agentId);
}

/** The index as each count under way began with it: the list that one waits for may be found by another first. */
const underWay = new WeakMap<AgentHost, Set<{ before: readonly IndexEntry[]; since: number }>>();
/** Longer than any is waited for: a runtime may have given its request up. */
const underWayMs = 60_000;

/**
 * Has gateways counted by `ask`, and tells the agents of this service from those of others by the index as it was before
 * and as it is after: an agent that is deleted meanwhile is in the first, and one that is made is in the second.
 */
export async function countGateways<T>(context: Context, ask: () => Promise<T>): Promise<T> {
  const { known } = context.host.gateways!;
  const begun = underWay.get(context.host) ?? new Set();
  underWay.set(context.host, begun);
  const own = { before: await context.agentIndex.entries(), since: performance.now() };
  for (const one of begun) if (own.since - one.since > underWayMs) begun.delete(one);
  const lists = [...begun, own].map(({ before }) => before);
  const sets = new Map(known().map((gateway) => [gateway, gateway.agentIds]));
  begun.add(own);
  const answer = await ask().finally(() => begun.delete(own));
  const counted = known().filter((gateway) => gateway.agentIds !== sets.get(gateway));
  if (counted.length === 0) return answer;
  const after = await context.agentIndex.entries();
  const at = context.clock.now();
  for (const gateway of counted) {
    counts.set(gateway, { at, others: othersAmong(gateway.agentIds, gateway.id, [...lists, after]) });
  }
  return answer;
}

/** @throws Problem where the host does not work; gateways are counted by that too */
export const checkHost = async (context: Context): Promise<void> =>
  context.host.gateways ? await countGateways(context, () => context.host.check()) : await context.host.check();

async function countOwn({ host, agentIndex, clock }: Context): Promise<void> {
  const before = await agentIndex.entries();
  const agentIds = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await host.list({ cursor, limit: 100 });
    for (const { agentId } of page.agents) agentIds.add(agentId);
    cursor = page.nextCursor;
    if (cursor !== undefined) await othersTurn();
  } while (cursor !== undefined);
  const after = await agentIndex.entries();
  counts.set(host, { at: clock.now(), others: othersAmong(agentIds, undefined, [before, after]) });
}

function othersAmong(
  agentIds: ReadonlySet<string>,
  gateway: string | undefined,
  lists: readonly (readonly IndexEntry[])[],
): Set<string> {
  const ours = lists.map((entries) => idsOn(entries, gateway));
  return new Set([...agentIds].filter((id) => !ours.some((ids) => ids.has(id))));
}

const nobody: ReadonlySet<string> = new Set();
/** Ids by gateway: the same list is asked for each of them. */
const idsOf = new WeakMap<readonly IndexEntry[], Map<string | undefined, Set<string>>>();

function idsOn(entries: readonly IndexEntry[], gateway: string | undefined): ReadonlySet<string> {
  let ids = idsOf.get(entries);
  if (!ids) {
    ids = new Map();
    for (const entry of entries) {
      const on = ids.get(entry.gateway);
      if (on) on.add(entry.agentId);
      else ids.set(entry.gateway, new Set([entry.agentId]));
    }
    idsOf.set(entries, ids);
  }
  return ids.get(gateway) ?? nobody;
}
