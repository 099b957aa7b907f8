import { rmSync } from "node:fs";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { createApp } from "../src/app.ts";
import type { AgentRecord } from "../src/schema/agent.ts";
import type { Context } from "../src/service/context.ts";
import { makeStateDir, token } from "../test/server-process.ts";
import { median, sample } from "./row.ts";

export const quotas = { maxTokensPerMonth: 1_000_000, maxUsdPerMonth: 20 };

interface Reading {
  /** Below the API's base path, by name. */
  paths: Record<string, string>;
  addAgent(context: Context, record: AgentRecord, at: number): Promise<void>;
  /** @throws Error for an answer that is not the one to be measured */
  read(response: Response, path: string): Promise<void>;
}

/** Milliseconds of each path among so many agents, on files, through the app in this process. */
export async function timesAmong(count: number, { paths, addAgent, read }: Reading): Promise<Record<string, number>> {
  const stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const settings = readNodeSettings(env);
  const node = await openNode(settings, { env, log: () => undefined });
  const { context, fetchAsOperator } = createApp(node.ports, settings.settings);
  const ask = async (path: string): Promise<void> =>
    await read(await fetchAsOperator(new Request(`http://localhost/api/v1${path}`)), path);
  try {
    await addAgents(context, count, addAgent);
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

/** The record of the agent's AI key, held to `quotas`. */
export async function addKey({ records }: Context, { agentId, aiKeyId, createdAt }: AgentRecord): Promise<void> {
  const keyId = aiKeyId!;
  const state = { version: 1, status: "active" as const, digest: "", quotas };
  const key = { keyId, agentId, provider: "anthropic", mode: "virtual" as const, createdAt, state };
  await records.set("ai-keys", keyId, { ...key, aiProviderId: "p" });
}
