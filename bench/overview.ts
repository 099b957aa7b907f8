/** Sums across agents, among a hundred and among ten thousand that were all used this month, on files. */
import { rmSync } from "node:fs";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { createApp } from "../src/app.ts";
import { periodOf } from "../src/domain/quota.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import { aiKeyLedger } from "../src/storage/ledger-names.ts";
import { makeStateDir, token } from "../test/server-process.ts";
import { median, type Row, sample } from "./row.ts";

const paths = {
  "GET /overview": "/overview",
  "GET /usage/near-limit": "/usage/near-limit",
  "GET /usage by day": "/usage?by=day",
};

export async function benchOverview(): Promise<Row[]> {
  const few = await timesAmong(100);
  const many = await timesAmong(10_000);
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

async function timesAmong(count: number): Promise<Record<string, number>> {
  const stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const settings = readNodeSettings(env);
  const node = await openNode(settings, { env, log: () => undefined });
  const { context, fetchAsOperator } = createApp(node.ports, settings.settings);
  const now = Date.now();
  const [month, day] = [periodOf("month", now), periodOf("day", now)];
  const quotas = { maxTokensPerMonth: 1_000_000, maxUsdPerMonth: 20 };

  async function addAgent(at: number): Promise<void> {
    const record = agentRecord(at, now);
    const { agentId, createdAt } = record;
    const keyId = record.aiKeyId!;
    await context.records.set("agents", agentId, record);
    const state = { version: 1, status: "active" as const, digest: "", quotas };
    const key = { keyId, agentId, provider: "anthropic", mode: "virtual" as const, createdAt, state };
    await context.records.set("ai-keys", keyId, { ...key, aiProviderId: "p" });
    const names = aiKeyLedger(keyId);
    const tokens = 1_000 + ((at * 7_919) % 990_000);
    const microUsd = tokens * 3;
    const limits = { tokens: quotas.maxTokensPerMonth, usd: quotas.maxUsdPerMonth * 1_000_000 };
    await node.ports.ledger.reserve(names.reservation("r.1-0"), [
      { counter: names.tokens, period: month, limit: limits.tokens, amount: tokens },
      { counter: names.usd, period: month, limit: limits.usd, amount: microUsd },
    ]);
    await node.ports.ledger.settle(names.reservation("r.1-0"), "reserved", {
      ...{ name: names.usage, day, model: "claude-haiku-4-5", requests: 1, tokens, outputTokens: 10 },
      ...{ inputTokens: tokens - 10, cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0 },
      ...{ microUsd, unpricedRequests: 0 },
    });
  }
  const ask = async (path: string): Promise<void> => {
    const response = await fetchAsOperator(new Request(`http://localhost/api/v1${path}`));
    if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`);
    await response.text();
  };
  try {
    for (let from = 0; from < count; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => addAgent(from + at)));
    }
    const times: Record<string, number> = {};
    for (const [name, path] of Object.entries(paths)) {
      await sample(5, () => ask(path));
      times[name] = median(await sample(30, () => ask(path)));
    }
    return times;
  } finally {
    await node.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

function agentRecord(at: number, now: number): AgentRecord {
  const createdAt = new Date(now - at * 1000).toISOString();
  return {
    agentId: `agent-${at}`,
    name: `Agent ${at}`,
    model: "claude-haiku-4-5",
    workspace: `/agents/${at}`,
    bindings: [],
    aiKeyId: `k${at}`,
    credentials: ["anthropic"],
    suspended: false,
    operationId: `op.${at}`,
    createdAt,
    updatedAt: createdAt,
  };
}
