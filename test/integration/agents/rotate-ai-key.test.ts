import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost } from "../../../src/ports.ts";
import { keyStatus } from "../../../src/proxy/verify-key.ts";
import { rotateAiKey } from "../../../src/service/agents/rotate-ai-key.ts";
import type { Caller } from "../../../src/service/caller.ts";
import { resealSecrets } from "../../../src/service/maintenance/reseal-secrets.ts";
import { currentAiKey } from "../../../src/service/state/ai-key-state.ts";
import type { Ports } from "../../../src/storage/keyspace.ts";
import { callAsOperator } from "../../call-as-operator.ts";

const operator: Caller = { actor: "cli", scopes: [], reach: "all", operator: true, requestId: "r" };

let stateDir: string;
let node: NodePorts;
let app: App;
let keyId: string;
/** The agent's key as it was made. */
let first: string;
let now: number;
/** The keys that the host was given, in order. */
let given: string[];
/** How it takes the next ones, instead of as it should. */
let faults: ("refuses" | "takes it and loses the answer")[];

async function start(...sealKeys: Uint8Array[]): Promise<void> {
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { host } = node.ports;
  const setCredential: AgentHost["setCredential"] = async (agent, credential) => {
    const fault = faults.shift();
    if (fault === "refuses") throw new Problem("gateway_failed", "It does not answer.");
    const profileId = await host.setCredential(agent, credential);
    given.push(credential.apiKey);
    if (fault) throw new Problem("gateway_failed", "It did not answer.");
    return profileId;
  };
  const ports: Ports = {
    ...node.ports,
    clock: { now: () => now },
    host: new Proxy(host, { get: (of, name) => (name === "setCredential" ? setCredential : Reflect.get(of, name)) }),
    ...(sealKeys.length > 0 && { sealKeys: () => sealKeys }),
  };
  app = createApp(ports, settings.settings);
}

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-rotate-"));
  now = Date.parse("2026-11-22T18:00:00.000Z");
  given = [];
  faults = [];
  await start();
  await call("/provisioning/ai-providers", { provider: "anthropic", name: "A", key: "sk-ant-not-real", verify: false });
  const body = { name: "my-agent", autoProvisionAiKey: { provider: "anthropic" }, revealAiKey: true };
  ({ keyId, key: first } = (await call("/agents/create", body)).body.aiKey);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (path: string, body: object, headers?: Record<string, string>) =>
  callAsOperator(app, "POST", path, body, headers);
const rotate = async (graceSeconds?: number) =>
  (await rotateAiKey(app.context, operator, "my-agent", { graceSeconds, revealAiKey: true })).aiKey.key!;

/** Whether the proxy takes this key now, or after so many days. */
async function works(key: string, days = 0): Promise<boolean> {
  const record = await currentAiKey(app.context, keyId);
  const digest = await app.context.crypto.sha256(key);
  return keyStatus(record!.state, digest, now + days * 86_400_000) === "valid";
}
/** The key that the agent uses. */
function inUse(): string {
  const text = readFileSync(join(stateDir, "agents", "my-agent", "agent", "auth-profiles.json"), "utf8");
  return JSON.parse(text).profiles["anthropic:dedicated"].key;
}

it("hands the new key over and ends the old one after its grace", async () => {
  const second = await rotate(60);
  expect(inUse()).toBe(second);
  expect([await works(first), await works(second, 999)]).toEqual([true, true]);
  now += 60_001;
  expect(await works(first)).toBe(false);
  const third = await rotate(0);
  expect([await works(second), await works(third, 999)]).toEqual([false, true]);
});

it.each([0, 86_400])("that fails, again and again, with a grace of %s s leaves the agent its key", async (grace) => {
  const earlier = first;
  first = await rotate(7 * 86_400);
  for (let attempt = 0; attempt < 8; attempt++) {
    faults = ["refuses"];
    await expect(rotate(grace)).rejects.toMatchObject({ code: "gateway_failed" });
  }
  expect(inUse()).toBe(first);
  expect(await works(first, 999)).toBe(true);
  // Nor does it cost another the grace that it was promised.
  expect([await works(earlier, 6), await works(earlier, 8)]).toEqual([true, false]);
});

it("is refused once the key has expired, since its end stays; a move gives the agent another", async () => {
  await call("/agents/create", {
    name: "ended",
    autoProvisionAiKey: { provider: "anthropic", expiresAt: new Date(now + 60_000).toISOString() },
  });
  now += 60_000;
  expect((await call("/agents/ended/ai-key/rotate", {})).body).toMatchObject({
    code: "key_expired",
    detail: expect.stringContaining('"agents ai-key move" with --key-expires'),
  });
  const many = (dryRun: boolean) => call("/agents/bulk", { action: "rotate", agentIds: ["ended"], dryRun });
  const failed = [{ agentId: "ended", code: "key_expired" }];
  for (const dryRun of [true, false]) expect((await many(dryRun)).body).toMatchObject({ succeeded: [], failed });
  const later = new Date(now + 60_000).toISOString();
  await callAsOperator(app, "PUT", "/agents/ended/ai-key", { provider: "anthropic", expiresAt: later });
  const { health } = (await callAsOperator(app, "GET", "/agents/ended")).body;
  expect(health.aiKey).toMatchObject({ status: "active", expiresAt: later });
});

