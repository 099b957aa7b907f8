import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeKey } from "../../contract/target.ts";

let target: NodeTarget;
beforeAll(async () => {
  target = await nodeTarget();
});
afterAll(() => target?.close());

it("the trail names each key that lacked a scope", async () => {
  const keys = [
    await makeKey(target, { scopes: ["agents:create"] }),
    await makeKey(target, { scopes: ["agents:update"] }),
  ];
  for (const { key } of keys) {
    expect((await ask(target, "GET", "/provisioning/agent-keys", { key })).body.code).toBe("scope_missing");
  }
  const admin = { key: target.adminToken };
  const denied = async () =>
    (await ask(target, "GET", "/provisioning/audit?action=request.denied", admin)).body.events.map(
      ({ actor, details }: { actor: string; details: object }) => ({ actor, ...details }),
    );
  const of = ({ id }: { id: string }) => ({ actor: id, code: "scope_missing", call: "listAgentKeys" });
  await expect.poll(denied).toEqual(keys.map(of).reverse());
});
