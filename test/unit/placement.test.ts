import { describe, expect, it } from "vitest";
import { gatewaysFinding } from "../../src/domain/gateway-cost.ts";
import { mayBePlaced, roomiest } from "../../src/domain/placement.ts";

describe("placement rules", () => {
  const acme = { agents: { tenant: "acme" }, gateways: { tenant: "acme" } };
  const pro = { agents: { plan: "pro" }, gateways: { speed: "fast" } };
  const shared = { agents: { tenant: "globex" }, gateways: { tenant: "acme" } };

  it.each([
    [[], { tenant: "acme" }, undefined, true],
    [[acme], undefined, undefined, true],
    [[acme], { tenant: "acme" }, { tenant: "acme" }, true],
    [[acme], { tenant: "acme" }, undefined, false],
    [[acme], { tenant: "globex" }, { tenant: "acme" }, false],
    [[acme], undefined, { tenant: "acme" }, false],
    [[acme], { tenant: "acme", plan: "pro" }, { tenant: "acme", zone: "eu" }, true],
    // Two rules for one gateway: the agents of either.
    [[acme, shared], { tenant: "globex" }, { tenant: "acme" }, true],
    [[acme, shared], { tenant: "other" }, { tenant: "acme" }, false],
    // An agent of two rules needs a gateway of both.
    [[acme, pro], { tenant: "acme", plan: "pro" }, { tenant: "acme" }, false],
    [[acme, pro], { tenant: "acme", plan: "pro" }, { tenant: "acme", speed: "fast" }, true],
  ])("%j: an agent %j on a gateway %j: %s", (rules, agent, gateway, allowed) => {
    expect(mayBePlaced(rules, agent as never, gateway as never)).toBe(allowed);
  });
});

describe("the gateway that is chosen", () => {
  it.each([
    [
      "the most room",
      [
        ["a", 5, 10],
        ["b", 15, 30],
      ],
      "b",
    ],
    [
      "as much room and the fewest agents",
      [
        ["a", 5, 10],
        ["b", 15, 20],
        ["c", 3, 8],
      ],
      "c",
    ],
    [
      "no bound",
      [
        ["a", 0, 10],
        ["b", 90, undefined],
        ["c", 80, undefined],
      ],
      "c",
    ],
    [
      "no room",
      [
        ["a", 10, 10],
        ["b", 0, 0],
      ],
      undefined,
    ],
    ["more than it may have", [["a", 12, 10]], undefined],
  ] as const)("has %s", (_, rows, chosen) => {
    expect(roomiest(rows.map(([id, agents, maxAgents]) => ({ id, agents, maxAgents })))?.id).toBe(chosen);
  });
});

describe("the doctor's word on gateways", () => {
  const gateway = { id: "gw1", reachable: true, cordoned: false };

  it("warns above 100 agents on one of OpenClaw, with what they cost", () => {
    const crowded = gatewaysFinding([{ ...gateway, host: "openclaw", agents: 101 }]);
    expect(crowded).toMatchObject({ status: "warning", detail: expect.stringContaining("gw1 (101)") });
    expect(crowded.detail).toContain("at 200 agents a create takes 11.6 s and the gateway 3.4 to 4.2 GB");
    expect(gatewaysFinding([{ ...gateway, host: "openclaw", agents: 100 }]).status).toBe("ok");
    expect(gatewaysFinding([{ ...gateway, host: "directory", agents: 5_000 }]).status).toBe("ok");
  });

  it("warns where none takes another agent", () => {
    const full = { ...gateway, agents: 5, room: 0 };
    expect(gatewaysFinding([full, { ...gateway, id: "gw2", agents: 1, cordoned: true }]).status).toBe("warning");
    expect(gatewaysFinding([full, { ...gateway, id: "gw2", agents: 1 }]).status).toBe("ok");
    const silent = { ...gateway, reachable: false, agents: 0 };
    expect(gatewaysFinding([silent]).status).toBe("warning");
    expect(gatewaysFinding([silent, { ...gateway, id: "gw2", agents: 1 }])).toMatchObject({
      status: "warning",
      detail: "no answer from gw1 (0)",
    });
  });
});
