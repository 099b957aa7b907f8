import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeHandler } from "srvx/node";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { createRemoteHost } from "../../../src/host/remote-host.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { type GatewayApp, openGatewayApp } from "../../conformance/gateway-app.ts";
import { freePort } from "../../free-port.ts";

const token = "token-of-all-replicas-not-a-real-secret";
let root: string;
let port: number;
let replicas: GatewayApp[];
/** The server at an address now. */
let servers: Map<string, Server>;
/** The addresses of the name. */
let addresses: string[];
let now: number;
let planes: NodePorts[];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "found-gateways-")));
  port = await freePort();
  replicas = await Promise.all(["a", "b", "c"].map((id) => openGatewayApp(id, root)));
  servers = new Map();
  addresses = [];
  now = Date.now();
  planes = [];
});
afterEach(async () => {
  await Promise.all(planes.map((node) => node.close()));
  for (const address of [...servers.keys()]) await stop(address);
  await Promise.all(replicas.map((replica) => replica.close()));
  await rm(root, { recursive: true, force: true });
});

/** A replica has its own credentials here, and the control plane one for all: put in on the way. */
async function start(address: string, replica: GatewayApp): Promise<void> {
  const { token: own, key } = replica.settings;
  const server = createServer(
    toNodeHandler(async (request: Request) => {
      const headers = new Headers(request.headers);
      if (headers.get("authorization") !== `Bearer ${token}`) return new Response(null, { status: 401 });
      headers.set("authorization", `Bearer ${own}`);
      if (request.method !== "GET") headers.set("x-agent-provisioning-key", key!);
      const body = request.method === "GET" ? undefined : await request.text();
      return await replica.fetch(new Request(request.url, { method: request.method, headers, body: body || null }));
    }) as RequestListener,
  );
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  servers.set(address, server);
}

