import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeKey } from "../../contract/target.ts";

let target: NodeTarget;
beforeAll(async () => {
  target = await nodeTarget();
});
afterAll(() => target?.close());

it("a search shows nothing of an agent that another has made under the same name while it was looked up", async () => {
  const [mine, theirs] = [await makeKey(target, { reach: "own" }), await makeKey(target)];
  const make = async (key: string, labels: object) =>
    expect((await ask(target, "POST", "/agents/create", { key, body: { name: "same", labels } })).status).toBe(201);
  await make(mine.key, { tenant: "mine" });
  const { records } = target.context;
  const { get } = records;
  records.get = async (collection, id) => {
    if (collection === "agents" && id === "same") {
      records.get = get;
      expect((await ask(target, "DELETE", "/agents/same", { key: theirs.key })).status).toBe(200);
      await make(theirs.key, { tenant: "theirs" });
    }
    return await get(collection, id);
  };
  const found = await ask(target, "GET", "/agents?q=same", { key: mine.key });
  records.get = get;
  expect(found.status).toBe(200);
  expect(found.body.agents).toEqual([]);
});
