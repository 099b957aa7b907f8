import { hasEnded } from "../../domain/has-ended.ts";
import { labelMatcher } from "../../domain/labels.ts";
import type { AgentList, AgentSummary } from "../../schema/agent.ts";
import type { AgentQuery, AgentSort, SortableField } from "../../schema/agent-query.ts";
import type { IndexEntry } from "../agent-index/index-entry.ts";
import { requireIndex } from "../agent-index/reconcile-index.ts";
import type { Context } from "../context.ts";
import { knownFrom, type Reaching } from "../state/find-agent.ts";
import { pageLimit } from "../state/page-limit.ts";
import { type Place, readCursor, writeCursor } from "../state/place-cursor.ts";
import { type AgentRanks, leastShare, mostUsed, nearestShares } from "./agent-ranks.ts";
import { agentSummary } from "./agent-view.ts";

/**
 * One page of the agents that this service made and that match, with how many do in all.
 *
 * @throws Problem `not_ready` while the index is being built, `invalid_query` for a cursor of another list
 */
export async function searchAgents(context: Context, caller: Reaching, query: AgentQuery): Promise<AgentList> {
  await requireIndex(context);
  const now = context.clock.now();
  const matches = matcher(query, now);
  const maker = caller.reach === "own" ? caller.actor : undefined;
  const sort = query.sort ?? "agentId";
  const [entries, ranks, near] = await Promise.all([
    context.agentIndex.entries(),
    ranksFor(context, sort),
    query.minShare === undefined ? undefined : nearestShares(context, query.minShare),
  ]);
  const order = orderOf(sort, ranks);
  const all = ranks ? inRank(entries, ranks) : inOrder(entries, sort, order);
  const isSought = (entry: IndexEntry): boolean =>
    (maker === undefined || entry.createdBy === maker) &&
    (near === undefined || near.byKey.has(entry.aiKeyId ?? "")) &&
    (matches?.(entry) ?? true);
  const found = matches || near || maker !== undefined ? all.filter(isSought) : all;
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, sort);
  const from = after === undefined ? 0 : firstBehind(found, after, order);
  const shown = found.slice(from, from + pageLimit(context, query.limit));
  const records = await Promise.all(shown.map(({ agentId }) => context.records.get("agents", agentId)));
  const last = shown.at(-1);
  return {
    // One that was deleted since is left out, also where another has made one under its id.
    agents: records.flatMap((record): AgentSummary[] =>
      record && (maker === undefined || record.createdBy === maker) ? [agentSummary(knownFrom(record), now)] : [],
    ),
    ...(last && from + shown.length < found.length && { nextCursor: writeCursor(sort, order.placeOf(last)) }),
    total: found.length,
    ...asOf([ranks, near]),
  };
}

/** The one that lags more. */
function asOf(ranks: readonly (AgentRanks | undefined)[]): Pick<AgentList, "asOf"> {
  const times = ranks.flatMap((of) => of?.asOf ?? []);
  return times.length === 0 ? {} : { asOf: new Date(Math.min(...times)).toISOString() };
}

async function ranksFor(context: Context, sort: AgentSort): Promise<AgentRanks | undefined> {
  switch (sort) {
    case "-share":
      return await nearestShares(context, leastShare);
    case "-tokens":
      return await mostUsed(context, "tokens");
    case "-usd":
      return await mostUsed(context, "microUsd");
    default:
      return undefined;
  }
}

/**
 * An agent whose end has come is suspended, whatever its record says; without a key of its own and credentials it
 * needs them.
 * @param now epoch milliseconds
 */
export function statusOf(entry: IndexEntry, now: number): AgentSummary["status"] {
  if (entry.suspended || hasEnded(entry, now)) return "suspended";
  return entry.aiKeyId !== undefined || entry.providers ? "ready" : "needs_auth";
}

/** An accent may come as a character of its own, which depends on the keyboard. */
const folded = (text: string): string => text.normalize("NFC").toLowerCase();

/** `undefined` where every agent matches. */
function matcher({ q, status, provider, model, createdBy, gateway, label }: AgentQuery, now: number) {
  if ([q, status, provider, model, createdBy, gateway, label].every((one) => one === undefined)) return undefined;
  const part = q === undefined ? undefined : folded(q);
  const hasLabels = labelMatcher(label ?? []);
  const has = (text: string | undefined): boolean => text !== undefined && folded(text).includes(part!);
  return (entry: IndexEntry): boolean =>
    (status === undefined || statusOf(entry, now) === status) &&
    (provider === undefined || (entry.providers?.includes(provider) ?? false)) &&
    (model === undefined || entry.model === model) &&
    (createdBy === undefined || entry.createdBy === createdBy) &&
    (gateway === undefined || entry.gateway === gateway) &&
    hasLabels(entry.labels) &&
    (part === undefined ||
      has(entry.agentId) ||
      has(entry.name) ||
      has(entry.model) ||
      has(entry.aiKeyId) ||
      (entry.bindings?.some(has) ?? false));
}

function orderOf(sort: AgentSort, ranks: AgentRanks | undefined) {
  const isDescending = sort.startsWith("-");
  const field = sort.replace("-", "") as SortableField;
  const valueIn = (entry: IndexEntry) => (ranks ? ranks.byKey.get(entry.aiKeyId ?? "") : entry[field]);
  const placeOf = (entry: IndexEntry): Place => [valueIn(entry) ?? null, entry.agentId];
  const comparePlaces = ([a, idA]: Place, [b, idB]: Place): number => {
    if (a === b) return idA < idB ? -1 : idA > idB ? 1 : 0;
    // Without the field, last either way.
    if (a === null || b === null) return a === null ? 1 : -1;
    return a < b === isDescending ? 1 : -1;
  };
  const compare = (a: IndexEntry, b: IndexEntry): number => comparePlaces(placeOf(a), placeOf(b));
  return { placeOf, comparePlaces, compare };
}

const orders = new WeakMap<readonly IndexEntry[], Map<AgentSort, readonly IndexEntry[]>>();

/** A console asks for the same order again and again: ten thousand agents are sorted once for as long as none changes. */
function inOrder(entries: readonly IndexEntry[], sort: AgentSort, { compare }: ReturnType<typeof orderOf>) {
  const known = orders.get(entries) ?? new Map<AgentSort, readonly IndexEntry[]>();
  const sorted = known.get(sort) ?? entries.toSorted(compare);
  orders.set(entries, known.set(sort, sorted));
  return sorted;
}

/** Use changes with every request, but few agents have a rank: the others follow in the order of their ids. */
function inRank(entries: readonly IndexEntry[], { byKey }: AgentRanks): readonly IndexEntry[] {
  const ranked: { entry: IndexEntry; amount: number }[] = [];
  const others: IndexEntry[] = [];
  for (const entry of inOrder(entries, "agentId", orderOf("agentId", undefined))) {
    const amount = entry.aiKeyId === undefined ? undefined : byKey.get(entry.aiKeyId);
    if (amount === undefined) others.push(entry);
    else ranked.push({ entry, amount });
  }
  // The sort is stable: equals stay in the order of their ids.
  ranked.sort((a, b) => b.amount - a.amount);
  return [...ranked.map(({ entry }) => entry), ...others];
}

/** The agent at the cursor may be gone: what came behind it still does. */
function firstBehind(sorted: readonly IndexEntry[], after: Place, order: ReturnType<typeof orderOf>): number {
  const at = sorted.findIndex((entry) => order.comparePlaces(order.placeOf(entry), after) > 0);
  return at < 0 ? sorted.length : at;
}
