import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { testContract } from "./contract.ts";
import { type ControlPlaneTarget, controlPlaneTarget } from "./control-plane-target.ts";
import { ask, makeKey, makeLinkedKey } from "./target.ts";

testContract("control plane over two gateways", () => controlPlaneTarget());

describe("the control plane and its gateways", () => {
  let plane: ControlPlaneTarget;
  let linked: { key: string };
  beforeAll(async () => {
    plane = await controlPlaneTarget();
    linked = await makeLinkedKey(plane);
  });
  afterAll(async () => {
    await plane?.close();
  });

  const create = (body: unknown) => ask(plane, "POST", "/agents/create", { key: linked.key, body });
  const onGateway = (id: "gw1" | "gw2", agentId: string) => ask(plane.gateways[id], "GET", `/agents/${agentId}`);

  it("puts an agent where it is told to, and nowhere else", async () => {
    const name = newName("placed");
    const workspace = plane.workspace(name);
    const made = await create({
      name,
      gateway: "gw2",
      workspace,
      model: "claude-sonnet-3.5",
      bind: [`telegram:${name}`],
    });
    expect(made).toMatchObject({ status: 201, body: { agentId: name, gateway: "gw2", workspace } });
    expect((await onGateway("gw1", name)).status).toBe(404);
    expect(await onGateway("gw2", name)).toMatchObject({
      status: 200,
      body: { workspace, model: "claude-sonnet-3.5", bindings: [`telegram:${name}`], managed: true },
    });
    expect(await create({ name: newName("lost"), gateway: "gw3" })).toMatchObject({
      status: 422,
      body: { code: "gateway_not_found" },
    });
  });

  it("tells where the gateway put it, where nobody asked for a place", async () => {
    const name = newName("default");
    const made = await create({ name, gateway: "gw1" });
    const { stateDir } = plane.gateways.gw1;
    const place = { workspace: join(stateDir, `workspace-${name}`), agentDir: join(stateDir, "agents", name, "agent") };
    expect(made).toMatchObject({ status: 201, body: place });
    expect((await ask(plane, "GET", `/agents/${name}`)).body).toMatchObject(place);
  });

  it("spreads agents over the gateways", async () => {
    const places: string[] = [];
    for (let at = 0; at < 6; at++) places.push((await create({ name: newName("spread") })).body.gateway);
    expect(new Set(places)).toEqual(new Set(["gw1", "gw2"]));
  });

  it("gives the agent a key of its own that points at the control plane's proxy", async () => {
    const name = newName("keyed");
    const made = await create({ name, gateway: "gw1", autoProvisionAiKey: { provider: "anthropic" } });
    expect(made.body.aiKey).toMatchObject({
      baseUrl: `${plane.origin}/proxy/anthropic`,
      profileId: "anthropic:dedicated",
    });
    const agentDir = join(plane.gateways.gw1.stateDir, "agents", name, "agent");
    const store = JSON.parse(readFileSync(join(agentDir, "auth-profiles.json"), "utf8"));
    expect(store.profiles["anthropic:dedicated"]).toMatchObject({
      key: expect.stringMatching(new RegExp(`^ocv_${made.body.aiKey.keyId}_`)),
      baseUrl: `${plane.origin}/proxy/anthropic`,
    });
    expect((await onGateway("gw1", name)).body.status).toBe("ready");
  });

  it("takes an agent away from its gateway, home and all", async () => {
    const name = newName("gone");
    const { body } = await create({ name, gateway: "gw1" });
    expect(existsSync(body.workspace)).toBe(true);
    const options = { key: linked.key, body: { deleteWorkspace: true, deleteSessions: true } };
    expect((await ask(plane, "DELETE", `/agents/${name}`, options)).status).toBe(200);
    expect((await onGateway("gw1", name)).status).toBe(404);
    expect(existsSync(body.workspace)).toBe(false);
  });

  it("lists what others made on a gateway, as not managed, and leaves it its name", async () => {
    const name = newName("others");
    const { key } = await makeKey(plane.gateways.gw2);
    await ask(plane.gateways.gw2, "POST", "/agents/create", { key, body: { name } });
    const { body } = await ask(plane, "GET", "/agents?limit=1000");
    expect(body.agents.find((one: { agentId: string }) => one.agentId === name)).toMatchObject({
      gateway: "gw2",
      managed: false,
    });
    expect(await create({ name })).toMatchObject({ status: 409, body: { code: "agent_exists" } });
    expect((await onGateway("gw1", name)).status).toBe(404);
    expect((await onGateway("gw2", name)).status).toBe(200);
  });
});
