import { describe, expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, type Target } from "./target.ts";

/** Where agents are, and what new ones may be placed on. */
export function gatewayTests(target: () => Target): void {
  const list = async () => (await ask(target(), "GET", "/gateways")).body.gateways;
  const create = (key: string) => {
    const name = newName("gateways");
    const place = target().hasWorkspaces ? { workspace: target().workspace(name) } : {};
    return ask(target(), "POST", "/agents/create", { key, body: { name, ...place, ...target().sameGateway } });
  };
  const isWanted = ({ id }: { id: string }) => [undefined, id].includes(target().sameGateway?.gateway);
  const turn = (id: string, verb: "cordon" | "uncordon") =>
    ask(target(), "POST", `/gateways/${id}/${verb}`, { key: target().adminToken });

  it("are listed by anybody with the gateway token, with the agents that they have", async () => {
    const { key } = await makeKey(target());
    const before = (await list()).find(isWanted);
    expect(before).toMatchObject({ reachable: true, cordoned: false, agents: expect.any(Number) });
    expect(before.version).toMatch(/^\d+\.\d+\.\d+/);
    expect((await create(key)).status).toBe(201);
    const after = (await list()).find(isWanted);
    expect(after.id).toBe(before.id);
    expect(after.agents).toBe(before.agents + 1);
  });

  it("tell a key of reach own how many of its agents they have, and nothing of others", async () => {
    const [{ key }, own] = [await makeKey(target()), await makeKey(target(), { reach: "own" })];
    expect((await create(key)).status).toBe(201);
    const seen = async () => (await ask(target(), "GET", "/gateways", { key: own.key })).body.gateways;
    expect((await seen()).map(({ agents }: { agents: number }) => agents)).toEqual((await seen()).map(() => 0));
    expect((await create(own.key)).status).toBe(201);
    const shown = (await seen()).find(isWanted);
    expect(shown).toMatchObject({ agents: 1, cordoned: false });
    expect(shown).not.toHaveProperty("room");
  });

  it("take no new agents while cordoned, and keep those that they have", async () => {
    const { key } = await makeKey(target());
    const { agentId } = (await create(key)).body;
    const { id } = (await list()).find(isWanted);
    expect(await turn(id, "cordon")).toMatchObject({ status: 200, body: { id, cordoned: true } });
    try {
      expect((await list()).find(isWanted).cordoned).toBe(true);
      expect(await create(key)).toMatchObject({ status: 409, body: { code: "gateway_cordoned" } });
      const changed = await ask(target(), "PATCH", `/agents/${agentId}`, { key, body: { name: "still changed" } });
      expect(changed.status).toBe(200);
    } finally {
      expect(await turn(id, "uncordon")).toMatchObject({ status: 200, body: { id, cordoned: false } });
    }
    expect((await create(key)).status).toBe(201);
  });

  describe.each(["cordon", "uncordon"] as const)("to %s", (verb) => {
    it("needs provisioning:admin", async () => {
      const { key } = await makeKey(target());
      const { id } = (await list()).find(isWanted);
      expect((await ask(target(), "POST", `/gateways/${id}/${verb}`, { key })).body.code).toBe("scope_missing");
    });

    it("one that is not there is a 422", async () => {
      expect(await turn("nowhere", verb)).toMatchObject({ status: 422, body: { code: "gateway_not_found" } });
    });
  });
}
