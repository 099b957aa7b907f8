import { isMetered } from "../../domain/free-calls.ts";
import { fromMicroUsd } from "../../domain/micro-usd.ts";
import { monthToDate } from "../../domain/quota.ts";
import { quotaShare, tightestQuota } from "../../domain/quota-share.ts";
import type { AgentSummary } from "../../schema/agent.ts";
import type { AgentInclude } from "../../schema/agent-query.ts";
import type { QuotaStates } from "../../schema/quota.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { currentAiKey } from "../state/ai-key-state.ts";
import { effectiveQuotas, readQuotaStates } from "../state/quota-states.ts";

/** The agents of one page with what was asked for beside them, in one call for all. */
export async function withSpending(
  context: Context,
  agents: AgentSummary[],
  include: readonly AgentInclude[],
): Promise<AgentSummary[]> {
  if (include.length === 0) return agents;
  return await Promise.all(
    agents.map(async (agent) => {
      if (agent.aiKeyId === undefined) return agent;
      const [quotas, usage] = await Promise.all([
        include.includes("quotas") ? quotasOf(context, agent.aiKeyId) : undefined,
        include.includes("usage") ? usageOf(context, agent.aiKeyId) : undefined,
      ]);
      const share = quotas && fullest(quotas);
      return { ...agent, ...(quotas && { quotas }), ...(share !== undefined && { share }), ...(usage && { usage }) };
    }),
  );
}

async function quotasOf(context: Context, aiKeyId: string): Promise<QuotaStates | undefined> {
  const aiKey = await currentAiKey(context, aiKeyId);
  if (!aiKey) return undefined;
  const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
  return await readQuotaStates(context, aiKeyId, effectiveQuotas(aiKey, provider));
}

/** The share of the quota that is the nearest to its limit; above 1 where a provider's report went over a reservation. */
function fullest(quotas: QuotaStates): number | undefined {
  const tightest = tightestQuota(quotas);
  return tightest && Math.round(quotaShare(tightest.state) * 10_000) / 10_000;
}

/** From the first day of this month on, in UTC. */
async function usageOf({ ledger, clock }: Context, aiKeyId: string): Promise<NonNullable<AgentSummary["usage"]>> {
  const { from, to } = monthToDate(clock.now());
  const rows = (await ledger.usage(aiKeyLedger(aiKeyId).usage, from, to)).filter(isMetered);
  const sum = (of: (row: (typeof rows)[number]) => number): number => rows.reduce((total, row) => total + of(row), 0);
  return {
    requests: sum(({ requests }) => requests),
    tokens: sum(({ tokens }) => tokens),
    usd: fromMicroUsd(sum(({ microUsd }) => microUsd)),
    unpricedRequests: sum(({ unpricedRequests }) => unpricedRequests),
  };
}
