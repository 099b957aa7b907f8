import { freeCallsModel } from "../../domain/free-calls.ts";
import { fromMicroUsd } from "../../domain/micro-usd.ts";
import { firstOfMonth, periodOf, resetOf } from "../../domain/quota.ts";
import { mostNearShown } from "../../domain/quota-share.ts";
import type { UsageGroup, UsageQuery } from "../../ports.ts";
import type { AgentSummary } from "../../schema/agent.ts";
import type { NearLimitAgent, Overview, OverviewQuery } from "../../schema/fleet-usage.ts";
import { aiKeyOfName, aiKeyPrefix } from "../../storage/ledger-names.ts";
import type { IndexEntry } from "../agent-index/index-entry.ts";
import { statusOf } from "../agents/search-agents.ts";
import type { Context } from "../context.ts";
import type { Reaching } from "../state/find-agent.ts";
import { dailyUse } from "./daily-use.ts";
import { aiKeysOf, type FleetAgents, fleetAgents, mostKeys } from "./fleet-agents.ts";
import { nearLimitOf } from "./near-limit.ts";
import { addUse, type CountedUse, noUse, shownSpending } from "./usage-sums.ts";

const shownTop = 10;
const dayMs = 86_400_000;

/** @throws Problem `not_ready` while the index of agents is being built */
export async function readOverview(context: Context, caller: Reaching, { days }: OverviewQuery): Promise<Overview> {
  const now = context.clock.now();
  const today = periodOf("day", now);
  const firstShown = periodOf("day", now - (days - 1) * dayMs);
  const monthBegin = firstOfMonth(today);
  const from = firstShown < monthBegin ? firstShown : monthBegin;
  const agents = await fleetAgents(context, caller, undefined);
  const [use, near] = await Promise.all([
    agents.isAll ? useOfAll(context, agents, from, today) : useOfSome(context, agents, from, today),
    nearLimitOf(context, agents, { minShare: 0.8, limit: mostNearShown }),
  ]);
  const ofMonth = noUse();
  for (const [day, one] of use.days) if (day >= monthBegin) addUse(ofMonth, one);
  const begun = Date.parse(monthBegin);
  const factor = (resetOf("month", now) - begun) / Math.max(1, now - begun);
  const counts = countsOf(agents.entries, now);
  return {
    asOf: new Date(use.asOf).toISOString(),
    agents: {
      total: agents.entries.length,
      ready: counts.ready,
      suspended: counts.suspended,
      needsAuth: counts.needs_auth,
    },
    today: shownSpending(use.days.get(today) ?? noUse()),
    month: {
      ...shownSpending(ofMonth),
      projectedTokens: Math.round(ofMonth.tokens * factor),
      projectedUsd: fromMicroUsd(Math.round(ofMonth.microUsd * factor)),
    },
    nearLimit: near.agents,
    top: named(use.top, agents.entries),
    days: Array.from({ length: days }, (_, at) => {
      const day = periodOf("day", Date.parse(firstShown) + at * dayMs);
      return { day, ...shownSpending(use.days.get(day) ?? noUse()) };
    }),
    attention: attention(near.agents, counts.needs_auth, ofMonth.unpricedRequests),
  };
}

type Counts = Record<AgentSummary["status"], number>;
/** The index gives the same list while no agent has changed, and time alone changes what has an end. */
const counted = new WeakMap<readonly IndexEntry[], { counts: Counts; until: number }>();

function countsOf(entries: readonly IndexEntry[], now: number): Counts {
  const before = counted.get(entries);
  if (before && now < before.until) return before.counts;
  const counts: Counts = { ready: 0, suspended: 0, needs_auth: 0, failed: 0, starting: 0 };
  let until = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    counts[statusOf(entry, now)]++;
    const end = entry.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(entry.expiresAt);
    if (end > now) until = Math.min(until, end);
  }
  counted.set(entries, { counts, until });
  return counts;
}

interface Use {
  days: Map<string, CountedUse>;
  top: Overview["top"];
  asOf: number;
}

async function useOfAll(context: Context, agents: FleetAgents, from: string, today: string): Promise<Use> {
  const query = { prefix: aiKeyPrefix, to: today, except: freeCallsModel };
  const monthBegin = firstOfMonth(today);
  const mayHaveMoved = agents.entries.some(
    ({ formerAiKeyIds, updatedAt }) => formerAiKeyIds !== undefined && updatedAt >= monthBegin,
  );
  const month = { ...query, from: monthBegin, by: "name" as const };
  const [days, top] = await Promise.all([
    context.ledger.topUsage({ ...query, from, by: "day", orderBy: "key", limit: 1_000 }),
    mayHaveMoved ? topOfSeveralKeys(context, agents, month) : topOfSingleKeys(context, month),
  ]);
  return { days: new Map(days.groups.map((group) => [group.key, group])), top, asOf: days.asOf };
}

