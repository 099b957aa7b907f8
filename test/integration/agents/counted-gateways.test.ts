import { describe, expect, it, vi } from "vitest";
import { wait } from "../../../src/domain/retry.ts";
import { countOthers } from "../../../src/service/gateways/count-others.ts";
import { makeAgentByHand } from "../../agent-by-hand.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { create, gatewayStand, gatewaysOf } from "../../gateway-stand.ts";

const stand = gatewayStand();

describe("a gateway's agents are counted", () => {
  it("an agent that was deleted since its gateway was counted is not taken for another's", async () => {
    const first = await stand.plane({ gw1: {} });
    for (const name of ["a", "b"]) await create(first, name);
    // Counts the gateway before it places the agent.
    const one = await stand.plane({ gw1: {} });
    expect((await create(one, "c")).status).toBe(201);
    expect((await one.call("DELETE", "/agents/a")).status).toBe(200);
    expect((await gatewaysOf(one)).gw1.agents).toBe(2);
  });

  it("an agent that was deleted since readiness had them counted leaves its place to another at once", async () => {
    const first = await stand.plane({ gw1: { maxAgents: 2 } });
    for (const name of ["a", "b"]) await create(first, name);
    const one = await stand.plane({ gw1: { maxAgents: 2 } });
    expect((await one.app.fetch(new Request("http://localhost/readyz"))).status).toBe(200);
    expect((await one.call("DELETE", "/agents/a")).status).toBe(200);
    const answer = await callAsOperator(one.app, "POST", "/agents/create", { name: "c" }, { prefer: "respond-async" });
    expect(answer).toMatchObject({ status: 202 });
  });

  it("an agent that was deleted since readiness had them counted is counted no more", async () => {
    const first = await stand.plane({ gw1: { maxAgents: 2 } });
    for (const name of ["a", "b"]) await create(first, name);
    const one = await stand.plane({ gw1: { maxAgents: 2 } });
    expect((await one.app.fetch(new Request("http://localhost/readyz"))).status).toBe(200);
    expect((await one.call("DELETE", "/agents/a")).status).toBe(200);
    expect((await gatewaysOf(one)).gw1.agents).toBe(1);
  });

  it("an agent that was deleted between two counts that overlap is not taken for another's", async () => {
    const holds = new Map<string, Promise<void>>();
    const one = await stand.plane({ gw1: {}, gw2: {} }, { holds });
    for (const name of ["a", "b"]) await create(one, name, { gateway: "gw1" });
    expect((await gatewaysOf(one)).gw1.agents).toBe(2);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    const slow1 = Promise.withResolvers<void>();
    const slow2 = Promise.withResolvers<void>();
    holds.set("gw1", slow1.promise).set("gw2", slow2.promise);
    const { context } = one.app;
    const gw1 = context.host.gateways!.known().find(({ id }) => id === "gw1")!;
    const first = countOthers(context, gw1);
    await wait(200);
    holds.delete("gw1");
    expect((await one.call("DELETE", "/agents/a")).status).toBe(200);
    const second = gatewaysOf(one);
    await wait(50);
    slow1.resolve();
    expect(await first).toBe(0);
    slow2.resolve();
    expect((await second).gw1.agents).toBe(1);
  });

  it("an agent that is adopted there is counted once", async () => {
    for (const id of ["theirs", "another"]) await makeAgentByHand(stand.gateways[0]!.stateDir, id);
    const one = await stand.plane({ gw1: { maxAgents: 3 } });
    expect((await gatewaysOf(one)).gw1.agents).toBe(2);
    expect((await one.call("POST", "/agents/theirs/adopt")).status).toBe(200);
    expect((await gatewaysOf(one)).gw1.agents).toBe(2);
    expect((await create(one, "ours")).status).toBe(201);
  });

  it("an agent that is given back has its place there still", async () => {
    await makeAgentByHand(stand.gateways[0]!.stateDir, "theirs");
    const first = await stand.plane({ gw1: {} });
    expect((await first.call("POST", "/agents/theirs/adopt")).status).toBe(200);
    const one = await stand.plane({ gw1: { maxAgents: 1 } });
    expect((await gatewaysOf(one)).gw1.agents).toBe(1);
    expect((await one.call("POST", "/agents/theirs/release")).status).toBe(200);
    expect((await gatewaysOf(one)).gw1.agents).toBe(1);
    expect((await create(one, "more", { gateway: "gw1" })).body.code).toBe("gateway_full");
    expect(await stand.gateways[0]!.agentIds()).toEqual(["theirs"]);
  });

  it("an agent of others that is deleted is counted no more", async () => {
    await makeAgentByHand(stand.gateways[0]!.stateDir, "theirs");
    const one = await stand.plane({ gw1: { maxAgents: 3 } });
    const count = async () => (await gatewaysOf(one)).gw1.agents;
    expect(await count()).toBe(1);
    expect((await one.call("DELETE", "/agents/theirs")).status).toBe(200);
    expect.soft(await count()).toBe(0);
  });
});
