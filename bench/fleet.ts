import { rmSync } from "node:fs";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { createApp } from "../src/app.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import type { Context } from "../src/service/context.ts";
import { makeStateDir, token } from "../test/server-process.ts";
import { median, type Row } from "./row.ts";

const warmups = 20;
const rounds = 200;

export const quotas = { maxTokensPerMonth: 1_000_000, maxUsdPerMonth: 20 };

const few = 100;
const many = 10_000;

interface Reading {
  /** Below the API's base path, by name. */
  paths: Record<string, string>;
  addAgent(context: Context, record: AgentRecord, at: number): Promise<void>;
  /** @throws Error for an answer that is not the one to be measured */
  read(response: Response, path: string): Promise<void>;
  aim: string;
  /** Behind each name. */
  on?: string;
  /** Settings beside the state directory, of a fleet of so many, with nothing in its stores. */
  envOf?(count: number): Record<string, string>;
}

/** Each path among a hundred agents and among ten thousand in turns, through the app in this process. */
export async function benchFleet({ paths, addAgent, read, aim, on = "", envOf = () => ({}) }: Reading): Promise<Row[]> {
  const fleets = [await openFleet(few, addAgent, envOf(few)), await openFleet(many, addAgent, envOf(many))];
  try {
    const rows: Row[] = [];
    for (const [name, path] of Object.entries(paths)) {
      const times = fleets.map((): number[] => []);
      for (let round = -warmups; round < rounds; round++) {
        for (const [at, { ask }] of fleets.entries()) {
          const startedAt = performance.now();
          const response = await ask(path);
          await read(response, path);
          if (round >= 0) times[at]!.push(performance.now() - startedAt);
        }
      }
      const [among, amongMany] = times.map(median) as [number, number];
      rows.push({ name: `${name}${on}, ${few} agents`, value: among, unit: "ms" });
      const ratio = amongMany / among;
      rows.push({
        name: `${name}${on}, ${many.toLocaleString("en")} agents`,
        value: amongMany,
        unit: "ms",
        ratio,
        aim,
      });
    }
    return rows;
  } finally {
    for (const fleet of fleets) await fleet.close();
  }
}

async function openFleet(count: number, addAgent: Reading["addAgent"], more: Record<string, string>) {
  const stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token, ...more };
  const settings = readNodeSettings(env);
  const node = await openNode(settings, { env, log: () => undefined });
  const { context, fetchAsOperator } = createApp(node.ports, settings.settings);
  await addProvider(context);
  await addAgents(context, count, addAgent);
  return {
    ask: (path: string) => fetchAsOperator(new Request(`http://localhost/api/v1${path}`)),
    async close(): Promise<void> {
      await node.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** A hundred at a time. */
export async function addAgents(context: Context, count: number, addAgent: Reading["addAgent"]): Promise<void> {
  const startedAt = Date.now();
  for (let from = 0; from < count; from += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => addAgent(context, agentRecord(from + i, startedAt), from + i)),
    );
  }
}

function agentRecord(at: number, startedAt: number): AgentRecord {
  const createdAt = new Date(startedAt - at * 1000).toISOString();
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

const providerId = "p";

async function addProvider({ records }: Context): Promise<void> {
  const provider = { id: providerId, provider: "anthropic", kind: "anthropic" as const, name: "Bench" };
  await records.set("ai-providers", providerId, {
    ...provider,
    ...{ sealedKey: "", hint: "", createdAt: new Date().toISOString() },
  });
}

/** The record of the agent's AI key, held to `quotas`. */
export async function addKey({ records }: Context, { agentId, aiKeyId, createdAt }: AgentRecord): Promise<void> {
  const keyId = aiKeyId!;
  const state = { version: 1, status: "active" as const, digest: "", quotas };
  const key = { keyId, agentId, provider: "anthropic", mode: "virtual" as const, createdAt, state };
  await records.set("ai-keys", keyId, { ...key, aiProviderId: providerId });
}
