/**
 * Sums across agents, among a hundred and among ten thousand that were all used this month, on files and on Redis. A
 * fifth of either is near its limit, and an answer has as many rows among many as among few.
 */

import { periodOf } from "../src/domain/quota.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import type { Context } from "../src/service/context.ts";
import { aiKeyLedger } from "../src/storage/ledger-names.ts";
import { hasRedis, startRedis } from "../test/redis-server.ts";
import { addKey, benchFleet, quotas } from "./fleet.ts";
import type { Row } from "./row.ts";

const paths = {
  "GET /overview": "/overview",
  "GET /usage/near-limit, 10 rows": "/usage/near-limit?limit=10",
  "GET /usage by day": "/usage?by=day",
};

export async function benchOverview(): Promise<Row[]> {
  const reading = { paths, addAgent: addUsedAgent, read, aim: "<= 1.5 x, under 50 ms" };
  const allSpent = { paths: { "GET /overview": paths["GET /overview"] }, on: ", files, all used up alike" };
  const onFiles = [
    ...(await benchFleet({ ...reading, on: ", files" })),
    // SQLite's index knows hundredths of a limit: of as full ones it reads all.
    ...(await benchFleet({ ...reading, ...allSpent, addAgent: addSpentAgent, aim: "under 50 ms" })),
  ];
  if (!hasRedis) {
    console.log("(on Redis skipped: there is no redis-server on the PATH)");
    return onFiles;
  }
  // The fleets are made only to be read.
  const redis = await startRedis({ appendfsync: "no" });
  try {
    const envOf = (count: number) => ({
      OPENCLAW_PROVISIONING_STORAGE: redis.url.replace("/0", `/${String(count).length}`),
    });
    return [...onFiles, ...(await benchFleet({ ...reading, on: ", Redis", envOf }))];
  } finally {
    await redis.dispose();
  }
}

/** With a key that was used this month, each to another part of its quotas. */
export async function addUsedAgent(context: Context, record: AgentRecord, at: number): Promise<void> {
  // Even over the first hundred, and over every further hundred; no two alike.
  await addAgent(context, record, 1_000 + ((at * 37) % 100) * 9_900 + ((Math.floor(at / 100) * 97) % 9_900));
}

const addSpentAgent = (context: Context, record: AgentRecord): Promise<void> =>
  addAgent(context, record, quotas.maxTokensPerMonth);

async function addAgent(context: Context, record: AgentRecord, tokens: number): Promise<void> {
  const { records, ledger, clock } = context;
  await records.set("agents", record.agentId, record);
  await addKey(context, record);
  const now = clock.now();
  const [month, day] = [periodOf("month", now), periodOf("day", now)];
  const names = aiKeyLedger(record.aiKeyId!);
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
