import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { parseToken } from "../../../src/domain/token.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost } from "../../../src/ports.ts";
import { recoverOperations } from "../../../src/service/operations/recover.ts";
import { keptOfAgent } from "../../agent-by-hand.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { masterKeys, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

let stateDir: string;
let node: NodePorts;
/** The one that sleeps in the middle of a change, and the one that takes it for dead meanwhile. */
let sleeper: App;
let other: App;
/** One that dies as it stores a key. */
let dying: App;
let dead: PromiseWithResolvers<void>;
/** Called by the sleeper's host before it stores a key or drops one. */
let atHost: () => Promise<void>;
/** Called before it drops one. */
let atDrop: () => Promise<void>;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-overtaken-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { ports } = node;
  atHost = atDrop = async () => undefined;
  const slow: Partial<AgentHost> = {
    setCredential: async (...given) => {
      await atHost();
      return await ports.host.setCredential(...given);
    },
    dropCredential: async (...given) => {
      await atHost();
      await atDrop();
      await ports.host.dropCredential(...given);
    },
  };
  const host = new Proxy(ports.host, { get: (of, name) => Reflect.get(slow, name) ?? Reflect.get(of, name) });
  const instance = (id: string) => ({ id, isGone: (owner: string) => !owner.startsWith(`${id}.`) });
  sleeper = createApp({ ...ports, host, instance: instance("sleeper") }, settings.settings);
  dead = Promise.withResolvers();
  const setCredential = async () => {
    dead.resolve();
    return await new Promise<never>(() => undefined);
  };
  const mortal = new Proxy(ports.host, {
    get: (of, name) => (name === "setCredential" ? setCredential : Reflect.get(of, name)),
  });
  dying = createApp({ ...ports, host: mortal, instance: instance("dying") }, settings.settings);
  other = createApp({ ...ports, instance: instance("other") }, settings.settings);
  for (const provider of ["anthropic", "openai"]) {
    const body = { provider, name: provider, key: "sk-not-a-real-key-0000", verify: false };
    expect((await callAsOperator(other, "POST", "/provisioning/ai-providers", body)).status).toBe(201);
  }
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

it.each([
  ["PUT", { provider: "openai", model: "gpt-5.1" }],
  ["DELETE", undefined],
])(
  "a process that wakes in a change of keys that another has finished takes nothing of the agent: %s",
  async (method, body) => {
    const made = { name: "ours", model: "m", autoProvisionAiKey: { provider: "anthropic" } };
    expect((await callAsOperator(other, "POST", "/agents/create", made)).status).toBe(201);
    const before = (await callAsOperator(other, "GET", "/agents/ours")).body;
    atHost = async () => {
      atHost = async () => undefined;
      expect(await recoverOperations(other.context)).toEqual(['key of agent "ours": finished']);
    };
    const late = await callAsOperator(sleeper, method, "/agents/ours/ai-key", body);
    expect(late.status).toBe(409);
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Once it is gone for good.
    await recoverOperations(other.context);
    const { status, body: after } = await callAsOperator(other, "GET", "/agents/ours");
    expect([status, after.createdAt]).toEqual([200, before.createdAt]);
    expect(existsSync(before.workspace)).toBe(true);
  },
);

it("an agent whose key is taken away while its gateway does not answer needs another one", async () => {
  const made = { name: "ours", model: "m", autoProvisionAiKey: { provider: "anthropic" } };
  expect((await callAsOperator(other, "POST", "/agents/create", made)).status).toBe(201);
  atDrop = async () => {
    throw new Problem("gateway_failed", "The gateway does not answer.");
  };
  expect((await callAsOperator(sleeper, "DELETE", "/agents/ours/ai-key")).status).toBe(502);
  const { status, health } = (await callAsOperator(sleeper, "GET", "/agents/ours")).body;
  expect([status, health.aiKey]).toEqual(["needs_auth", undefined]);
  expect((await callAsOperator(sleeper, "GET", "/agents/ours/usage")).status).toBe(404);
});

it.each([
  ["DELETE", undefined, "POST"],
  ["PUT", { provider: "openai", model: "gpt-5.1" }, "PUT"],
])("nor takes it from the agent what it was given since: %s", async (method, body, next) => {
  const made = { name: "ours", model: "m", autoProvisionAiKey: { provider: "anthropic" } };
  expect((await callAsOperator(other, "POST", "/agents/create", made)).status).toBe(201);
  atDrop = async () => {
    atDrop = async () => undefined;
    expect(await recoverOperations(other.context)).toEqual(['key of agent "ours": finished']);
    const given = { provider: "anthropic", model: "m" };
    expect((await callAsOperator(other, next, "/agents/ours/ai-key", given)).status).toBe(200);
  };
  expect((await callAsOperator(sleeper, method, "/agents/ours/ai-key", body)).status).toBe(409);
  expect((await callAsOperator(other, "GET", "/agents/ours")).body).toMatchObject({
    status: "ready",
    health: { credentials: "ok" },
  });
});

it("an agent that is suspended while its gateway does not answer gets no minted key, which would work at its provider", async () => {
  const apis = await sampleAdminApis();
  try {
    const account = { key: masterKeys.openrouter, baseUrl: `${apis.origin}/openrouter/api/v1`, verify: false };
    const body = { provider: "openrouter", name: "Minting", ...account };
    expect((await callAsOperator(other, "POST", "/provisioning/ai-providers", body)).status).toBe(201);
    const made = { name: "ours", model: "m", autoProvisionAiKey: { provider: "anthropic" } };
    expect((await callAsOperator(other, "POST", "/agents/create", made)).status).toBe(201);
    const { aiKeyId } = (await callAsOperator(other, "GET", "/agents/ours")).body;
    atHost = async () => {
      throw new Problem("gateway_failed", "The gateway does not answer.");
    };
    const minted = { provider: "openrouter", mode: "minted", model: "m" };
    expect((await callAsOperator(sleeper, "PUT", "/agents/ours/ai-key", minted)).status).toBe(502);
    expect(apis.state.openrouterKeys).toHaveLength(1);
    expect((await callAsOperator(sleeper, "POST", "/agents/ours/suspend")).status).toBe(200);
    atHost = async () => undefined;
    expect(await recoverOperations(other.context)).toEqual([`key of agent "ours": undone`]);
    expect(apis.state.openrouterKeys).toEqual([]);
    expect((await callAsOperator(sleeper, "GET", "/agents/ours")).body).toMatchObject({ status: "suspended", aiKeyId });
  } finally {
    await apis.close();
  }
});

it("a recovery that wakes when another has finished its work leaves the agent the key that it has by now", async () => {
  const made = { name: "ours", model: "m", autoProvisionAiKey: { provider: "anthropic" } };
  expect((await callAsOperator(other, "POST", "/agents/create", made)).status).toBe(201);
  const move = { provider: "anthropic" };
  void callAsOperator(dying, "PUT", "/agents/ours/ai-key", move);
  await dead.promise;
  atHost = async () => {
    atHost = async () => undefined;
    expect(await recoverOperations(other.context)).toEqual(['key of agent "ours": finished']);
    expect((await callAsOperator(other, "PUT", "/agents/ours/ai-key", move)).status).toBe(200);
  };
  await recoverOperations(sleeper.context);
  const { aiKeyId } = (await callAsOperator(other, "GET", "/agents/ours")).body;
  // biome-ignore lint/suspicious/noExplicitAny: a file of JSON
  const store = (await keptOfAgent(stateDir, "ours"))["agent/auth-profiles.json"] as any;
  expect(parseToken(store.profiles["anthropic:dedicated"].key, "ocv")?.keyId).toBe(aiKeyId);
});
