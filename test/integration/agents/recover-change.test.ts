import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost, HostHold } from "../../../src/ports.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { callAsOperator } from "../../call-as-operator.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
/** Whether this process is taken for one that is gone. */
let gone: boolean;
/** To what the host holds its agents. */
let held: HostHold;
/** Whether the host says nothing. */
let silent: boolean;
/** The fate of the record that is written next, in place of its being written. */
let insteadOfRecord: (() => Promise<never>) | undefined;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-change-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  gone = silent = false;
  held = {};
  insteadOfRecord = undefined;
  const { host, records } = node.ports;
  const unknown = { workspace: "unknown", agentDir: "unknown", credentials: "unknown" } as const;
  const find: AgentHost["find"] = async (id) => {
    if (silent) return { agents: [], unreachable: [] };
    const found = await host.find(id);
    return { ...found, agents: found.agents.map((agent) => ({ ...agent, ...held })) };
  };
  const inspect: AgentHost["inspect"] = async (agent) =>
    silent ? { reachable: false, ...unknown } : await host.inspect(agent);
  // This host holds agents, whatever it is asked to hold them to.
  const update: AgentHost["update"] = async (agent, { confinement, tools, peers, ...change }) => {
    if (confinement !== undefined) held = { confinement, tools: tools ?? [], peers: peers ?? [] };
    await host.update(agent, change);
  };
  const overridden = { find, inspect, update };
  const proxied = new Proxy(host, { get: (of, name) => Reflect.get(overridden, name) ?? Reflect.get(of, name) });
  const instance = { id: node.ports.instance.id, isGone: () => gone };
  const replace: Records["replace"] = async (...record) => {
    const instead = insteadOfRecord;
    insteadOfRecord = undefined;
    return await (instead?.() ?? records.replace(...record));
  };
  app = createApp({ ...node.ports, host: proxied, instance, records: { ...records, replace } }, settings.settings);
  for (const name of ["one", "two"]) expect((await call("POST", "/agents/create", { name })).status).toBe(201);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const bind = (agent: string, bindings: string[]) =>
  call("POST", `/agents/${agent}/onboard`, { steps: ["bindings"], bindings });
/** The phases of the trail, newest first, each with what recovery says. */
const trail = async (action: string) =>
  (await app.context.audit.read({ limit: 10, filter: { action, target: "one" } })).events.map(({ phase, details }) => [
    phase,
    details?.recovered,
    details?.fromHost,
  ]);

/** Runs a change whose process dies when it has changed the host and not yet the record. */
async function diesBeforeRecord(change: () => Promise<unknown>): Promise<() => Promise<unknown>> {
  const died = Promise.withResolvers<never>();
  const reached = Promise.withResolvers<void>();
  insteadOfRecord = () => {
    reached.resolve();
    return died.promise;
  };
  const lost = change();
  await reached.promise;
  return async () => {
    died.reject(new Problem("store_unwritable"));
    await lost;
  };
}
async function maintainAfterDeath() {
  gone = true;
  const { recovered } = await app.maintain();
  gone = false;
  return recovered;
}

it("the record of an agent whose change broke off is as the host has the agent", async () => {
  const end = await diesBeforeRecord(() => call("PATCH", "/agents/one", { name: "Uno", model: "gpt-5" }));
  expect((await call("GET", "/agents/one")).body).toMatchObject({ name: "one" });
  expect(await maintainAfterDeath()).toEqual(['change of agent "one": compared']);
  expect((await call("GET", "/agents/one")).body).toMatchObject({ name: "Uno", model: "gpt-5" });
  expect(await trail("agent.update")).toEqual([
    ["outcome", "compared", ["name", "model"]],
    ["intent", undefined, undefined],
  ]);
  expect((await call("PATCH", "/agents/one", { model: "gpt-6" })).status).toBe(200);
  await end();
});

it("an agent is shown held to what its host holds it to", async () => {
  const change = { confinement: "trusted", peers: ["two"] };
  const end = await diesBeforeRecord(() => call("PATCH", "/agents/one", change));
  expect((await call("GET", "/agents/one")).body.confinement).toBeUndefined();
  await maintainAfterDeath();
  expect((await call("GET", "/agents/one")).body).toMatchObject(change);
  expect((await trail("agent.update"))[0]).toEqual(["outcome", "compared", ["confinement", "peers"]]);
  await end();
});

it("an agent keeps the bindings that the host has given it, and no others", async () => {
  expect((await bind("one", ["slack:had"])).body.failed).toEqual([]);
  const end = await diesBeforeRecord(() => bind("one", ["telegram:*"]));
  const record = await app.context.records.get("agents", "one");
  await app.context.records.set("agents", "one", { ...record!, bindingsInDoubt: ["discord:never"] });
  await maintainAfterDeath();
  const after = await app.context.records.get("agents", "one");
  expect([after!.bindings, after!.bindingsInDoubt]).toEqual([["slack:had", "telegram:*"], undefined]);
  expect((await bind("two", ["telegram:*"])).body.failed).toEqual(["bindings"]);
  expect((await bind("two", ["discord:never"])).body.failed).toEqual([]);
  await call("DELETE", "/agents/one");
  expect((await bind("two", ["telegram:*", "slack:had"])).body.failed).toEqual([]);
  await end();
});

it("is left for later while the host says nothing, and keeps nobody from changing the agent", async () => {
  const end = await diesBeforeRecord(() => call("PATCH", "/agents/one", { model: "gpt-5" }));
  silent = true;
  expect(await maintainAfterDeath()).toEqual([]);
  expect((await call("GET", "/agents/one")).body.model).toBeUndefined();
  silent = false;
  expect(await maintainAfterDeath()).toEqual(['change of agent "one": compared']);
  expect((await call("GET", "/agents/one")).body.model).toBe("gpt-5");
  await end();

  const again = await diesBeforeRecord(() => bind("one", ["telegram:*"]));
  silent = true;
  expect(await maintainAfterDeath()).toEqual([]);
  expect((await call("PATCH", "/agents/one", { model: "gpt-6" })).status).toBe(200);
  expect(await trail("agent.onboard")).toEqual([
    ["outcome", "unknown", undefined],
    ["intent", undefined, undefined],
  ]);
  silent = false;
  expect((await bind("two", ["telegram:*"])).body.failed).toEqual(["bindings"]);
  await call("DELETE", "/agents/one");
  expect((await bind("two", ["telegram:*"])).body.failed).toEqual([]);
  await again();
});

it("takes nothing from an entry that is damaged", async () => {
  expect((await bind("one", ["slack:had"])).body.failed).toEqual([]);
  const end = await diesBeforeRecord(() => call("PATCH", "/agents/one", { model: "gpt-5" }));
  await writeFile(join(stateDir, "agents", "one", "agent.json"), "{");
  expect(await maintainAfterDeath()).toEqual([]);
  const record = await app.context.records.get("agents", "one");
  expect(record).toMatchObject({ name: "one", bindings: ["slack:had"] });
  await end();
});
