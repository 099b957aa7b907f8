import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { createRemoteHost } from "../../../src/host/remote-host.ts";
import type { Fetch } from "../../../src/ports.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { type GatewayApp, openGatewayApp, switchboard } from "../../conformance/gateway-app.ts";

let root: string;
let gw1: GatewayApp;
let gw2: GatewayApp;
let node: NodePorts;
let app: App;
/** Gateways that cannot be connected to. */
let down: Set<GatewayApp>;
/** Gateways in whose place another service answers everything. */
let replaced: Set<GatewayApp>;
/** Answers a create in a gateway's place. */
let onCreate: (gateway: GatewayApp) => Response | undefined | Promise<Response | undefined>;
let now: number;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "control-plane-")));
  [gw1, gw2] = await Promise.all([openGatewayApp("gw1", root), openGatewayApp("gw2", root)]);
  down = new Set();
  replaced = new Set();
  onCreate = () => undefined;
  now = Date.now();
  await open([gw1, gw2]);
});
afterEach(async () => {
  await Promise.all([node.close(), gw1.close(), gw2.close()]);
  await rm(root, { recursive: true, force: true });
});

async function open(gateways: GatewayApp[]): Promise<void> {
  const through = switchboard([gw1, gw2]);
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init);
    if ([...down].some(({ settings }) => request.url.startsWith(settings.url))) {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
    }
    if ([...replaced].some(({ settings }) => request.url.startsWith(settings.url)))
      return Response.json({ status: "ok" });
    const creating = [gw1, gw2].find(({ settings }) => request.url === `${settings.url}/api/v1/agents/create`);
    return (creating && (await onCreate(creating))) ?? (await through(request));
  };
  const env = { OPENCLAW_STATE_DIR: join(root, "plane"), OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const host = createRemoteHost({
    gateways: gateways.map(({ settings }) => settings),
    fetch,
    timeoutMs: 2_000,
    clock: { now: () => now },
    log: () => undefined,
  });
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined, host });
  app = createApp(node.ports, settings.settings);
}

async function reopen(gateways: GatewayApp[]): Promise<void> {
  await node.close();
  await open(gateways);
}

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const create = (name: string, more: object = {}) => call("POST", "/agents/create", { name, ...more });
const ask = (gateway: GatewayApp) =>
  createRemoteHost({
    gateways: [gateway.settings],
    fetch: switchboard([gateway]),
    timeoutMs: 2_000,
    clock: { now: Date.now },
    log: () => undefined,
  });
/** An agent that others made there. */
async function others(gateway: GatewayApp, agentId: string): Promise<void> {
  const basis = { agentId, name: agentId, bindings: [], skipBootstrap: true, awaitReady: true };
  await ask(gateway).create({ ...basis, operationId: `others-${agentId}-${gateway.settings.id}` });
}

describe("an agent whose gateway was taken out of the settings", () => {
  const aiProvider = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
  beforeEach(async () => {
    expect((await call("POST", "/provisioning/ai-providers", aiProvider)).status).toBe(201);
    const autoProvisionAiKey = { provider: "anthropic" };
    expect((await create("left", { gateway: "gw1", autoProvisionAiKey })).status).toBe(201);
    await reopen([gw2]);
  });
  const keyStatus = async () => (await call("GET", "/agents/left")).body.health.aiKey?.status;

  it("is read, and held to what the control plane itself can do", async () => {
    const unreachable = { host: "unreachable", workspace: "unknown", detail: expect.stringContaining('"gw1"') };
    expect(await call("GET", "/agents/left")).toMatchObject({
      status: 200,
      body: { gateway: "gw1", health: unreachable },
    });
    expect((await call("GET", "/agents")).body.agents).toMatchObject([{ agentId: "left", gateway: "gw1" }]);
    const quotas = { maxRequestsPerDay: 5 };
    expect(await call("PATCH", "/agents/left", { quotas })).toMatchObject({
      status: 200,
      body: { health: { ...unreachable, aiKey: { quotas: { maxRequestsPerDay: { limit: 5 } } } } },
    });
    expect(await call("POST", "/agents/left/suspend")).toMatchObject({ status: 200, body: { status: "suspended" } });
    expect(await call("POST", "/agents/left/resume")).toMatchObject({ status: 200, body: { health: unreachable } });
    expect((await call("GET", "/agents/left/usage")).status).toBe(200);
  });

  it("is refused what needs the gateway, before any of it is done", async () => {
    const before = await node.ports.records.get("agents", "left");
    const { aiKeyId } = before!;
    const keyBefore = (await node.ports.records.get("ai-keys", aiKeyId!))!;
    const steps = ["bindings", "identity"];
    for (const [method, path, body] of [
      ["DELETE", "", undefined],
      ["POST", "/onboard", { steps, bindings: ["slack"], identity: { name: "Left" } }],
      ["POST", "/ai-key/rotate", {}],
      ["PATCH", "", { name: "Renamed", quotas: { maxRequestsPerDay: 5 } }],
    ] as const) {
      const refused = await call(method, `/agents/left${path}`, body);
      expect([path, refused.status, refused.body.code]).toEqual([path, 422, "gateway_not_found"]);
    }
    expect(await keyStatus()).toBe("active");
    expect(await node.ports.records.get("agents", "left")).toEqual(before);
    expect(await node.ports.records.get("ai-keys", aiKeyId!)).toEqual(keyBefore);

    await reopen([gw1, gw2]);
    expect((await create("heir", { gateway: "gw1", bind: ["slack"] })).status).toBe(201);
    expect((await call("DELETE", "/agents/left")).body.deleted).toContain("aiKey");
    expect(await gw1.agentIds()).toEqual(["heir"]);
  });
});

