import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { createApp } from "../../../src/app.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import type { AiKeyRecord } from "../../../src/schema/ai-key.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { makeStateDir, token } from "../../server-process.ts";

let node: Awaited<ReturnType<typeof openNode>>;
let app: ReturnType<typeof createApp>;
let stateDir: string;

beforeEach(async () => {
  stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  app = createApp(node.ports, settings.settings);
});
afterEach(async () => {
  await node.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const createdAt = "2026-11-01T00:00:00.000Z";

/** An agent that has used so many of the thousand tokens that its key was reserved under. */
async function addAgent(at: number, used: number, maxTokensPerMonth = 1_000): Promise<void> {
  const { records, ledger, clock } = app.context;
  const [agentId, keyId] = [`agent-${at}`, `k${at}`];
  await records.set("agents", agentId, {
    ...{ agentId, name: `Agent ${at}`, model: "m", workspace: `/agents/${at}`, bindings: [], aiKeyId: keyId },
    ...{ credentials: ["anthropic"], suspended: false, operationId: `op.${at}`, createdAt, updatedAt: createdAt },
  });
  const state = { version: 1, status: "active" as const, digest: "", quotas: { maxTokensPerMonth } };
  const key = { keyId, agentId, aiProviderId: "p", provider: "anthropic", mode: "virtual", createdAt, state };
  await records.set("ai-keys", keyId, key as AiKeyRecord);
  const names = aiKeyLedger(keyId);
  const period = periodOf("month", clock.now());
  const entry = { counter: names.tokens, period, limit: 1_000, amount: used };
  await ledger.reserve(names.reservation("1-0"), [entry]);
  await ledger.settle(names.reservation("1-0"), { [names.tokens]: used });
}

async function read(path: string) {
  const response = await app.fetchAsOperator(new Request(`http://localhost/api/v1${path}`));
  expect(response.status).toBe(200);
  return await response.json();
}

it("names as many agents as are asked for, the fullest first, however many limits were raised since", async () => {
  for (let at = 0; at < 60; at++) await addAgent(at, 999 - at, 1_000_000);
  for (let at = 60; at < 70; at++) await addAgent(at, 999 - at);
  await addAgent(70, 700);
  const { agents } = await read("/usage/near-limit?limit=3");
  expect(agents.map(({ agentId, share }: { agentId: string; share: number }) => [agentId, share])).toEqual([
    ["agent-60", 0.939],
    ["agent-61", 0.938],
    ["agent-62", 0.937],
  ]);
  const all = await read("/usage/near-limit?limit=50");
  expect(all.agents).toHaveLength(10);
  const overview = await read("/overview");
  expect(overview.nearLimit.map(({ agentId }: { agentId: string }) => agentId)).toEqual(
    Array.from({ length: 10 }, (_, at) => `agent-${60 + at}`),
  );
});