type Month = Omit<UsageQuery, "orderBy" | "limit">;

async function topOfSingleKeys(context: Context, month: Month): Promise<Overview["top"]> {
  const query = { ...month, limit: shownTop };
  const dearest = await context.ledger.topUsage({ ...query, orderBy: "microUsd" });
  const costs = dearest.groups.filter(({ microUsd }) => microUsd > 0);
  // The most tokens come first where nothing has a price.
  const top = costs.length > 0 ? costs : (await context.ledger.topUsage({ ...query, orderBy: "tokens" })).groups;
  return await ofAgents(context, top);
}

/** The ledger ranks keys, and an agent whose key was moved or taken away this month has used several. */
async function topOfSeveralKeys({ ledger }: Context, { entries }: FleetAgents, month: Month): Promise<Overview["top"]> {
  const { groups } = await ledger.topUsage({ ...month, orderBy: "key", limit: mostKeys });
  const agentOf = new Map(entries.flatMap((entry) => aiKeysOf(entry).map((keyId) => [keyId, entry.agentId] as const)));
  const spent = new Map<string, Spent>();
  for (const group of groups) {
    const agentId = agentOf.get(aiKeyOfName(group.key)?.keyId ?? "");
    if (agentId === undefined) continue;
    const one = spent.get(agentId) ?? { agentId, use: noUse() };
    spent.set(agentId, one);
    addUse(one.use, group);
  }
  return topOf([...spent.values()]);
}

interface Spent {
  agentId: string;
  use: CountedUse;
}

const topOf = (spent: readonly Spent[]): Overview["top"] =>
  spent
    .toSorted((a, b) => b.use.microUsd - a.use.microUsd || b.use.tokens - a.use.tokens)
    .slice(0, shownTop)
    .map(({ agentId, use }) => ({ agentId, ...shownSpending(use) }));

/** A deleted agent has no name any more. */
function named(top: Overview["top"], entries: readonly IndexEntry[]): Overview["top"] {
  const ids = new Set(top.map(({ agentId }) => agentId));
  const names = new Map(entries.flatMap(({ agentId, name }) => (ids.has(agentId) ? [[agentId, name] as const] : [])));
  return top.map((one) => ({ ...one, ...(names.has(one.agentId) && { name: names.get(one.agentId) }) }));
}

async function ofAgents(context: Context, groups: UsageGroup[]): Promise<Overview["top"]> {
  const found = groups.map(async (group) => {
    const keyId = aiKeyOfName(group.key)?.keyId;
    const agentId = keyId === undefined ? undefined : (await context.records.recent("ai-keys", keyId, 60_000))?.agentId;
    return agentId === undefined ? [] : [{ agentId, ...shownSpending(group) }];
  });
  return (await Promise.all(found)).flat();
}

async function useOfSome(context: Context, { entries }: FleetAgents, from: string, today: string): Promise<Use> {
  const agentOf = new Map(entries.flatMap((entry) => aiKeysOf(entry).map((keyId) => [keyId, entry.agentId] as const)));
  const { uses, asOf } = await dailyUse(context, [...agentOf.keys()], from, today);
  const days = new Map<string, CountedUse>();
  const spent = new Map<string, Spent>();
  for (const use of uses) {
    const ofDay = days.get(use.day) ?? noUse();
    addUse(ofDay, use);
    days.set(use.day, ofDay);
    if (use.day.slice(0, 7) !== today.slice(0, 7)) continue;
    const agentId = agentOf.get(use.keyId)!;
    const one = spent.get(agentId) ?? { agentId, use: noUse() };
    addUse(one.use, use);
    spent.set(agentId, one);
  }
  return { days, top: topOf([...spent.values()].filter(({ use }) => use.requests > 0)), asOf };
}

function attention(near: NearLimitAgent[], needsAuth: number, unpriced: number): Overview["attention"] {
  const found: Overview["attention"] = near
    .filter(({ share }) => share >= 1)
    .map(({ agentId, quota }) => ({
      kind: "quota_exhausted" as const,
      severity: "critical" as const,
      target: agentId,
      text: `${agentId} has used up its ${quota}`,
      remedy: `raise it with "provisioning agents update ${agentId}", or wait for its reset`,
    }));
  if (needsAuth > 0) {
    found.push({
      kind: "needs_auth",
      severity: "warning",
      text: needsAuth === 1 ? "an agent has no AI key" : `${needsAuth} agents have no AI key`,
      remedy: 'make one with "provisioning agents ai-key add"',
    });
  }
  if (unpriced > 0) {
    found.push({
      kind: "unpriced_model",
      severity: "warning",
      text:
        unpriced === 1
          ? "a request this month was of a model whose price is not known"
          : `${unpriced} requests this month were of models whose price is not known`,
      remedy: 'state their prices with "provisioning prices set"',
    });
  }
  return found;
}