describe("a workspace", () => {
  it("however it is written, is free again once its agent is deleted", async () => {
    for (const workspace of [join(root, "plain"), `${join(root, "slash")}/`, `${root}//./doubled`]) {
      for (const name of ["first", "second"]) {
        const made = await create(name, { gateway: "gw1", workspace });
        expect([workspace, made.status, made.body.workspace]).toEqual([
          workspace,
          201,
          join(workspace, ".").replace(/\/$/, ""),
        ]);
        expect((await call("DELETE", `/agents/${name}`, { deleteWorkspace: true })).status).toBe(200);
      }
    }
  });

  it("however it is written, is one agent's on its gateway", async () => {
    expect((await create("first", { gateway: "gw1", workspace: `${join(root, "one")}/` })).status).toBe(201);
    for (const workspace of [join(root, "one"), `${join(root, "one")}/`, `${root}//one`]) {
      expect(await create("second", { gateway: "gw1", workspace })).toMatchObject({
        status: 409,
        body: { code: "workspace_taken" },
      });
    }
    expect((await call("GET", "/agents/second")).status).toBe(404);
  });
});

describe("an id that agents of others have", () => {
  it("on two gateways, is listed for both and means neither", async () => {
    for (const gateway of [gw1, gw2]) await others(gateway, "support");
    await others(gw1, "solo");
    const { agents } = (await call("GET", "/agents")).body;
    expect(agents.map((one: { agentId: string; gateway: string }) => `${one.agentId}@${one.gateway}`)).toEqual([
      "solo@gw1",
      "support@gw1",
      "support@gw2",
    ]);
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["DELETE", "", { deleteWorkspace: true }],
      ["PATCH", "", { name: "Mine" }],
      ["POST", "/onboard", { steps: ["model"], model: "m" }],
    ] as const) {
      const { status, body: problem } = await call(method, `/agents/support${path}`, body);
      expect([method, status, problem.code]).toEqual([method, 409, "agent_ambiguous"]);
      expect(problem.detail).toMatch(/"gw1" and "gw2"/);
    }
    expect(await create("support")).toMatchObject({ status: 409, body: { code: "agent_exists" } });
    expect((await call("DELETE", "/agents/solo")).status).toBe(200);
    expect([await gw1.agentIds(), await gw2.agentIds()]).toEqual([["support"], ["support"]]);
  });

  it("does not come to mean another agent while a gateway is silent", async () => {
    for (const gateway of [gw1, gw2]) await others(gateway, "support");
    await others(gw1, "solo");
    down.add(gw1);
    expect((await call("GET", "/agents/support")).body.gateway).toBe("gw2");
    for (const agentId of ["support", "solo"]) {
      for (const [method, path, body] of [
        ["DELETE", "", { deleteWorkspace: true }],
        ["PATCH", "", { name: "Mine" }],
      ] as const) {
        const { status, body: problem } = await call(method, `/agents/${agentId}${path}`, body);
        expect([agentId, method, status, problem.code]).toEqual([agentId, method, 502, "gateway_failed"]);
        expect(problem.detail).toContain('"gw1"');
      }
    }
    expect(await gw2.agentIds()).toEqual(["support"]);
    // Ours are on record: no gateway has to say where they are.
    expect((await create("ours", { gateway: "gw2" })).status).toBe(201);
    expect((await call("DELETE", "/agents/ours")).status).toBe(200);
  });

  it("and one of ours, is ours, and both are listed", async () => {
    await others(gw1, "solo");
    down.add(gw1);
    expect((await create("solo")).body.gateway).toBe("gw2");
    down.clear();
    now += 60_000;
    const { agents } = (await call("GET", "/agents")).body;
    expect(agents.map((one: { gateway: string; managed: boolean }) => [one.gateway, one.managed])).toEqual([
      ["gw2", true],
      ["gw1", false],
    ]);
    expect((await call("DELETE", "/agents/solo")).status).toBe(200);
    expect([await gw1.agentIds(), await gw2.agentIds()]).toEqual([["solo"], []]);
  });
});

