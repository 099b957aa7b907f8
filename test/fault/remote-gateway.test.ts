import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it, type TestContext } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { keyStatus } from "../../src/proxy/verify-key.ts";
import { currentAiKey } from "../../src/service/state/ai-key-state.ts";
import { type NodeTarget, nodeTarget } from "../contract/node-target.ts";
import { allScopes, ask, makeLinkedKey } from "../contract/target.ts";
import { type Fate, type GatewayShim, type ShimmedRequest, startGatewayShim } from "./gateway-shim.ts";

/** Patience of the control plane with one attempt. */
const timeoutMs = 3_500;

interface Gateway {
  target: NodeTarget;
  shim: GatewayShim;
  agents(): Promise<string[]>;
}

const provisioning = { enabled: true, allowDelete: true, maxAgentsPerKey: 1_000, rateLimitPerMinute: 100_000 };
const config = (more: object = {}) => ({
  gateway: { provisioning: { ...provisioning, ...more } },
  // The failures here are meant.
  logging: { level: "error" },
});

type AtEnd = TestContext["onTestFinished"];

async function startGateway(atEnd: AtEnd): Promise<Gateway & { key: string }> {
  const target = await nodeTarget({ config: config() });
  const shim = await startGatewayShim(target.origin, { lateMs: 1.25 * timeoutMs });
  const admin = createClient({ url: target.origin, token: target.token, provisioningKey: target.adminToken });
  const { key } = await admin.agentKeys.create({ name: "control plane", scopes: allScopes.slice(0, 4) as never });
  atEnd(async () => {
    await shim.close();
    await shim.idle();
    await target.close();
  });
  return {
    target,
    shim,
    key,
    async agents() {
      const ids: string[] = [];
      for await (const { agentId } of admin.agents.all()) ids.push(agentId);
      return ids;
    },
  };
}

/** A control plane and, behind a bad network, two gateways. */
async function startFleet(atEnd: AtEnd) {
  const [gw1, gw2] = await Promise.all([startGateway(atEnd), startGateway(atEnd)]);
  const gateways = Object.entries({ gw1, gw2 }).map(([id, { shim, target, key }]) => ({
    id,
    url: shim.origin,
    token: target.token,
    key,
  }));
  const plane = await nodeTarget({ config: config({ host: { kind: "remote", gateways, timeoutMs } }) });
  atEnd(() => plane.close());
  const { key } = await makeLinkedKey(plane, { maxAgents: 1_000 });
  const create = (name: string, more: object = {}, idempotencyKey = name) =>
    ask(plane, "POST", "/agents/create", {
      key,
      body: { name, bind: [`telegram:${name}`], autoProvisionAiKey: { provider: "anthropic" }, ...more },
      headers: { "idempotency-key": idempotencyKey },
    });
  const get = (name: string) => ask(plane, "GET", `/agents/${name}`);
  const change = (method: string, path: string) => ask(plane, method, `/agents/${path}`, { key });
  return { plane, gw1, gw2, key, create, get, change };
}

const isCreate = ({ path }: ShimmedRequest): boolean => path.endsWith("/agents/create");

/** The first attempt of each create fares so, its repetitions pass. */
function firstCreates(fate: Fate): (request: ShimmedRequest) => Fate {
  const seen = new Set<string>();
  return (request) => {
    const { idempotencyKey = "" } = request;
    if (!isCreate(request) || seen.has(idempotencyKey)) return "pass";
    seen.add(idempotencyKey);
    return fate;
  };
}