it("that fails on files which cannot be written leaves the agent its key", async () => {
  const file = join(stateDir, "agents", "my-agent", "agent", "auth-profiles.json");
  rmSync(file);
  mkdirSync(file);
  await expect(rotate(0)).rejects.toBeInstanceOf(Problem);
  expect(await works(first, 999)).toBe(true);
  rmSync(file, { recursive: true });
  const second = await rotate(0);
  expect([inUse(), await works(second, 999), await works(first)]).toEqual([second, true, false]);
});

it("whose answer is lost leaves the agent the key that it has now, however many attempts fail after it", async () => {
  faults = ["takes it and loses the answer"];
  await expect(rotate(0)).rejects.toMatchObject({ code: "gateway_failed" });
  for (let attempt = 0; attempt < 8; attempt++) {
    faults = ["refuses"];
    await expect(rotate(0)).rejects.toMatchObject({ code: "gateway_failed" });
  }
  const taken = inUse();
  expect(taken).not.toBe(first);
  expect([await works(taken, 999), await works(first, 999)]).toEqual([true, true]);

  // A key that was in doubt may be known to others by now: it is no new key.
  const last = await rotate(0);
  expect([first, taken]).not.toContain(last);
  expect(inUse()).toBe(last);
  expect([await works(first), await works(taken), await works(last, 999)]).toEqual([false, false, true]);
});

it("is not stopped by a seal key that was replaced since the last one failed", async () => {
  faults = ["takes it and loses the answer"];
  await expect(rotate(0)).rejects.toThrow();
  const taken = inUse();
  await node.close();
  await start(new Uint8Array(32).fill(9));
  faults = ["refuses"];
  await expect(rotate(0)).rejects.toThrow();
  expect([await works(taken, 29), await works(first, 999)]).toEqual([true, true]);
  const last = await rotate(0);
  expect([inUse(), await works(last, 999), await works(taken)]).toEqual([last, true, false]);
});

it("hands the key in doubt over again also after a rotation of the seal key", async () => {
  faults = ["takes it and loses the answer"];
  await expect(rotate(0)).rejects.toThrow();
  const taken = inUse();
  const [older] = node.ports.sealKeys();
  const newer = new Uint8Array(32).fill(9);
  await node.close();
  await start(newer, older!);
  expect(await resealSecrets(app.context, operator)).toMatchObject({ resealed: 2 });
  expect(await resealSecrets(app.context, operator)).toMatchObject({ resealed: 0 });
  await node.close();
  await start(newer);
  expect(await works(taken, 999)).toBe(true);
  given = [];
  const last = await rotate(0);
  expect(given).toEqual([taken, last]);
});

it("keeps no secret of a failed attempt in the clear", async () => {
  faults = ["takes it and loses the answer"];
  await expect(rotate(0)).rejects.toThrow();
  const record = await currentAiKey(app.context, keyId);
  expect(JSON.stringify(record)).not.toContain(given[0]);
  await rotate();
  expect((await currentAiKey(app.context, keyId))!.state.pending).toBeUndefined();
});

it("says in the trail that it failed", async () => {
  faults = ["refuses"];
  await expect(rotate(0)).rejects.toThrow();
  const { events } = await app.context.audit.read({ limit: 2, filter: { action: "ai-key.rotate" } });
  expect(events).toMatchObject([
    { phase: "outcome", outcome: "failure", details: { aiKeyId: keyId, code: "gateway_failed" } },
    { phase: "intent" },
  ]);
});

it("retried under the same Idempotency-Key is done once", async () => {
  const attempt = () =>
    call("/agents/my-agent/ai-key/rotate", { graceSeconds: 0, revealAiKey: true }, { "idempotency-key": "once" });
  faults = ["takes it and loses the answer"];
  expect(await attempt()).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
  const done = await attempt();
  expect(done).toMatchObject({ status: 200, body: { agentId: "my-agent", aiKey: { keyId } } });
  const key = done.body.aiKey.key as string;
  const handed = given.length;
  const replay = await attempt();
  expect(replay.status).toBe(200);
  expect(replay.body.aiKey.key).toBeUndefined();
  expect(given.length).toBe(handed);
  expect([inUse(), await works(key, 999), await works(first)]).toEqual([key, true, false]);
});