describe("a create without a wish", () => {
  const counted = async () => {
    for (let at = 0; at < 3; at++) await others(gw2, `fill-${at}`);
    // From here on gw1 is known as the emptier one.
    await node.ports.host.check();
  };

  it("is done on another gateway, where the chosen one cannot be connected to", async () => {
    await counted();
    down.add(gw1);
    const bind = ["telegram:ops"];
    let noted: string | undefined;
    onCreate = async () => {
      [noted] = (await node.ports.ledger.abandoned(() => true)).map(({ note }) => note);
      return undefined;
    };
    const made = await create("anywhere", { bind });
    // A process that had to undo it would have looked there.
    expect(JSON.parse(noted!)).toMatchObject({ action: "create", gateway: "gw2", asked: { name: "anywhere" } });
    expect(made).toMatchObject({ status: 201, body: { gateway: "gw2", bindings: { added: bind } } });
    expect((await call("GET", "/agents/anywhere")).body).toMatchObject({ gateway: "gw2", health: { host: "ok" } });
    const { events } = (await call("GET", "/provisioning/audit")).body;
    expect(events.find((one: { action: string }) => one.action === "agent.create")).toMatchObject({
      phase: "outcome",
      outcome: "success",
      details: { gateway: "gw2" },
    });
    expect((await call("DELETE", "/agents/anywhere")).status).toBe(200);
    // The place held for it on the first gateway is free, and so is the one that it had on the second.
    down.clear();
    now += 60_000;
    for (const gateway of ["gw1", "gw2"]) expect((await create(`at-${gateway}`, { gateway, bind })).status).toBe(201);
  }, 20_000);

  it("is done on another gateway, where the chosen one refuses us, and only on one", async () => {
    await counted();
    const body = { status: 403, code: "agent_limit_reached", detail: "its own words" };
    onCreate = (gateway) => (gateway === gw1 ? Response.json(body, { status: 403 }) : undefined);
    expect(await create("refused", { gateway: "gw1" })).toMatchObject({
      status: 502,
      body: { code: "gateway_failed" },
    });
    expect((await create("anywhere")).body).toMatchObject({ agentId: "anywhere", gateway: "gw2" });
    // A fault of the request is one everywhere.
    onCreate = () => Response.json({ ...body, code: "workspace_not_allowed" }, { status: 422 });
    expect(await create("wrong")).toMatchObject({ status: 422, body: { code: "workspace_not_allowed" } });
    expect(await gw2.agentIds()).not.toContain("wrong");
  });

  it("is not done on another gateway, where the chosen one may have done it", async () => {
    await counted();
    onCreate = () => {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
    };
    expect(await create("doubtful")).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    expect(await gw2.agentIds()).not.toContain("doubtful");
  }, 20_000);

  it("is not done on another gateway, where the chosen one did it and a proxy's page hides that", async () => {
    await counted();
    let creates = 0;
    onCreate = async (gateway) => {
      if (gateway !== gw1) return undefined;
      if (++creates > 1) return new Response("404 page not found", { status: 404 });
      await others(gw1, "hidden");
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
    };
    expect(await create("hidden")).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    expect(await gw2.agentIds()).not.toContain("hidden");
  }, 20_000);

  it("is done though another service answers in some gateway's place", async () => {
    await counted();
    replaced.add(gw1);
    now += 60_000;
    expect(await create("there", { gateway: "gw2" })).toMatchObject({ status: 201, body: { gateway: "gw2" } });
    expect(await create("anywhere")).toMatchObject({ status: 201, body: { gateway: "gw2" } });
  });

  it("fails as ever where a gateway was asked for, or no other answers", async () => {
    await counted();
    down.add(gw1);
    const asked = await create("there", { gateway: "gw1" });
    expect(asked).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    down.add(gw2);
    now += 60_000;
    expect(await create("nowhere")).toMatchObject({ status: 503, body: { code: "host_unavailable" } });
    down.clear();
    now += 60_000;
    for (const gateway of [gw1, gw2]) expect(await gateway.agentIds()).not.toContain("there");
    expect((await create("there")).status).toBe(201);
  }, 20_000);
});
