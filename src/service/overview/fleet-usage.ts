import { freeCallsModel, isMetered } from "../../domain/free-calls.ts";
import { groupingLabel, labelNames, labelOf } from "../../domain/labels.ts";
import { Problem } from "../../errors.ts";
import type { FleetUsage, FleetUsageQuery, FleetUsageRow } from "../../schema/fleet-usage.ts";
import { aiKeyLedger, aiKeyOfName, aiKeyPrefix } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import type { Reaching } from "../state/find-agent.ts";
import { type Place, readCursor, writeCursor } from "../state/place-cursor.ts";
import { usageDays } from "../state/usage-days.ts";
import { aiKeysOf, type FleetAgent, type FleetAgents, fleetAgents, mostKeys } from "./fleet-agents.ts";
import { addUse, type CountedUse, noUse, shownUse } from "./usage-sums.ts";

/** The bound of agents whose models or days have to be read one by one. */
const mostRead = 500;
/** As many have their use read one by one where all use could be read at once. */
const fewAgents = 100;

const mostLabelNames = 1_000;

/** The value for an agent without the label, or for one that nobody's key made. */
const none = "(none)";

interface Group {
  use: CountedUse;
  name?: string | undefined;
}

/** @throws Problem `invalid_query`, `not_ready` while the index of agents is being built */
export async function readFleetUsage(context: Context, caller: Reaching, query: FleetUsageQuery): Promise<FleetUsage> {
  const { from, to } = usageDays(context, query);
  const agents = await fleetAgents(context, caller, query.label);
  const { by } = query;
  const { groups, asOf } =
    by === "model" || by === "day"
      ? await byRow(context, agents, { from, to, by })
      : await byAgent(context, agents, { from, to, by });
  const total = noUse();
  for (const { use } of groups.values()) addUse(total, use);
  const rows = [...groups].map(
    ([key, { use, name }]): FleetUsageRow => ({ key, ...(name !== undefined && { name }), ...shownUse(use) }),
  );
  const orderBy = query.orderBy ?? (by === "day" ? "key" : "usd");
  const placeOf = (row: FleetUsageRow): Place => [orderBy === "key" ? null : row[orderBy], row.key];
  rows.sort((a, b) => comparePlaces(placeOf(a), placeOf(b)));
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, orderBy);
  const behind = after === undefined ? rows : rows.filter((row) => comparePlaces(placeOf(row), after) > 0);
  const shown = behind.slice(0, query.limit);
  return {
    from,
    to,
    by,
    asOf: new Date(asOf).toISOString(),
    rows: shown,
    total: shownUse(total),
    labels: labelNames(agents.entries, mostLabelNames),
    ...(shown.length < behind.length && { nextCursor: writeCursor(orderBy, placeOf(shown.at(-1)!)) }),
  };
}

/** The most first. */
const comparePlaces = ([a, keyA]: Place, [b, keyB]: Place): number =>
  Number(b) - Number(a) || (keyA < keyB ? -1 : keyA > keyB ? 1 : 0);

interface Span {
  from: string;
  to: string;
  by: string;
}

function addTo(groups: Map<string, Group>, key: string, use: CountedUse, name?: string): void {
  let group = groups.get(key);
  if (!group) {
    group = { use: noUse(), name };
    groups.set(key, group);
  }
  addUse(group.use, use);
}

async function byAgent(context: Context, agents: FleetAgents, span: Span) {
  const { by } = span;
  const isFew = !agents.isAll && agents.entries.length <= fewAgents;
  const { uses, asOf } = isFew ? await usesOfFew(context, agents, span) : await allUses(context, span);
  const groups = new Map<string, Group>();
  for (const { keyId, use } of uses) {
    const agent = keyId === undefined ? undefined : await agents.ofKey(keyId);
    if (!agent) continue;
    addTo(groups, keyOf(by, agent), use, by === "agent" ? agent.entry?.name : undefined);
  }
  if (by === "createdBy") {
    for (const [id, group] of groups) group.name = (await context.records.get("keys", id))?.name;
  }
  return { groups, asOf };
}

async function allUses({ ledger }: Context, { from, to }: Span) {
  const query = { prefix: aiKeyPrefix, from, to, by: "name", orderBy: "key", limit: mostKeys } as const;
  const { groups, asOf } = await ledger.topUsage({ ...query, except: freeCallsModel });
  return { uses: groups.map((use) => ({ keyId: aiKeyOfName(use.key)?.keyId, use })), asOf };
}

/** One maker's few agents cost no look at the use of all others. */
async function usesOfFew({ ledger, clock }: Context, { entries }: FleetAgents, { from, to }: Span) {
  const asOf = clock.now();
  const keyIds = entries.flatMap(aiKeysOf);
  const found = await Promise.all(keyIds.map((keyId) => ledger.usage(aiKeyLedger(keyId).usage, from, to)));
  const uses = found.flatMap((rows, at) => rows.filter(isMetered).map((use) => ({ keyId: keyIds[at], use })));
  return { uses, asOf };
}

function keyOf(by: string, { agentId, entry, provider }: FleetAgent): string {
  switch (by) {
    case "agent":
      return agentId;
    case "provider":
      return provider ?? entry?.providers?.[0] ?? none;
    case "createdBy":
      return entry?.createdBy ?? none;
    default:
      return labelOf(entry?.labels, groupingLabel(by) ?? "") ?? none;
  }
}

async function byRow(context: Context, agents: FleetAgents, span: Span) {
  const { from, to, by } = span;
  const groups = new Map<string, Group>();
  const field = by === "day" ? ("day" as const) : ("model" as const);
  if (agents.isAll) {
    const query = { prefix: aiKeyPrefix, from, to, by: field, orderBy: "key", limit: mostKeys } as const;
    const found = await context.ledger.topUsage({ ...query, except: freeCallsModel });
    for (const group of found.groups) addTo(groups, group.key, group);
    return { groups, asOf: found.asOf };
  }
  const { entries } = agents;
  if (entries.length > mostRead) {
    const detail = `By ${by} at most ${mostRead} agents can be added up, and these are ${entries.length}; filter by a label.`;
    throw new Problem("invalid_query", detail, { errors: [{ path: "by", message: "is of too many agents" }] });
  }
  const { uses, asOf } = await usesOfFew(context, agents, span);
  for (const { use } of uses) addTo(groups, use[field], use);
  return { groups, asOf };
}
