/** Sums across agents, among a hundred and among ten thousand that were all used this month, on files. */
import { periodOf } from "../src/domain/quota.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import type { Context } from "../src/service/context.ts";
import { aiKeyLedger } from "../src/storage/ledger-names.ts";
import { addKey, quotas, timesAmong } from "./fleet.ts";
import type { Row } from "./row.ts";

const paths = {
  "GET /overview": "/overview",
  "GET /usage/near-limit": "/usage/near-limit",
  "GET /usage by day": "/usage?by=day",
};

export async function benchOverview(): Promise<Row[]> {
  const few = await timesAmong(100, { paths, addAgent: addUsedAgent, read });
  const many = await timesAmong(10_000, { paths, addAgent: addUsedAgent, read });
  return Object.keys(paths).flatMap((name) => [
    { name: `${name}, 100 agents`, value: few[name]!, unit: "ms" },
    {
      name: `${name}, 10,000 agents`,
      value: many[name]!,
      unit: "ms",
      ratio: many[name]! / few[name]!,
      aim: "<= 1.5 x, under 50 ms",
    },
  ]);
}

/** With a key that was used this month, each to another part of its quotas. */
export async function addUsedAgent(context: Context, record: AgentRecord, at: number): Promise<void> {
  const { records, ledger, clock } = context;
  await records.set("agents", record.agentId, record);
  await addKey(context, record);
  const now = clock.now();
  const [month, day] = [periodOf("month", now), periodOf("day", now)];
  const names = aiKeyLedger(record.aiKeyId!);
  const tokens = 1_000 + ((at * 7_919) % 990_000);
  const microUsd = tokens * 3;
  const limits = { tokens: quotas.maxTokensPerMonth, usd: quotas.maxUsdPerMonth * 1_000_000 };
  await ledger.reserve(names.reservation("r.1-0"), [
    { counter: names.tokens, period: month, limit: limits.tokens, amount: tokens },
    { counter: names.usd, period: month, limit: limits.usd, amount: microUsd },
  ]);
  await ledger.settle(names.reservation("r.1-0"), "reserved", {
    ...{ name: names.usage, day, model: "claude-haiku-4-5", requests: 1, tokens, outputTokens: 10 },
    ...{ inputTokens: tokens - 10, cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0 },
    ...{ microUsd, unpricedRequests: 0 },
  });
}

async function read(response: Response, path: string): Promise<void> {
  if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`);
  await response.text();
}
