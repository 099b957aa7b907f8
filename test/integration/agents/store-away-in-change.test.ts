import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import { currentAiKey } from "../../../src/service/state/ai-key-state.ts";
import type { Ports } from "../../../src/storage/keyspace.ts";
import { gatewayPlaces, issuedKeys } from "../../../src/storage/ledger-names.ts";
import { makeAgentByHand } from "../../agent-by-hand.ts";
import { callAsOperator } from "../../call-as-operator.ts";

const leaseMs = 1_000;

let stateDir: string;
let node: NodePorts;
let app: App;
/** Whether a store refuses this call, which it then does once. */
let refused: ((method: string, args: unknown[]) => boolean) | undefined;
/** The alerts that were stored, by their type. */
let alerts: string[];

function refusing<T extends object>(port: T): T {
  return new Proxy(port, {
    get(of, name) {
      const value = Reflect.get(of, name);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        if (refused?.(String(name), args)) {
          refused = undefined;
          throw new Problem("store_unwritable", "It is away.");
        }
        return await value.apply(of, args);
      };
    },
  });
}

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-away-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  refused = undefined;
  alerts = [];
  const { ports } = node;
  const ledger = refusing(ports.ledger);
  const outbox: Ports["outbox"] = {
    ...ports.outbox,
    async put(alert, ...rest) {
      alerts.push(alert.type);
      return await ports.outbox.put(alert, ...rest);
    },
  };
  const instance = { ...ports.instance, leaseMs };
  const records = { ...ports.records, replace: refusing(ports.records).replace };
  app = createApp({ ...ports, audit: refusing(ports.audit), ledger, records, outbox, instance }, settings.settings);
  const provider = { provider: "anthropic", name: "A", key: "sk-not-a-real-key-0000", verify: false };
  expect((await call("POST", "/provisioning/ai-providers", provider)).status).toBe(201);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const ours = { name: "ours", bind: ["telegram:ours"], autoProvisionAiKey: { provider: "anthropic" } };
const everything = { deleteWorkspace: true, deleteSessions: true };
const create = async () => expect((await call("POST", "/agents/create", ours)).status).toBe(201);
const isIndexOfKeys = (agentId: string) => (method: string, args: unknown[]) =>
  method === "replace" && args[0] === issuedKeys(agentId);
const isRecord = (method: string, args: unknown[]) => method === "replace" && args[0] === "agents";

async function recovered(): Promise<string[]> {
  // Far less than a lease: what broke off leaves none behind.
  await sleep(20);
  return (await app.maintain()).recovered;
}
const places = async () => (await app.context.ledger.used(gatewayPlaces(undefined).agents, "all")).reserved;

it("an agent whose deletion broke off when its record was gone holds nothing in the end", async () => {
  await create();
  refused = isIndexOfKeys("ours");
  expect((await call("DELETE", "/agents/ours", everything)).status).toBe(503);
  expect((await call("GET", "/agents/ours")).status).toBe(404);
  expect(await recovered()).toEqual(['delete of agent "ours": finished']);
  expect(await places()).toBe(0);
  expect(await app.context.ledger.get(issuedKeys("ours"))).toBeUndefined();
  await create();
});

it("an agent whose release broke off when its record was gone holds nothing in the end", async () => {
  await makeAgentByHand(stateDir, "theirs");
  const { autoProvisionAiKey } = ours;
  expect((await call("POST", "/agents/theirs/adopt", { autoProvisionAiKey })).status).toBe(200);
  refused = isIndexOfKeys("theirs");
  expect((await call("POST", "/agents/theirs/release")).status).toBe(503);
  expect(await recovered()).toEqual(['release of agent "theirs": finished']);
  expect(await places()).toBe(0);
});

it("a deletion that broke off once the host had let go of its agent is finished by recovery", async () => {
  await create();
  refused = isRecord;
  expect((await call("DELETE", "/agents/ours", everything)).status).toBe(503);
  expect(await recovered()).toEqual(['delete of agent "ours": finished']);
  expect((await call("GET", "/agents/ours")).status).toBe(404);
  expect(await places()).toBe(0);
  await create();
});

it.each([
  ["the agent's record", isRecord],
  ["the state of its key", (method: string, [name]: unknown[]) => method === "put" && String(name).endsWith("/state")],
])("a release that broke off once the host had its agent back is finished by recovery: %s", async (_, isRefused) => {
  await makeAgentByHand(stateDir, "theirs");
  const { autoProvisionAiKey } = ours;
  expect((await call("POST", "/agents/theirs/adopt", { autoProvisionAiKey })).status).toBe(200);
  refused = isRefused;
  expect((await call("POST", "/agents/theirs/release")).status).toBe(503);
  expect(await recovered()).toEqual(['release of agent "theirs": finished']);
  expect((await call("GET", "/agents/theirs")).body).toMatchObject({ managed: false });
  expect(await places()).toBe(0);
  expect((await call("GET", "/agents?q=theirs")).body.total).toBe(0);
});

it("a deletion that broke off keeps nobody from repeating it", async () => {
  await create();
  refused = isRecord;
  expect((await call("DELETE", "/agents/ours", everything)).status).toBe(503);
  expect((await call("DELETE", "/agents/ours", everything)).status).toBe(404);
  expect(await places()).toBe(0);
});

it.each([
  ["suspend", "POST", "/agents/ours/suspend", undefined],
  ["update", "PATCH", "/agents/ours", { expiresAt: "2050-01-01T00:00:00.000Z", name: "Other" }],
])("an agent is shown as meter and host have it where its record could not be written: %s", async (...change) => {
  const [, method, path, body] = change;
  await create();
  refused = isRecord;
  expect((await call(method, path, body)).status).toBe(503);
  await recovered();
  const record = (await app.context.records.get("agents", "ours"))!;
  const { state } = (await currentAiKey(app.context, record.aiKeyId!))!;
  expect(record).toMatchObject({ suspended: state.status === "suspended", name: body ? "Other" : "ours" });
  expect(record.expiresAt).toBe(state.suspendsAt);
});

it("an agent is not shown to end where its key could not be told so", async () => {
  await create();
  refused = (method, [name]) => method === "replace" && String(name).endsWith("/state");
  expect((await call("PATCH", "/agents/ours", { expiresAt: "2050-01-01T00:00:00.000Z" })).status).toBe(503);
  await recovered();
  expect((await call("GET", "/agents/ours")).body.expiresAt).toBeUndefined();
});

it("tells of no agent as made whose creation is undone since its outcome could not be written", async () => {
  refused = (method, [event]) => method === "append" && (event as { phase: string }).phase === "outcome";
  expect((await call("POST", "/agents/create", ours)).status).toBe(503);
  expect((await call("GET", "/agents/ours")).status).toBe(404);
  expect(alerts).not.toContain("agent.created");
  await create();
  expect(alerts).toContain("agent.created");
});