// At the same time: most of it is waiting.
describe.concurrent("a gateway", () => {
  it("that is down: its agents are listed from records, shown as unreachable, and suspended all the same", async ({
    expect,
    onTestFinished,
  }) => {
    const { plane, gw1, gw2, create, get, change } = await startFleet(onTestFinished);
    for (const gateway of ["gw1", "gw2"]) {
      expect((await create(`on-${gateway}`, { gateway, model: "claude-sonnet-3.5" })).status).toBe(201);
    }
    const before = (await get("on-gw1")).body;
    expect(before).toMatchObject({ status: "ready", health: { host: "ok", workspace: "ok", credentials: "ok" } });
    await gw1.shim.down();

    const startedAt = Date.now();
    const listed = await ask(plane, "GET", "/agents");
    expect(listed).toMatchObject({ status: 200, body: { unreachable: ["gw1"] } });
    expect(listed.body.agents.map((one: { agentId: string }) => one.agentId)).toEqual(["on-gw1", "on-gw2"]);
    const shown = await get("on-gw1");
    expect(shown).toMatchObject({
      status: 200,
      body: { status: "ready", gateway: "gw1", model: "claude-sonnet-3.5", workspace: before.workspace },
    });
    expect(shown.body.health).toMatchObject({ host: "unreachable", workspace: "unknown", aiKey: { status: "active" } });
    expect((await get("on-gw2")).body.health.host).toBe("ok");
    expect(await change("POST", "on-gw1/suspend")).toMatchObject({
      status: 200,
      body: { status: "suspended", health: { host: "unreachable", aiKey: { status: "suspended" } } },
    });
    expect((await change("POST", "on-gw1/resume")).status).toBe(200);
    expect((await ask(plane, "GET", `${plane.origin}/readyz`)).status).toBe(200);
    expect(Date.now() - startedAt).toBeLessThan(3_000);

    // An operation that has to be done there fails, and leaves nothing behind.
    expect(await create("refused", { gateway: "gw1" })).toMatchObject({
      status: 502,
      body: { code: "gateway_failed" },
    });
    expect((await get("refused")).status).toBe(404);
    expect((await create("refused", { gateway: "gw2" }, "another")).status).toBe(201);
    // Without a wish it goes where it can.
    for (let at = 0; at < 3; at++) expect((await create(`anywhere-${at}`)).body.gateway).toBe("gw2");
    // A delete stops the key at once, and is finished once the gateway is back.
    expect((await change("DELETE", "on-gw1")).status).toBe(502);
    expect((await get("on-gw1")).body.health.aiKey).toBeUndefined();

    await gw1.shim.up();
    await expect.poll(async () => (await get("on-gw1")).body.health.host, { timeout: 10_000 }).toBe("ok");
    expect((await ask(plane, "GET", "/agents")).body.unreachable).toBeUndefined();
    expect((await change("DELETE", "on-gw1")).status).toBe(200);
    expect(await gw1.agents()).toEqual([]);
    expect(await gw2.agents()).toEqual(["anywhere-0", "anywhere-1", "anywhere-2", "on-gw2", "refused"]);
  }, 60_000);

  it.for(["down", "deaf"])(
    "that is %s during a rotation: the agent's key works on, and the next rotation is a whole one",
    { timeout: 60_000 },
    async (how, { expect, onTestFinished }) => {
      const { plane, gw1, key, create } = await startFleet(onTestFinished);
      const { keyId } = (await create("rotated", { gateway: "gw1" })).body.aiKey;
      const file = join(gw1.target.stateDir, "agents", "rotated", "agent", "auth-profiles.json");
      const inUse = () => JSON.parse(readFileSync(file, "utf8")).profiles["anthropic:dedicated"].key as string;
      const works = async (key: string) => {
        const { state } = (await currentAiKey(plane.context, keyId))!;
        // A year on: not by a grace.
        return keyStatus(state, await plane.context.crypto.sha256(key), Date.now() + 365 * 86_400_000) === "valid";
      };
      const rotate = () => ask(plane, "POST", "/agents/rotated/ai-key/rotate", { key, body: { graceSeconds: 0 } });
      const first = inUse();
      if (how === "down") await gw1.shim.down();
      else gw1.shim.behave(({ path }) => (path.endsWith("/onboard") ? "lose" : "pass"));
      for (let attempt = 0; attempt < 2; attempt++) {
        expect(await rotate()).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
      }
      expect([inUse() === first, await works(first), await works(inUse())]).toEqual([how === "down", true, true]);
      const before = inUse();
      if (how === "down") await gw1.shim.up();
      gw1.shim.behave(() => "pass");
      await expect.poll(async () => (await rotate()).status, { timeout: 15_000, interval: 500 }).toBe(200);
      expect([await works(inUse()), await works(before), await works(first)]).toEqual([true, false, false]);
    },
  );

  it("that is the last one: nothing is ready, and what is on record is still told", async ({
    expect,
    onTestFinished,
  }) => {
    const { plane, gw1, gw2, create, get } = await startFleet(onTestFinished);
    expect((await create("kept", { gateway: "gw2" })).status).toBe(201);
    await Promise.all([gw1.shim.down(), gw2.shim.down()]);
    expect((await ask(plane, "GET", "/agents")).body).toMatchObject({
      agents: [{ agentId: "kept" }],
      unreachable: ["gw1", "gw2"],
    });
    expect((await get("kept")).body.health.host).toBe("unreachable");
    await expect
      .poll(async () => (await ask(plane, "GET", `${plane.origin}/readyz`)).status, { timeout: 15_000 })
      .toBe(503);
    expect(await create("none")).toMatchObject({ status: 503, body: { code: "host_unavailable" } });
    await Promise.all([gw1.shim.up(), gw2.shim.up()]);
    await expect
      .poll(async () => (await ask(plane, "GET", `${plane.origin}/readyz`)).status, { timeout: 15_000 })
      .toBe(200);
    expect((await create("none")).status).toBe(201);
  }, 60_000);

  it.for<Fate>(["lose", "late", "first", "second"])(
    "behind a network in which each create's first attempt is: %s, has each agent once",
    { timeout: 60_000 },
    async (fate, { expect, onTestFinished }) => {
      const { gw1, create, get } = await startFleet(onTestFinished);
      gw1.shim.behave(firstCreates(fate));
      const names = Array.from({ length: 12 }, (_, at) => `agent-${at}`);
      const made = await Promise.all(names.map((name) => create(name, { gateway: "gw1" })));
      expect(made.map(({ status }) => status)).toEqual(names.map(() => 201));
      await gw1.shim.idle();
      expect(await gw1.agents()).toEqual([...names].sort());
      for (const name of names) {
        expect((await get(name)).body).toMatchObject({ status: "ready", health: { credentials: "ok" } });
      }
      // Asked again by its caller, it is the same agent.
      const again = await create("agent-0", { gateway: "gw1" });
      expect([again.status, again.body.aiKey.keyId]).toEqual([200, made[0]!.body.aiKey.keyId]);
    },
  );

  it("that does everything twice is none the wiser: create, delete", async ({ expect, onTestFinished }) => {
    const { gw1, create, change } = await startFleet(onTestFinished);
    let at = 0;
    gw1.shim.behave(({ method }) => (method === "GET" ? "pass" : at++ % 2 === 0 ? "first" : "second"));
    const names = Array.from({ length: 8 }, (_, at) => `double-${at}`);
    for (const { status } of await Promise.all(names.map((name) => create(name, { gateway: "gw1" })))) {
      expect(status).toBe(201);
    }
    await gw1.shim.idle();
    expect(await gw1.agents()).toEqual(names);
    for (const { status } of await Promise.all(names.map((name) => change("DELETE", name)))) expect(status).toBe(200);
    await gw1.shim.idle();
    expect(await gw1.agents()).toEqual([]);
  }, 60_000);

  it("that has given a binding to another: it is free once that agent is gone, though it was asked for in vain", async ({
    expect,
    onTestFinished,
  }) => {
    const { plane, gw1, key, create, change } = await startFleet(onTestFinished);
    const { target } = gw1;
    const admin = createClient({ url: target.origin, token: target.token, provisioningKey: target.adminToken });
    const { key: itsOwn } = await admin.agentKeys.create({ name: "by hand", scopes: allScopes as never });
    const byHand = createClient({ url: target.origin, token: target.token, provisioningKey: itsOwn });
    await byHand.agents.create({ name: "direct", bind: ["slack:*"] });
    for (const name of ["one", "two"]) expect((await create(name, { gateway: "gw1" })).status).toBe(201);
    const onboard = (name: string, bindings: string[]) =>
      ask(plane, "POST", `/agents/${name}/onboard`, { key, body: { steps: ["bindings"], bindings } });
    expect((await onboard("one", ["slack:*"])).body.errors).toMatchObject([{ code: "binding_taken" }]);
    await byHand.agents.delete("direct");
    expect((await onboard("two", ["slack:*"])).body).toMatchObject({ completed: ["bindings"], failed: [] });

    // Whether it has given one nobody knows whose answers were lost.
    gw1.shim.behave(({ path }) => (path.endsWith("/onboard") ? "lose" : "pass"));
    expect(await onboard("one", ["discord:*"])).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    gw1.shim.behave(() => "pass");
    expect((await onboard("two", ["discord:*"])).body.errors).toMatchObject([{ code: "binding_taken" }]);
    expect((await change("DELETE", "one")).status).toBe(200);
    expect((await onboard("two", ["discord:*"])).body).toMatchObject({ completed: ["bindings"], failed: [] });
  }, 60_000);

  it("whose every answer is lost: the create is refused, and its repetition is one agent", async ({
    expect,
    onTestFinished,
  }) => {
    const { gw1, create, get } = await startFleet(onTestFinished);
    gw1.shim.behave((request) => (isCreate(request) ? "lose" : "pass"));
    const lost = await create("doubtful", { gateway: "gw1" });
    expect(lost).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    // It is there, and cannot be told so, nor be taken back.
    expect(await gw1.agents()).toEqual(["doubtful"]);
    gw1.shim.behave(() => "pass");
    let answer = await create("doubtful", { gateway: "gw1" });
    expect(answer.body.code).toBe("idempotency_in_flight");
    expect((await create("doubtful", { gateway: "gw1" }, "another")).body.code).toBe("agent_exists");
    for (const deadline = Date.now() + 90_000; answer.status === 409 && Date.now() < deadline; ) {
      await sleep(1_000);
      answer = await create("doubtful", { gateway: "gw1" });
    }
    expect(answer.status).toBe(201);
    expect(await gw1.agents()).toEqual(["doubtful"]);
    expect((await get("doubtful")).body).toMatchObject({ status: "ready", health: { credentials: "ok" } });
  }, 150_000);

  it("whose requests come after the create was given up: what was undone stays undone", async ({
    expect,
    onTestFinished,
  }) => {
    const { gw1, create, get } = await startFleet(onTestFinished);
    gw1.shim.behave((request) => (isCreate(request) ? "late" : "pass"));
    const given = await create("late", { gateway: "gw1" });
    gw1.shim.behave(() => "pass");
    await gw1.shim.idle();
    if (given.status === 201) {
      expect(await gw1.agents()).toEqual(["late"]);
      return;
    }
    expect(given).toMatchObject({ status: 502, body: { code: "gateway_failed" } });
    await expect.poll(gw1.agents, { timeout: 90_000, interval: 500 }).toEqual([]);
    await expect.poll(async () => (await get("late")).status, { timeout: 90_000, interval: 500 }).toBe(404);
  }, 150_000);
});
