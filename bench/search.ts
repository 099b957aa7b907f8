/** Searching agents among a hundred and among ten thousand, on files, through the app in this process. */
import { rmSync } from "node:fs";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { createApp } from "../src/app.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import { makeStateDir, token } from "../test/server-process.ts";
import { median, type Row, sample } from "./row.ts";

const pageOf = 50;
const queries = {
  "sorted, a page of 50": `sort=-createdAt&limit=${pageOf}`,
  "the same with quotas": `sort=-createdAt&limit=${pageOf}&include=quotas`,
  "by a label": `label=tenant:t7&limit=${pageOf}`,
  "by a part of a name": `q=agent%2099&limit=${pageOf}`,
};

export async function benchSearch(): Promise<Row[]> {
  const few = await searched(100);
  const many = await searched(10_000);
  return Object.keys(queries).flatMap((name) => [
    { name: `${name}, of 100 agents`, value: few[name]!, unit: "ms" },
    {
      name: `${name}, of 10,000 agents`,
      value: many[name]!,
      unit: "ms",
      ratio: many[name]! / few[name]!,
      aim: "under 50 ms",
    },
  ]);
}

async function searched(count: number): Promise<Record<string, number>> {
  const stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const settings = readNodeSettings(env);
  const node = await openNode(settings, { env, log: () => undefined });
  const { context, fetchAsOperator } = createApp(node.ports, settings.settings);
  const ask = async (query: string): Promise<void> => {
    const response = await fetchAsOperator(new Request(`http://localhost/api/v1/agents?${query}`));
    const { agents } = (await response.json()) as { agents?: unknown[] };
    if (!agents || agents.length === 0) throw new Error(`${query} was answered ${response.status}`);
  };
  try {
    const startedAt = Date.now();
    for (let from = 0; from < count; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, at) => addAgent(from + at)));
    }
    async function addAgent(at: number): Promise<void> {
      const record = agentRecord(at, startedAt);
      const { agentId, aiKeyId, createdAt } = record;
      await context.records.set("agents", agentId, record);
      if (at >= pageOf) return;
      const quotas = { maxTokensPerMonth: 1_000_000, maxUsdPerMonth: 20 };
      const state = { version: 1, status: "active" as const, digest: "", quotas };
      const key = { keyId: aiKeyId!, agentId, provider: "anthropic", mode: "virtual" as const, createdAt, state };
      await context.records.set("ai-keys", aiKeyId!, { ...key, aiProviderId: "p" });
    }
    const times: Record<string, number> = {};
    for (const [name, query] of Object.entries(queries)) {
      await sample(5, () => ask(query));
      times[name] = median(await sample(30, () => ask(query)));
    }
    return times;
  } finally {
    await node.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

function agentRecord(at: number, startedAt: number): AgentRecord {
  const createdAt = new Date(startedAt - at * 1000).toISOString();
  return {
    agentId: `agent-${at}`,
    name: `Agent ${at}`,
    model: "claude-haiku-4-5",
    workspace: `/agents/${at}`,
    bindings: [`telegram:${at}`],
    aiKeyId: `k${at}`,
    credentials: ["anthropic"],
    suspended: false,
    labels: { tenant: `t${at % 50}`, plan: "pro" },
    operationId: `op.${at}`,
    createdAt,
    updatedAt: createdAt,
  };
}
