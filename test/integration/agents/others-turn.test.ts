import { afterAll, beforeAll, expect, it } from "vitest";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { ask, makeLinkedKey } from "../../contract/target.ts";

const agents = 400;

let target: NodeTarget;
let providerId: string;
let key: string;
beforeAll(async () => {
  target = await nodeTarget();
  const linked = await makeLinkedKey(target, { maxAgents: 1_000 });
  providerId = linked.provider.id;
  key = linked.key;
  const bodies = Array.from({ length: agents }, (_, at) => ({
    name: `a-${at}`,
    autoProvisionAiKey: { provider: "anthropic" },
  }));
  const { body } = await ask(target, "POST", "/agents/bulk", { key, body: { action: "create", agents: bodies } });
  expect(body.results.filter((one: object) => "code" in one)).toEqual([]);
}, 60_000);
afterAll(() => target?.close());

/** How many agents and keys are looked at, at most, before others have their turn. */
async function mostAtOnce(work: () => Promise<{ status: number }>): Promise<number> {
  const { host, records } = target.context;
  const { list: listHost, find } = host;
  const { list: listRecords } = records;
  let inTurn = 0;
  let most = 0;
  const looked = (count: number) => {
    inTurn += count;
    most = Math.max(most, inTurn);
  };
  let isOver = false;
  const turn = () => {
    inTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  host.list = async (page) => {
    const found = await listHost(page);
    looked(found.agents.length);
    return found;
  };
  host.find = async (agentId) => {
    looked(1);
    return await find(agentId);
  };
  records.list = async (...args) => {
    const found = await listRecords(...args);
    looked(found.items.length);
    return found;
  };
  try {
    expect((await work()).status).toBe(200);
    return most;
  } finally {
    isOver = true;
    Object.assign(host, { list: listHost, find });
    records.list = listRecords;
  }
}

const read = (path: string) => () => ask(target, "GET", path, { key: target.adminToken });

it.each([
  // First: what it has counted is believed for ten seconds.
  ["the list of gateways", () => read("/gateways"), 100],
  // Some of its checks look at a page each at one time.
  ["the doctor", () => read("/provisioning/doctor"), 400],
  ["an AI provider's health", () => read(`/provisioning/ai-providers/${providerId}/health`), 100],
])("lets others have their turn while it looks at all agents: %s", async (_, work, most) => {
  expect(await mostAtOnce(work())).toBeLessThanOrEqual(most);
});

it("lets others have their turn in a dry run of many creates", async () => {
  const body = {
    action: "create",
    dryRun: true,
    agents: Array.from({ length: 500 }, (_, at) => ({ name: `b-${at}` })),
  };
  const dryRun = () => ask(target, "POST", "/agents/bulk", { key, body });
  expect(await mostAtOnce(dryRun)).toBeLessThanOrEqual(50);
});
