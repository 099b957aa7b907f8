import { counterLimit, periodOf, quotaOf, quotaState } from "../../domain/quota.ts";
import { quotaShare } from "../../domain/quota-share.ts";
import type { NearLimit } from "../../ports.ts";
import type { NearLimitAgent, NearLimitList } from "../../schema/fleet-usage.ts";
import { aiKeyOfName } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import type { Reaching } from "../state/find-agent.ts";
import { effectiveQuotas } from "../state/quota-states.ts";
import { type FleetAgents, fleetAgents } from "./fleet-agents.ts";

/** A record that is so old will do: the limit is looked at again here. */
const recordAgeMs = 1_000;
/** Counters that are looked through, at most. */
const mostRead = 10_000;

/** The agents whose quotas are used up to `minShare`, the fullest first; a minute's quota slows down, and ends nothing. */
export async function readNearLimit(
  context: Context,
  caller: Reaching,
  query: { minShare: number; limit: number },
): Promise<NearLimitList> {
  return await nearLimitOf(context, await fleetAgents(context, caller, undefined), query);
}

/** As `readNearLimit`, of agents that are known already. */
export async function nearLimitOf(
  context: Context,
  agents: FleetAgents,
  { minShare, limit }: { minShare: number; limit: number },
): Promise<NearLimitList> {
  const now = context.clock.now();
  const periods = [periodOf("month", now), periodOf("day", now)];
  // Few are left out where all agents are shown; of one maker's, nearly all may be.
  for (let most = agents.isAll ? limit : mostRead; ; most *= 4) {
    const found = await context.ledger.nearLimit({ minShare, limit: most, periods });
    const near = await shown(context, agents, found.near, { minShare, limit, now });
    if (near.length >= limit || found.near.length < most || most >= mostRead) {
      return { asOf: new Date(found.asOf).toISOString(), agents: near };
    }
  }
}

/** Others' agents are left out, and a limit that has been raised since. */
async function shown(
  { records }: Context,
  agents: FleetAgents,
  found: readonly NearLimit[],
  { minShare, limit, now }: { minShare: number; limit: number; now: number },
): Promise<NearLimitAgent[]> {
  const near: NearLimitAgent[] = [];
  for (const { counter, period, used, reserved } of found) {
    if (near.length >= limit) break;
    const of = aiKeyOfName(counter);
    const agent = of && (await agents.ofKey(of.keyId));
    const quota = of && quotaOf(of.part, period);
    if (!agent?.entry || !quota) continue;
    const aiKey = await records.recent("ai-keys", of.keyId, recordAgeMs);
    const provider = aiKey && (await records.recent("ai-providers", aiKey.aiProviderId, recordAgeMs));
    const stated = aiKey && effectiveQuotas(aiKey, provider)[quota];
    if (stated === undefined) continue;
    const share = quotaShare({ limit: counterLimit(quota, stated), used, reserved });
    if (share < minShare) continue;
    const { agentId, name } = agent.entry;
    near.push({
      agentId,
      name,
      quota,
      share: Math.round(share * 10_000) / 10_000,
      state: quotaState(quota, stated, { used, reserved }, now),
    });
  }
  return near;
}
