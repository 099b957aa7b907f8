import { describe, expect, it } from "vitest";
import { makeAgentByHand } from "../../agent-by-hand.ts";
import type { GatewayApp } from "../../conformance/gateway-app.ts";
import { create, gatewayStand, gatewaysOf } from "../../gateway-stand.ts";
import { masterKeys, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

const stand = gatewayStand();

describe("maxAgents of a gateway", () => {
  it("is never passed, however many creates meet, and the refusal names the setting", async () => {
    const one = await stand.plane({ gw1: { maxAgents: 5 }, gw2: { maxAgents: 3 } });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => create(one, `a${at}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(8);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => body.code)).toEqual(Array(12).fill("gateway_full"));
    for (const { body } of refused) expect(body.detail).toContain("gateway.provisioning.host.gateways");
    expect(await stand.gateways[0]!.agentIds()).toHaveLength(5);
    expect(await stand.gateways[1]!.agentIds()).toHaveLength(3);
    const full = { reachable: true, room: 0, used: 1, cordoned: false, version: expect.any(String), host: "directory" };
    expect(await gatewaysOf(one)).toEqual({
      gw1: { id: "gw1", agents: 5, maxAgents: 5, ...full },
      gw2: { id: "gw2", agents: 3, maxAgents: 3, ...full },
    });
  });

  it("is not passed by two control planes of one store either", async () => {
    const both = [await stand.plane({ gw1: { maxAgents: 4 } }), await stand.plane({ gw1: { maxAgents: 4 } })];
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => create(both[at % 2]!, `a${at}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
    expect(await stand.gateways[0]!.agentIds()).toHaveLength(4);
  });

  it("counts agents that others made there, and frees the place of one that is deleted", async () => {
    const foreign = await stand.plane({ gw1: {} }, { name: "another" });
    await create(foreign, "theirs");
    const one = await stand.plane({ gw1: { maxAgents: 2 } });
    expect((await create(one, "ours")).status).toBe(201);
    expect(await create(one, "more")).toMatchObject({ status: 409, body: { code: "gateway_full" } });
    expect((await create(one, "more", { gateway: "gw1" })).body).toMatchObject({
      code: "gateway_full",
      detail: expect.stringContaining('"gw1" has the 2 agents'),
    });
    expect((await one.call("DELETE", "/agents/ours")).status).toBe(200);
    expect((await create(one, "more")).status).toBe(201);
  });

  it("frees the place of a create that failed", async () => {
    const one = await stand.plane({ gw1: { maxAgents: 1 } });
    expect((await create(one, "a", { workspace: "/nowhere/allowed" })).status).toBe(422);
    expect((await gatewaysOf(one)).gw1).toMatchObject({ agents: 0, room: 1 });
    expect((await create(one, "a")).status).toBe(201);
  });

  it("of the gateway itself sends creates elsewhere", async () => {
    const own = await stand.ownHost({ maxAgents: 0 });
    const settings = { ...stand.gateways[0]!.settings, token: "test-gateway-token", key: own.key };
    const fetch: GatewayApp["fetch"] = async (input, init) => await own.app.fetch(new Request(input, init));
    stand.gateways[0] = { ...stand.gateways[0]!, settings, fetch };
    const one = await stand.plane({ gw1: {}, gw2: {} });
    for (const name of ["a", "b", "c"]) expect((await create(one, name)).body.gateway).toBe("gw2");
    const refused = await create(one, "d", { gateway: "gw1" });
    expect(refused.body).toMatchObject({ code: "gateway_full", detail: expect.stringContaining("host.maxAgents") });
  });

  it("gives agents of an earlier release their places once", async () => {
    const one = await stand.plane({ gw1: {}, gw2: {} });
    for (const name of ["a", "b"]) await create(one, name, { gateway: "gw1" });
    const { ledger } = one.app.context;
    // As it was before there were places.
    for (const name of ["a", "b"]) {
      const { operationId } = (await one.app.context.records.get("agents", name))!;
      await ledger.settle(`gateway:gw1/place:${encodeURIComponent(operationId)}`, {});
    }
    expect((await ledger.used("gateway:gw1/agents", "all")).reserved).toBe(0);
    for (let round = 0; round < 2; round++) await one.app.maintain();
    expect((await ledger.used("gateway:gw1/agents", "all")).reserved).toBe(2);
    await one.call("DELETE", "/agents/a");
    expect((await ledger.used("gateway:gw1/agents", "all")).reserved).toBe(1);
  });
});

describe("a deployment that has its agents itself", () => {
  it("is held to host.maxAgents, in a dry run as in creates that meet", async () => {
    const own = await stand.ownHost({ maxAgents: 3 });
    const agents = ["a", "b", "c", "d"].map((name) => ({ name }));
    const dry = await own.call("POST", "/agents/bulk", { action: "create", agents, dryRun: true });
    expect(dry.body.results.map(({ code }: { code?: string }) => code ?? "made")).toEqual([
      "made",
      "made",
      "made",
      "gateway_full",
    ]);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => create(own, `a${at}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.find(({ status }) => status !== 201)?.body).toMatchObject({
      code: "gateway_full",
      detail: expect.stringContaining("gateway.provisioning.host.maxAgents"),
    });
  });

  it("is cordoned by its own id", async () => {
    const own = await stand.ownHost({ maxAgents: 3 });
    const [{ id }] = Object.values(await gatewaysOf(own)) as [{ id: string }];
    expect(await own.call("POST", `/gateways/${id}/cordon`)).toEqual({ status: 200, body: { id, cordoned: true } });
    expect(await create(own, "a")).toMatchObject({ status: 409, body: { code: "gateway_cordoned" } });
    await own.call("POST", `/gateways/${id}/uncordon`);
    expect((await create(own, "a")).status).toBe(201);
    expect((await own.call("POST", "/gateways/other/cordon")).body.code).toBe("gateway_not_found");
  });
});

describe("placement", () => {
  it("takes the gateway with the most room, and of those with as much the one with the fewest agents", async () => {
    const one = await stand.plane({ gw1: { maxAgents: 10 }, gw2: { maxAgents: 12 }, gw3: { maxAgents: 10 } });
    const places = [];
    for (let at = 0; at < 5; at++) places.push((await create(one, `a${at}`)).body.gateway);
    expect(places).toEqual(["gw2", "gw2", "gw1", "gw3", "gw2"]);
  });

  const rules = [{ agents: { tenant: "acme" }, gateways: { tenant: "acme" } }];
  const labelled = { gw1: {}, gw2: { labels: { tenant: "acme", zone: "eu" } } };

  it("keeps a tenant's agents on its own gateways, and others off them", async () => {
    const one = await stand.plane(labelled, { rules });
    const acme = { labels: { tenant: "acme" } };
    for (const name of ["a", "b", "c"]) expect((await create(one, name, acme)).body.gateway).toBe("gw2");
    for (const name of ["d", "e"]) expect((await create(one, name)).body.gateway).toBe("gw1");
    for (const [name, more] of [
      ["f", { ...acme, gateway: "gw1" }],
      ["g", { gateway: "gw2" }],
    ] as const)
      expect(await create(one, name, more)).toMatchObject({ status: 409, body: { code: "gateway_not_allowed" } });
  });

  it("holds for an adoption too", async () => {
    const one = await stand.plane(labelled, { rules });
    await makeAgentByHand(stand.gateways[0]!.stateDir, "theirs");
    await makeAgentByHand(stand.gateways[1]!.stateDir, "others");
    const acme = { labels: { tenant: "acme" } };
    for (const dryRun of [true, false])
      for (const [id, more] of [
        ["theirs", acme],
        ["others", {}],
      ] as const)
        expect((await one.call("POST", `/agents/${id}/adopt`, { ...more, dryRun })).body.code).toBe(
          "gateway_not_allowed",
        );
    expect((await one.call("POST", "/agents/others/adopt", acme)).status).toBe(200);
  });

  it("holds for a change of labels too", async () => {
    const one = await stand.plane(labelled, { rules });
    await create(one, "a", { labels: { tenant: "acme", plan: "pro" } });
    await create(one, "b");
    for (const [id, tenant] of [
      ["a", null],
      ["b", "acme"],
    ] as const) {
      const refused = await one.call("PATCH", `/agents/${id}`, { labels: { tenant } });
      expect(refused).toMatchObject({ status: 409, body: { code: "gateway_not_allowed" } });
    }
    expect((await one.call("PATCH", "/agents/a", { labels: { plan: "free" } })).status).toBe(200);
  });

  it("refuses an agent for which there is no gateway", async () => {
    const one = await stand.plane({ gw1: {} }, { rules });
    expect(await create(one, "a", { labels: { tenant: "acme" } })).toMatchObject({
      status: 409,
      body: { code: "gateway_not_allowed", detail: expect.stringContaining('{"tenant":"acme"}') },
    });
  });
});

describe("a cordoned gateway", () => {
  it("takes no new agents and keeps those that it has, for every process and until it is uncordoned", async () => {
    const settings = { gw1: {}, gw2: {} };
    const one = await stand.plane(settings);
    const two = await stand.plane(settings);
    await create(one, "old", { gateway: "gw1" });
    expect((await one.call("POST", "/gateways/gw1/cordon")).body).toEqual({ id: "gw1", cordoned: true });
    for (const name of ["a", "b", "c"]) expect((await create(two, name)).body.gateway).toBe("gw2");
    expect(await create(two, "d", { gateway: "gw1" })).toMatchObject({
      status: 409,
      body: { code: "gateway_cordoned" },
    });
    expect((await gatewaysOf(two)).gw1).toMatchObject({ cordoned: true, agents: 1 });
    expect((await one.call("PATCH", "/agents/old", { name: "renamed" })).status).toBe(200);
    await one.call("POST", "/gateways/gw2/cordon");
    const refused = await create(one, "e");
    expect(refused.body).toMatchObject({ code: "gateway_full", detail: expect.stringContaining('"gw2" is cordoned') });
    await one.call("POST", "/gateways/gw1/uncordon");
    expect((await create(two, "f")).body.gateway).toBe("gw1");
    const { events } = (await one.call("GET", "/provisioning/audit?limit=100")).body;
    const cordons = events.filter(
      ({ action, phase }: Record<string, string>) => action!.startsWith("gateway.") && phase === "outcome",
    );
    expect(cordons.map(({ action, target }: Record<string, string>) => `${action} ${target}`).sort()).toEqual([
      "gateway.cordon gw1",
      "gateway.cordon gw2",
      "gateway.uncordon gw1",
    ]);
  });
});

describe("a dry run over gateways", () => {
  it("a dry run refuses what is to go on a gateway that is full", async () => {
    const one = await stand.plane({ gw1: { maxAgents: 1 }, gw2: {} });
    await create(one, "a", { gateway: "gw1" });
    const agents = [{ name: "b", gateway: "gw1" }];
    const made = await one.call("POST", "/agents/bulk", { action: "create", agents, dryRun: true });
    const real = await one.call("POST", "/agents/bulk", { action: "create", agents });
    expect(made.body.results[0].code).toBe(real.body.results[0].code);
  });

  it("a dry run of a change of labels refuses what a placement rule refuses", async () => {
    const rules = [{ agents: { tenant: "acme" }, gateways: { tenant: "acme" } }];
    const one = await stand.plane({ gw1: { labels: { tenant: "acme" } }, gw2: {} }, { rules });
    await create(one, "a", { labels: { tenant: "acme" } });
    const change = { action: "update", agentIds: ["a"], labels: { tenant: null } };
    const real = await one.call("POST", "/agents/bulk", change);
    expect(real.body.failed).toMatchObject([{ code: "gateway_not_allowed" }]);
    const dry = await one.call("POST", "/agents/bulk", { ...change, dryRun: true });
    expect(dry.body.failed).toMatchObject([{ code: "gateway_not_allowed" }]);
  });
});

describe("a gateway that is silent", () => {
  it("a silent one is shown as such, with the agents that it had", async () => {
    const down = new Set<string>();
    const one = await stand.plane({ gw1: { maxAgents: 5 }, gw2: {} }, { down });
    await create(one, "a", { gateway: "gw1" });
    down.add("gw1");
    await create(one, "b", { gateway: "gw1" });
    const { gw1, gw2 } = await gatewaysOf(one);
    expect(gw1).toEqual({ id: "gw1", reachable: false, agents: 1, maxAgents: 5, room: 4, used: 0.2, cordoned: false });
    expect(gw2).toMatchObject({ reachable: true, agents: 0 });
    expect(gw2).not.toHaveProperty("room");
  });

  it("an agent whose key's move waits for its silent gateway can be suspended, and stays so", async () => {
    const down = new Set<string>();
    const one = await stand.plane({ gw1: {} }, { down });
    const anthropic = { provider: "anthropic", key: "sk-ant-0123456789", verify: false };
    await one.call("POST", "/provisioning/ai-providers", { ...anthropic, name: "A" });
    await create(one, "a", { autoProvisionAiKey: { provider: "anthropic" } });
    down.add("gw1");
    expect((await one.call("PUT", "/agents/a/ai-key", { provider: "anthropic" })).status).toBe(502);
    const suspended = await one.call("POST", "/agents/a/suspend");
    expect([suspended.status, suspended.body.status]).toEqual([200, "suspended"]);
    expect((await one.call("POST", "/agents/a/resume")).body.code).toBe("gateway_failed");
    down.clear();
    await expect.poll(async () => (await one.app.maintain()).recovered, { timeout: 15_000 }).toHaveLength(1);
    const settled = await one.call("GET", "/agents/a");
    expect([settled.body.status, settled.body.health.aiKey.status]).toEqual(["suspended", "suspended"]);
  }, 30_000);

  it("an agent that was suspended while its move to a minted key waited gets no key that nothing holds back", async () => {
    const apis = await sampleAdminApis();
    try {
      const down = new Set<string>();
      const one = await stand.plane({ gw1: {} }, { down });
      const provider = "openrouter";
      const account = { provider, key: masterKeys.openrouter, baseUrl: `${apis.origin}/openrouter/api/v1` };
      await one.call("POST", "/provisioning/ai-providers", { ...account, name: "O", verify: false });
      await create(one, "a", { autoProvisionAiKey: { provider } });
      const { aiKeyId } = (await one.call("GET", "/agents/a")).body;
      down.add("gw1");
      expect((await one.call("PUT", "/agents/a/ai-key", { provider, mode: "minted" })).status).toBe(502);
      expect((await one.call("POST", "/agents/a/suspend")).body.status).toBe("suspended");
      down.clear();
      await expect.poll(async () => (await one.app.maintain()).recovered, { timeout: 15_000 }).toHaveLength(1);
      expect(apis.state.openrouterKeys).toEqual([]);
      expect((await one.call("GET", "/agents/a")).body).toMatchObject({ status: "suspended", aiKeyId });
      expect((await one.call("POST", "/agents/a/resume")).body.health.aiKey).toMatchObject({ status: "active" });
    } finally {
      await apis.close();
    }
  }, 30_000);

  it("a change whose answers are all lost is on record as the gateway has it, once that answers again", async () => {
    const lost = new Set<string>();
    const one = await stand.plane({ gw1: {} }, { lost });
    await create(one, "a", { model: "gpt-5" });
    lost.add("gw1");
    expect((await one.call("PATCH", "/agents/a", { model: "gpt-6" })).status).toBe(502);
    lost.clear();
    await expect.poll(async () => (await one.app.maintain()).recovered, { timeout: 15_000 }).toHaveLength(1);
    expect((await one.app.context.host.find("a")).agents).toMatchObject([{ model: "gpt-6" }]);
    expect((await one.call("GET", "/agents?model=gpt-6")).body.agents).toMatchObject([{ agentId: "a" }]);
  }, 30_000);

  it("metrics and the doctor say the same", async () => {
    const one = await stand.plane({ gw1: { maxAgents: 1 }, gw2: {} });
    await create(one, "a", { gateway: "gw1" });
    await one.call("POST", "/gateways/gw2/cordon");
    const request = new Request("http://localhost/metrics", {
      headers: { authorization: "Bearer test-gateway-token" },
    });
    const text = await (await one.app.fetch(request)).text();
    expect(text.split("\n").filter((line) => line.startsWith("openclaw_gateway_"))).toEqual([
      'openclaw_gateway_up{gateway="gw1"} 1',
      'openclaw_gateway_up{gateway="gw2"} 1',
      'openclaw_gateway_agents{gateway="gw1"} 1',
      'openclaw_gateway_agents{gateway="gw2"} 0',
      'openclaw_gateway_max_agents{gateway="gw1"} 1',
      'openclaw_gateway_cordoned{gateway="gw1"} 0',
      'openclaw_gateway_cordoned{gateway="gw2"} 1',
    ]);
    const { checks } = (await one.call("GET", "/provisioning/doctor")).body;
    expect(checks.find(({ name }: { name: string }) => name === "gateways")).toMatchObject({
      status: "warning",
      detail: "none takes another agent: gw1 (1), gw2 (0)",
    });
  });
});
