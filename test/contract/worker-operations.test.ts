import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, makeKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

const entryPoint = fileURLToPath(new URL("../workers/counting-worker.ts", import.meta.url));

describe("of KV's operations, of which an invocation has a thousand, a Worker takes", () => {
  let target: WorkerTarget;
  beforeAll(async () => {
    target = await workerTarget({ entryPoint });
  });
  afterAll(() => target?.close());

  async function operations(): Promise<Record<"get" | "put" | "delete" | "list", number>> {
    const { headers } = await target.fetch(`${target.origin}/healthz`);
    return JSON.parse(headers.get("x-kv-operations")!);
  }
  async function taken(work: () => Promise<unknown>) {
    const before = await operations();
    await work();
    const after = await operations();
    return { reads: after.get - before.get, lists: after.list - before.list };
  }

  it("one read for a probe, but for the first, which opens what is sealed", async () => {
    const probe = async () => expect((await target.fetch(`${target.origin}/readyz`)).status).toBe(200);
    expect((await taken(probe)).lists).toBe(1);
    expect(await taken(probe)).toEqual({ reads: 1, lists: 0 });
  });

  it("one list for a run of the cron", async () => {
    // The first one looks at the agents as well, for their index: as does one an hour later.
    await target.maintain();
    expect(await taken(() => target.maintain())).toEqual({ reads: 0, lists: 1 });
  });

  it("one read for a hundred entries of a list", async () => {
    const { key } = await makeKey(target, { maxAgents: 200 });
    const names = Array.from({ length: 120 }, (_, at) => `agent-${String(at).padStart(3, "0")}`);
    for (let at = 0; at < names.length; at += 8) {
      const some = names.slice(at, at + 8);
      const made = await Promise.all(
        some.map((name) => ask(target, "POST", "/agents/create", { key, body: { name } })),
      );
      expect(made.map(({ status }) => status)).toEqual(some.map(() => 201));
    }
    const pages: string[][] = [];
    const read = async (query: string) => {
      const { body } = await ask(target, "GET", `/agents?${query}`);
      pages.push(body.agents.map(({ agentId }: { agentId: string }) => agentId));
    };
    expect(await taken(() => read("limit=1000"))).toEqual({ reads: 2, lists: 1 });
    expect(await taken(() => read("limit=50&cursor=agent-049"))).toEqual({ reads: 1, lists: 1 });
    expect(pages).toEqual([names, names.slice(50, 100)]);

    const list = () => ask(target, "GET", "/provisioning/agent-keys", { key: target.adminToken });
    expect(await taken(list)).toEqual({ reads: 1, lists: 1 });
  }, 60_000);
});