async function stop(address: string): Promise<void> {
  const server = servers.get(address)!;
  servers.delete(address);
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** A control plane that starts anew, on what the one before has left. */
async function plane({ maxAgents }: { maxAgents?: number } = {}): Promise<App> {
  const env = { OPENCLAW_STATE_DIR: join(root, "plane"), OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const host = createRemoteHost({
    gateways: [{ id: "agents", dns: "agents.test", port, token, maxAgents: 10 }],
    resolve: async (name) => {
      expect(name).toBe("agents.test");
      if (addresses.length === 0) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
      return addresses;
    },
    fetch: (input, init) => globalThis.fetch(input, init),
    timeoutMs: 2_000,
    clock: { now: () => now },
    log: () => undefined,
  });
  const settings = readNodeSettings(env);
  settings.settings.provisioning.host.maxAgents = maxAgents;
  const node = await openNode(settings, { env, log: () => undefined, host });
  planes.push(node);
  return createApp(node.ports, settings.settings);
}

const create = (app: App, name: string, more: object = {}) =>
  callAsOperator(app, "POST", "/agents/create", { name, ...more });
const gateways = async (app: App): Promise<Record<string, unknown>[]> =>
  (await callAsOperator(app, "GET", "/gateways")).body.gateways;

it("finds each replica, and one that is added within half a minute", async () => {
  const app = await plane();
  expect(await gateways(app)).toEqual([]);
  expect(await create(app, "early")).toMatchObject({ status: 503, body: { code: "host_unavailable" } });
  await start("127.0.0.2", replicas[0]!);
  await start("127.0.0.3", replicas[1]!);
  addresses = ["127.0.0.2", "127.0.0.3"];
  now += 10_000;
  const places = [];
  for (const name of ["a", "b", "c", "d"]) places.push((await create(app, name)).body.gateway);
  expect(new Set(places).size).toBe(2);
  for (const id of places) expect(id).toMatch(/^agents-[0-9a-f]{10}$/);
  await start("127.0.0.4", replicas[2]!);
  addresses.push("127.0.0.4");
  now += 10_000;
  for (const name of ["e", "f"]) await create(app, name);
  expect(await replicas[2]!.agentIds()).toHaveLength(2);
  expect((await gateways(app)).map(({ agents, maxAgents, reachable }) => [agents, maxAgents, reachable])).toEqual([
    [2, 10, true],
    [2, 10, true],
    [2, 10, true],
  ]);
});

it("works on with the others where another service, in JSON of its own, answers at one address", async () => {
  await start("127.0.0.2", replicas[0]!);
  const other = createServer((_, response) =>
    response.setHeader("content-type", "application/json").end('{"status":"ok"}'),
  );
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.3", resolve));
  servers.set("127.0.0.3", other);
  addresses = ["127.0.0.2", "127.0.0.3"];
  const app = await plane();
  expect((await gateways(app)).map(({ agents, reachable }) => [agents, reachable])).toEqual([[0, true]]);
  expect(await create(app, "a")).toMatchObject({ status: 201 });
});

it("finds one that is added after the clock was set back, and counts what others made", async () => {
  await start("127.0.0.2", replicas[0]!);
  addresses = ["127.0.0.2"];
  const app = await plane();
  expect(await gateways(app)).toHaveLength(1);
  await start("127.0.0.3", replicas[1]!);
  addresses.push("127.0.0.3");
  const { token: own, key } = replicas[0]!.settings;
  await replicas[0]!.fetch("http://a.test/api/v1/agents/create", {
    method: "POST",
    headers: { authorization: `Bearer ${own}`, "x-agent-provisioning-key": key! },
    body: JSON.stringify({ name: "by another hand" }),
  });
  now -= 3_600_000;
  expect((await gateways(app)).map(({ agents }) => agents)).toEqual([1, 0]);
});

it("knows replicas by their own ids, whichever addresses they have", async () => {
  await start("127.0.0.2", replicas[0]!);
  await start("127.0.0.3", replicas[1]!);
  addresses = ["127.0.0.2", "127.0.0.3"];
  const app = await plane();
  const first = (await create(app, "first")).body.gateway;
  const second = (await create(app, "second", {})).body.gateway;
  expect(first).not.toBe(second);
  const holder = (await replicas[0]!.agentIds()).includes("first") ? replicas[0]! : replicas[1]!;
  const other = holder === replicas[0] ? replicas[1]! : replicas[0]!;
  // Both start anew, and each has the other's address.
  for (const address of addresses) await stop(address);
  const [was, is] = holder === replicas[0] ? ["127.0.0.2", "127.0.0.3"] : ["127.0.0.3", "127.0.0.2"];
  await start(is, holder);
  await start(was, other);
  // Nobody has noticed: what is meant for the one is not done to the other.
  expect((await callAsOperator(app, "PATCH", "/agents/first", { name: "renamed" })).status).toBe(502);
  expect((await callAsOperator(app, "DELETE", "/agents/first", {})).body.code).toBe("gateway_failed");
  expect(await holder.agentIds()).toContain("first");
  now += 10_000;
  expect((await callAsOperator(app, "PATCH", "/agents/first", { name: "renamed" })).status).toBe(200);
  expect(await callAsOperator(app, "GET", "/agents/first")).toMatchObject({
    body: { name: "renamed", gateway: first, health: { host: "ok", workspace: "ok" } },
  });
  expect((await callAsOperator(app, "DELETE", "/agents/first", { deleteWorkspace: true })).status).toBe(200);
  expect([await holder.agentIds(), await other.agentIds()]).toEqual([[], ["second"]]);
});

it("keeps what it knows of a replica that has two addresses, and asks it at the other where one is gone", async () => {
  const [replica] = replicas;
  addresses = ["127.0.0.2", "127.0.0.3"];
  for (const address of addresses) await start(address, replica!);
  const app = await plane();
  const { gateway } = (await create(app, "first")).body;
  const host = planes[0]!.ports.host.gateways!;
  const [known] = host.known();
  for (let look = 0; look < 3; look++) {
    now += 10_000;
    expect(await host.found()).toEqual([known]);
    expect(host.known()[0]).toBe(known);
  }
  for (const address of ["127.0.0.2", "127.0.0.3"]) {
    await stop(address);
    now += 60_000;
    await gateways(app);
    now += 10_000;
    expect(await callAsOperator(app, "GET", "/agents/first")).toMatchObject({
      body: { gateway, health: { host: "ok" } },
    });
    await start(address, replica!);
  }
});

it("shows one that is gone as silent, also after a start, and drops one that had no agents", async () => {
  await start("127.0.0.2", replicas[0]!);
  await start("127.0.0.3", replicas[1]!);
  addresses = ["127.0.0.2", "127.0.0.3"];
  const app = await plane();
  const [one, two] = await gateways(app);
  const { gateway } = (await create(app, "kept", { gateway: one!.id })).body;
  await stop("127.0.0.2");
  await stop("127.0.0.3");
  addresses = [];
  now += 10_000;
  // A name that is not found says nothing of who is there.
  expect((await gateways(app)).map(({ id, reachable }) => [id, reachable])).toEqual([
    [one!.id, false],
    [two!.id, false],
  ]);
  addresses = ["127.0.0.4"];
  await start("127.0.0.4", replicas[2]!);
  now += 10_000;
  const left = await gateways(app);
  expect(left.find(({ id }) => id === one!.id)).toMatchObject({ reachable: false, agents: 1 });
  expect(left.find(({ id }) => id === two!.id)).toBeUndefined();
  const again = await plane();
  expect(await callAsOperator(again, "GET", "/agents/kept")).toMatchObject({
    status: 200,
    body: { gateway, health: { host: "unreachable" } },
  });
  expect(await callAsOperator(again, "PATCH", "/agents/kept", { name: "x" })).toMatchObject({
    status: 502,
    body: { detail: expect.stringContaining('not found behind the name "agents.test"') },
  });
  await start("127.0.0.2", replicas[0]!);
  addresses.push("127.0.0.2");
  now += 10_000;
  expect((await callAsOperator(again, "PATCH", "/agents/kept", { name: "x" })).status).toBe(200);
});

it("gives an adopted agent back, though nobody has looked for its gateway since the start", async () => {
  const { stateDir } = replicas[0]!;
  await mkdir(join(stateDir, "agents", "theirs", "agent"), { recursive: true });
  await start("127.0.0.2", replicas[0]!);
  addresses = ["127.0.0.2"];
  expect((await callAsOperator(await plane(), "POST", "/agents/theirs/adopt")).status).toBe(200);
  const again = await plane();
  expect(await callAsOperator(again, "POST", "/agents/theirs/release")).toMatchObject({
    status: 200,
    body: { agentId: "theirs", preserved: [] },
  });
});

it("holds a create, a cordon and a change of labels to what is set for a replica, also right after a start", async () => {
  await start("127.0.0.2", replicas[0]!);
  await start("127.0.0.3", replicas[1]!);
  addresses = ["127.0.0.2", "127.0.0.3"];
  const app = await plane();
  const [one, two] = await gateways(app);
  expect((await callAsOperator(app, "POST", `/gateways/${one!.id}/cordon`)).status).toBe(200);
  expect((await create(app, "a", { gateway: one!.id })).body.code).toBe("gateway_cordoned");
  expect((await create(await plane(), "a", { gateway: one!.id })).body.code).toBe("gateway_cordoned");
  expect((await callAsOperator(await plane(), "POST", `/gateways/${two!.id}/cordon`)).status).toBe(200);
});

it("says of a replica that is gone that it is, and not that it is full", async () => {
  await start("127.0.0.2", replicas[0]!);
  addresses = ["127.0.0.2"];
  const app = await plane({ maxAgents: 1 });
  expect((await create(app, "a")).status).toBe(201);
  expect(await create(app, "b", { gateway: "agents-gone" })).toMatchObject({
    status: 502,
    body: { detail: expect.stringContaining('not found behind the name "agents.test"') },
  });
});

it("lists one that is gone with agents also after a start of the control plane", async () => {
  await start("127.0.0.2", replicas[0]!);
  addresses = ["127.0.0.2"];
  const app = await plane();
  const { gateway } = (await create(app, "kept")).body;
  await stop("127.0.0.2");
  await start("127.0.0.3", replicas[1]!);
  addresses = ["127.0.0.3"];
  const again = await plane();
  expect((await callAsOperator(again, "GET", "/agents")).body.unreachable).toEqual([gateway]);
  const left = (await gateways(again)).find(({ id }) => id === gateway);
  expect(left).toMatchObject({ reachable: false, agents: 1 });
});
