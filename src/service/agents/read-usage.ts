import { isMetered } from "../../domain/free-calls.ts";
import { fromMicroUsd } from "../../domain/micro-usd.ts";
import type { UsageRow, UsageSums } from "../../ports.ts";
import type { Usage, UsageDay, UsageQuery } from "../../schema/usage.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { type Reaching, requireAgent } from "../state/find-agent.ts";
import { effectiveQuotas, readQuotaStates } from "../state/quota-states.ts";
import { usageDays } from "../state/usage-days.ts";
import { requireAiKey } from "./agent-view.ts";

/** @throws Problem `agent_not_found`, `ai_key_not_found`, `invalid_query` */
export async function readUsage(
  context: Context,
  caller: Reaching,
  agentId: string,
  query: UsageQuery,
): Promise<Usage> {
  const { from, to } = usageDays(context, query);
  const aiKey = await requireAiKey(context, await requireAgent(context, caller, agentId));
  const [all, provider] = await Promise.all([
    context.ledger.usage(aiKeyLedger(aiKey.keyId).usage, from, to),
    context.records.get("ai-providers", aiKey.aiProviderId),
  ]);
  const rows = all.filter(isMetered);
  const freeCalls = sum(all.filter((row) => !isMetered(row))).requests;
  const quotas = await readQuotaStates(context, aiKey.keyId, effectiveQuotas(aiKey, provider));
  const months = Map.groupBy(rows, (row) => row.day.slice(0, 7));
  const models = Map.groupBy(rows, (row) => row.model);
  return {
    agentId,
    from,
    to,
    quotas,
    total: sum(rows),
    days: [...Map.groupBy(rows, (row) => row.day)].map(([day, ofDay]) => usageDay(day, ofDay)),
    months: [...months].map(([month, ofMonth]) => ({ month, ...sum(ofMonth) })),
    models: [...models].sort(([a], [b]) => (a < b ? -1 : 1)).map(([model, ofModel]) => ({ model, ...sum(ofModel) })),
    ...(freeCalls > 0 && { freeCalls }),
  };
}

const usageDay = (day: string, rows: UsageRow[]): UsageDay => ({
  day,
  ...sum(rows),
  ...parts(rows),
  models: rows.map((row) => ({ model: row.model, ...sum([row]), ...parts([row]) })),
});

const total = (rows: UsageRow[], name: keyof UsageSums | "estimatedTokens"): number =>
  rows.reduce((sum, row) => sum + row[name], 0);

const parts = (rows: UsageRow[]) => ({
  inputTokens: total(rows, "inputTokens"),
  cacheReadTokens: total(rows, "cacheReadTokens"),
  cacheWriteTokens: total(rows, "cacheWriteTokens"),
  outputTokens: total(rows, "outputTokens"),
});

const sum = (rows: UsageRow[]) => ({
  requests: total(rows, "requests"),
  tokens: total(rows, "tokens"),
  estimated: total(rows, "estimatedTokens"),
  usd: fromMicroUsd(total(rows, "microUsd")),
  unpricedRequests: total(rows, "unpricedRequests"),
});
