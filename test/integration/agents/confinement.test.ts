import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { createRegistryHost } from "../../../src/host/registry-host.ts";
import { createRemoteHost } from "../../../src/host/remote-host.ts";
import type { AgentHost, HostCreate, OpenDoor } from "../../../src/ports.ts";

describe("what an agent is held to", () => {
  let stateDir: string;
  let close: () => Promise<void>;
  let app: App;
  const asked: object[] = [];
  const made: HostCreate[] = [];
  const doors: OpenDoor[] = [];
  const logged: string[] = [];

  beforeEach(async () => {
    stateDir = await mkdtemp(join(tmpdir(), "confinement-"));
    for (const list of [asked, made, doors, logged]) list.length = 0;
    const registry = createRegistryHost();
    const host: AgentHost = {
      ...registry,
      plan: async (request) => {
        asked.push(request);
        return { confinement: request.confinement ?? "workspace" };
      },
      create: async (agent) => {
        made.push(agent);
        return { workspaceCreated: false, bindings: { added: [], updated: [], skipped: [], conflicts: [] } };
      },
      update: async (_, change) => void asked.push(change),
      openDoors: async () => doors,
    };
    const env = {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_PROVISIONING_ENABLED: "true",
      OPENCLAW_GATEWAY_TOKEN: "t".repeat(16),
    };
    const settings = readNodeSettings(env);
    const node = await openNode(settings, { env, log: (_, message) => void logged.push(message), host });
    close = node.close;
    app = createApp(node.ports, settings.settings);
  });
  afterEach(async () => {
    await close();
    await rm(stateDir, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: object) {
    const request = new Request(`http://localhost/api/v1${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const response = await app.fetchAsOperator(request);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  async function addProvider(defaultQuotas?: object): Promise<void> {
    const body = { provider: "anthropic", name: "M", key: "sk-ant-test-not-a-real-key", verify: false, defaultQuotas };
    expect((await call("POST", "/provisioning/ai-providers", body)).status).toBe(201);
  }

  test("is decided by the host, kept, shown and changed", async () => {
    const hold = { tools: ["web_search"], peers: ["two"] };
    const created = await call("POST", "/agents/create", { name: "one", ...hold });
    expect(created).toMatchObject({ status: 201, body: { confinement: "workspace" } });
    expect(made[0]).toMatchObject({ confinement: "workspace", ...hold, heldToQuota: false });
    expect((await call("GET", "/agents/one")).body).toMatchObject({ confinement: "workspace", ...hold });
    const changed = await call("PATCH", "/agents/one", { confinement: "trusted", peers: [] });
    expect(changed.body).toMatchObject({ confinement: "trusted", peers: [] });
    expect(asked.at(-1)).toEqual({ confinement: "trusted", peers: [] });
    expect((await call("GET", "/agents")).body.agents).toMatchObject([{ confinement: "trusted" }]);
    expect((await call("PATCH", "/agents/one", { confinement: "none" })).status).toBe(400);
  });

  test.each<[boolean, object, object | undefined]>([
    [true, { quotas: { maxTokensPerDay: 1 } }, undefined],
    [true, {}, { maxTokensPerMonth: 1 }],
    [false, { quotas: { maxRequestsPerDay: 1 } }, undefined],
    [false, {}, undefined],
  ])("the host is told whether the key is held to a token quota: %s for %j under %j", async (held, key, usual) => {
    await addProvider(usual);
    const autoProvisionAiKey = { provider: "anthropic", ...key };
    expect((await call("POST", "/agents/create", { name: "one", autoProvisionAiKey })).status).toBe(201);
    expect(asked[0]).toMatchObject({ heldToQuota: held });
    expect(made[0]).toMatchObject({ heldToQuota: held });
  });

  test("a control plane hands it on to its gateway, and shows what the gateway has decided", async () => {
    const scopes = ["agents:create", "agents:onboard", "agents:update", "agents:delete"];
    const { key } = (await call("POST", "/provisioning/agent-keys", { name: "plane", scopes })).body as { key: string };
    const remote = createRemoteHost({
      gateways: [{ id: "gw", url: "http://gw.test", token: "t".repeat(16), key }],
      fetch: async (input, init) => await app.fetch(new Request(input, init)),
      clock: { now: Date.now },
      timeoutMs: 5_000,
      log: () => undefined,
    });
    const agent = { agentId: "one", name: "one", bindings: [], gateway: "gw", operationId: "op1" };
    const hold = { tools: ["web_search"], peers: ["two"], heldToQuota: true };
    const created = await remote.create({ ...agent, ...hold, skipBootstrap: false, awaitReady: true });
    expect(created.confinement).toBe("workspace");
    expect(made[0]).toMatchObject({ confinement: "workspace", ...hold });
    await remote.update(agent, { confinement: "trusted", tools: [] });
    expect(asked.at(-1)).toEqual({ confinement: "trusted", tools: [] });
    expect((await remote.find("one")).agents[0]).toMatchObject({ confinement: "trusted", tools: [], peers: ["two"] });
  });

  test("a door that opens is logged once and counted, and so is that it closed", async () => {
    const door = { setting: "agents.defaults.compaction.model", detail: "it leads around", remedy: "unset it" };
    doors.push(door, { ...door, setting: "skills.workshop.autonomous.mode", isNotice: true });
    await app.maintain();
    await app.maintain();
    expect(logged.filter((one) => one.includes("door"))).toHaveLength(1);
    const gauge = /openclaw_open_doors\{setting="([^"]+)"\} (\d+)/g;
    const shown = () => [...app.context.metrics.render().matchAll(gauge)].map(([, setting, count]) => [setting, count]);
    expect(shown()).toEqual([[door.setting, "1"]]);
    doors.length = 0;
    await app.maintain();
    expect(shown()).toEqual([[door.setting, "0"]]);
  });
});

test("a host that runs no agents itself refuses to hold them", async () => {
  const host = createRegistryHost();
  for (const hold of [{ confinement: "workspace" as const }, { tools: [] }, { peers: ["two"] }]) {
    await expect(host.plan({ agentId: "one", ...hold })).rejects.toMatchObject({ code: "confinement_not_supported" });
  }
});
