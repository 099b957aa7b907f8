import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost, Ledger } from "../../../src/ports.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
let apis: SampleAdminApis;
/** Whether the host refuses to remove anything. */
let away: boolean;
/** Keeps the next claim of an agent waiting. */
let beforeClaim: (() => Promise<void>) | undefined;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-delete-"));
  apis = await sampleAdminApis();
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: "test-gateway-token",
    OPENCLAW_PROVISIONING_ENABLED: "true",
  };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { host } = node.ports;
  away = false;
  beforeClaim = undefined;
  const remove: AgentHost["remove"] = async (agent, what) => {
    if (away) throw new Problem("gateway_failed", "It does not answer.");
    return await host.remove(agent, what);
  };
  const proxied = new Proxy(host, { get: (of, name) => (name === "remove" ? remove : Reflect.get(of, name)) });
  const ledger: Ledger = {
    ...node.ports.ledger,
    async claim(name, claim) {
      const wait = name.startsWith("agent:") ? beforeClaim : undefined;
      if (wait) beforeClaim = undefined;
      await wait?.();
      return await node.ports.ledger.claim(name, claim);
    },
  };
  app = createApp({ ...node.ports, host: proxied, ledger }, settings.settings);
  const baseUrl = `${apis.origin}/openrouter/api/v1`;
  const provider = { provider: "openrouter", name: "Management", key: masterKeys.openrouter, baseUrl, verify: false };
  await call("POST", "/provisioning/ai-providers", provider);
  const autoProvisionAiKey = { provider: "openrouter", mode: "minted" };
  expect((await call("POST", "/agents/create", { name: "my-agent", autoProvisionAiKey })).status).toBe(201);
});
afterEach(async () => {
  await node.close();
  await apis.close();
  await rm(stateDir, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: object, key?: string) {
  const request = new Request(`http://localhost/api/v1${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    ...(key && { headers: { authorization: "Bearer test-gateway-token", "x-agent-provisioning-key": key } }),
  });
  const response = await (key ? app.fetch(request) : app.fetchAsOperator(request));
  // biome-ignore lint/suspicious/noExplicitAny: what a stranger's client gets is JSON of any shape
  return { status: response.status, body: (await response.json()) as any };
}
const failOneRevoke = () => apis.fail("DELETE", /\/keys\//, { status: 500, json: {} }, 1);

it("a delete that is repeated says of the key what is so, not what it did itself", async () => {
  away = true;
  failOneRevoke();
  expect(await call("DELETE", "/agents/my-agent")).toMatchObject({ status: 502 });
  away = false;
  const { body } = await call("DELETE", "/agents/my-agent");
  expect([body.deleted.includes("aiKey"), body.preserved.includes("aiKey")]).toEqual([false, true]);
  expect(await app.maintain()).toMatchObject({ revocations: { revoked: 1, left: 0 } });
  expect(apis.state.openrouterKeys).toEqual([]);
});

it("a delete that is repeated after the key was revoked meanwhile says that it is", async () => {
  away = true;
  failOneRevoke();
  await call("DELETE", "/agents/my-agent");
  expect(await app.maintain()).toMatchObject({ revocations: { revoked: 1, left: 0 } });
  away = false;
  const { body } = await call("DELETE", "/agents/my-agent");
  expect([body.deleted.includes("aiKey"), body.preserved.includes("aiKey")]).toEqual([true, false]);
});

it("takes every counter of the agent's key along", async () => {
  const { ledger } = node.ports;
  const { aiKeyId } = (await call("GET", "/agents/my-agent")).body;
  const names = aiKeyLedger(aiKeyId);
  const counters = [names.tokens, names.requests, names.usd, names.free];
  const id = names.reservation("r1");
  await ledger.reserve(
    id,
    counters.map((counter) => ({ counter, period: "2026-11", limit: 10, amount: 9 })),
  );
  const tokens = { inputTokens: 9, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, tokens: 9 };
  const sums = { requests: 1, ...tokens, webSearches: 0, microUsd: 9, unpricedRequests: 0 };
  await ledger.settle(id, "reserved", { name: names.usage, day: "2026-11-22", model: "m", ...sums });
  expect((await call("DELETE", "/agents/my-agent")).status).toBe(200);
  for (const counter of counters) {
    expect([counter, await ledger.used(counter, "2026-11")]).toEqual([counter, { used: 0, reserved: 0 }]);
  }
  expect(await ledger.usage(names.usage, "2026-11-01", "2026-11-30")).toEqual([]);
});

it("a delete that waited while its agent was deleted and made anew leaves the new one whole", async () => {
  const provider = (await call("GET", "/provisioning/ai-providers")).body.keys[0].id;
  const scopes = ["agents:create"];
  const wanted = { name: "maker", scopes, aiProviderKeyId: provider, maxAgents: 1 };
  const { key } = (await call("POST", "/provisioning/agent-keys", wanted)).body;

  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  beforeClaim = async () => {
    asked.resolve();
    await goOn.promise;
  };
  const late = call("DELETE", "/agents/my-agent", { deleteWorkspace: true });
  await asked.promise;
  expect((await call("DELETE", "/agents/my-agent", { deleteWorkspace: true })).status).toBe(200);
  const body = {
    name: "my-agent",
    bind: ["telegram:*"],
    autoProvisionAiKey: { provider: "openrouter", mode: "minted" },
  };
  const made = await call("POST", "/agents/create", body, key);
  expect(made.status).toBe(201);
  goOn.resolve();

  expect(await late).toMatchObject({ status: 404, body: { code: "agent_not_found" } });
  expect(await call("GET", "/agents/my-agent")).toMatchObject({
    status: 200,
    body: { managed: true, bindings: ["telegram:*"], health: { workspace: "ok", aiKey: { status: "active" } } },
  });
  expect(apis.state.openrouterKeys).toHaveLength(1);
  // The agent's workspace, its binding, and its place among the agents of its key are nobody else's.
  const { workspace } = made.body;
  expect((await call("POST", "/agents/create", { name: "other", workspace })).body.code).toBe("workspace_taken");
  expect((await call("POST", "/agents/create", { name: "other", bind: body.bind })).body.code).toBe("binding_taken");
  expect((await call("POST", "/agents/create", { name: "other" }, key)).body.code).toBe("agent_limit_reached");
});
