import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { callAsOperator } from "../../call-as-operator.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-ledger-behind-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const { settings, ...rest } = readNodeSettings(env);
  node = await openNode({ settings, ...rest }, { env, log: () => undefined });
  app = createApp(node.ports, settings);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);

it("an AI key is shown and changed as its record has it, where the ledger was taken back behind that", async () => {
  const master = { provider: "anthropic", name: "anthropic", key: "sk-not-a-real-key-0000", verify: false };
  await call("POST", "/provisioning/ai-providers", master);
  await call("POST", "/agents/create", { name: "ours", autoProvisionAiKey: { provider: "anthropic" } });
  const { keyId } = (await call("GET", "/agents/ours")).body.health.aiKey;
  const { state } = aiKeyLedger(keyId);
  const { ledger, records } = app.context;
  const before = await ledger.get(state);
  await call("PATCH", "/agents/ours", { quotas: { maxTokensPerDay: 7 } });
  await call("POST", "/agents/ours/suspend");
  await ledger.put(state, before);

  expect((await call("GET", "/agents/ours")).body.health.aiKey).toMatchObject({ status: "suspended" });
  expect((await call("POST", "/agents/ours/resume")).status).toBe(200);
  const changed = { status: "active", quotas: { maxTokensPerDay: 7 } };
  expect(JSON.parse((await ledger.get(state))!)).toMatchObject(changed);
  expect((await records.get("ai-keys", keyId))!.state).toMatchObject(changed);
});
