import { afterAll, beforeAll, expect, it } from "vitest";
import { labelNames } from "../../../src/domain/labels.ts";
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

it("usage names the labels of all agents that its caller may see, those that most have where they are too many", async () => {
  const [mine, theirs] = [await makeKey(target, { reach: "own" }), await makeKey(target)];
  for (const [key, label] of [
    [mine.key, "seen-a"],
    [mine.key, "seen-b"],
    [theirs.key, "unseen"],
  ] as const) {
    const body = { name: `of-${label}`, labels: { [label]: "x" } };
    expect((await ask(target, "POST", "/agents/create", { key, body })).status).toBe(201);
  }
  const { body } = await ask(target, "GET", "/usage?limit=1", { key: mine.key });
  expect(body.labels).toEqual(["seen-a", "seen-b"]);
  const named: { labels?: Record<string, string> }[] = [
    { labels: { b: "1", a: "1" } },
    { labels: { c: "1" } },
    { labels: { c: "2" } },
    {},
  ];
  expect(labelNames(named, 1)).toEqual(["c"]);
});

it("a key of reach own has its few agents listed and added up without a look at the records and the use of all", async () => {
  const [mine, theirs] = [await makeKey(target, { reach: "own" }), await makeKey(target)];
  const make = async (key: string, name: string) =>
    expect((await ask(target, "POST", "/agents/create", { key, body: { name } })).status).toBe(201);
  for (const name of ["few-a", "few-c"]) await make(mine.key, name);
  for (const name of ["few-0", "few-b", "few-d"]) await make(theirs.key, name);
  const { records, ledger } = target.context;
  const { list } = records;
  const { topUsage } = ledger;
  const looked: unknown[] = [];
  records.list = async (...args) => {
    if (args[0] === "agents") looked.push(args);
    return await list(...args);
  };
  ledger.topUsage = async (...args) => {
    looked.push(args);
    return await topUsage.apply(ledger, args);
  };
  const read = (path: string) => ask(target, "GET", path, { key: mine.key });
  try {
    const first = (await read("/agents?limit=1")).body;
    expect(first).toMatchObject({ agents: [{ agentId: "few-a" }], nextCursor: "few-a" });
    const last = (await read("/agents?limit=1&cursor=few-a")).body;
    expect(last.agents).toMatchObject([{ agentId: "few-c" }]);
    expect(last.nextCursor).toBeUndefined();
    expect((await read("/usage?by=agent")).status).toBe(200);
    expect(looked).toEqual([]);
  } finally {
    records.list = list;
    ledger.topUsage = topUsage;
  }
});
