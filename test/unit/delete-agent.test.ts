import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../adapters/node/open-node.ts";
import { type App, createApp } from "../../src/app.ts";
import { Problem } from "../../src/errors.ts";
import type { AgentHost } from "../../src/ports.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../upstream/sample-admin-apis.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
let apis: SampleAdminApis;
/** Whether the host refuses to remove anything. */
let away: boolean;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-delete-"));
  apis = await sampleAdminApis();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { host } = node.ports;
  away = false;
  const remove: AgentHost["remove"] = async (agent, what) => {
    if (away) throw new Problem("gateway_failed", "It does not answer.");
    return await host.remove(agent, what);
  };
  const proxied = new Proxy(host, { get: (of, name) => (name === "remove" ? remove : Reflect.get(of, name)) });
  app = createApp({ ...node.ports, host: proxied }, settings.settings);
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

async function call(method: string, path: string, body?: object) {
  const request = new Request(`http://localhost/api/v1${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  });
  const response = await app.fetchAsOperator(request);
  // biome-ignore lint/suspicious/noExplicitAny: what a stranger's client gets is JSON of any shape
  return { status: response.status, body: (await response.json()) as any };
}
const revokes = (json: object, times: number) => apis.fail("DELETE", /\/keys\//, { status: 500, json }, times);

it("a delete that is repeated says of the key what is so, not what it did itself", async () => {
  away = true;
  revokes({}, 1);
  expect(await call("DELETE", "/agents/my-agent")).toMatchObject({ status: 502 });
  away = false;
  const { body } = await call("DELETE", "/agents/my-agent");
  expect([body.deleted.includes("aiKey"), body.preserved.includes("aiKey")]).toEqual([false, true]);
  expect(await app.maintain()).toMatchObject({ revocations: { revoked: 1, left: 0 } });
  expect(apis.state.openrouterKeys).toEqual([]);
});

it("a delete that is repeated after the key was revoked meanwhile says that it is", async () => {
  away = true;
  revokes({}, 1);
  await call("DELETE", "/agents/my-agent");
  expect(await app.maintain()).toMatchObject({ revocations: { revoked: 1, left: 0 } });
  away = false;
  const { body } = await call("DELETE", "/agents/my-agent");
  expect([body.deleted.includes("aiKey"), body.preserved.includes("aiKey")]).toEqual([true, false]);
});
