import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { exactUsage, meteredBody, meteredCall, meteredClient } from "../metered-agent.ts";
import { type RedisCluster, startRedisCluster } from "../redis-cluster.ts";
import { hasRedis } from "../redis-server.ts";
import { adminClient, keyedClient, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

describe.skipIf(!hasRedis)("two processes on one Redis", () => {
  let cluster: RedisCluster;
  let upstream: SampleUpstream;
  let origins: [string, string];

  beforeAll(async () => {
    upstream = await startSampleUpstream();
    upstream.behave({ usage: exactUsage });
    cluster = await startRedisCluster();
    origins = cluster.servers.map(({ origin }) => origin) as [string, string];
  });
  afterAll(async () => {
    await cluster?.close();
    await upstream?.close();
  });

  const clientsOf = (key: string) =>
    origins.map((url) => createClient({ url, token, provisioningKey: key, retries: 0 }));
  const count = (statuses: number[]) => {
    const counts: Record<number, number> = {};
    for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  };
  const statusOf = (work: Promise<unknown>) =>
    work.then(
      () => 201,
      (error: { status: number }) => error.status,
    );

  async function meteredAgent(name: string) {
    const { client, key } = await meteredClient(cluster.servers[0]!, upstream);
    const autoProvisionAiKey = { provider: "anthropic" };
    const { aiKey } = await client.agents.create({ name, autoProvisionAiKey, revealAiKey: true });
    return { client, key, aiKey: aiKey!.key! };
  }

  it("refuses at once in one process what the other has revoked, suspended, rotated or deleted", async () => {
    const { client, aiKey } = await meteredAgent("stopped");
    const [here, there] = origins;
    const { agents } = client;
    for (let round = 0; round < 5; round++) {
      expect(await meteredCall(there, aiKey)).toBe(200);
      await agents.suspend("stopped");
      expect(await meteredCall(there, aiKey)).toBe(400);
      await agents.resume("stopped");
    }
    expect(await meteredCall(there, aiKey)).toBe(200);
    const rotated = await agents.rotateAiKey("stopped", { graceSeconds: 0, revealAiKey: true });
    expect(await meteredCall(there, aiKey)).toBe(401);
    expect(await meteredCall(there, rotated.aiKey.key!)).toBe(200);
    await agents.delete("stopped");
    expect(await meteredCall(there, rotated.aiKey.key!)).toBe(401);

    for (let round = 0; round < 5; round++) {
      const { key } = await keyedClient(here);
      const { id } = (await adminClient(here).agentKeys.list()).keys.find((one) => key.includes(`_${one.id}_`))!;
      const other = createClient({ url: there, token, provisioningKey: key, retries: 0 });
      await other.agents.create({ name: `before-${round}` });
      await adminClient(here).agentKeys.revoke(id);
      await expect(other.agents.create({ name: `after-${round}` })).rejects.toMatchObject({
        status: 401,
        code: "provisioning_key_invalid",
      });
    }
  });

  it("ends in one process what is under way when the other suspends the key", async () => {
    const { client, key, aiKey } = await meteredAgent("streams");
    const [, there] = origins;
    upstream.behave({ intervalMs: 20, pieces: 1_000 });
    const begun = await Promise.all(
      Array.from({ length: 3 }, () =>
        fetch(`${there}/proxy/anthropic/v1/messages`, {
          method: "POST",
          headers: { "x-api-key": aiKey },
          body: JSON.stringify({ ...JSON.parse(meteredBody), stream: true }),
        }),
      ),
    );
    await sleep(100);
    const since = performance.now();
    await client.agents.suspend("streams");
    for (const text of await Promise.all(begun.map((response) => response.text()))) {
      expect(text).toMatch(/event: error\ndata: [^\n]*This key is suspended[^\n]*\n\n$/);
    }
    expect(performance.now() - since).toBeLessThan(2_000);
    upstream.behave({ intervalMs: 0, pieces: 4 });
    // The cost that they may have had is an estimate. Each of two processes asks it back and one gets it.
    await expect.poll(async () => (await client.agents.usage("streams")).total.requests).toBe(3);
    const { estimated } = (await client.agents.usage("streams")).total;
    expect(estimated).toBeGreaterThan(0);
    const [mine, other] = clientsOf(key);
    const first = await mine!.agents.credit("streams", { estimates: true });
    const second = await other!.agents.credit("streams", { estimates: true });
    expect([first.credited.tokens, second.credited.tokens]).toEqual([estimated, 0]);
    const { events } = await adminClient(there).audit.list({ limit: 20 });
    const credits = events.filter(({ action, phase }) => action === "agent.credit" && phase === "outcome");
    expect(credits.map(({ target, details }) => [target, details?.tokens])).toEqual([
      ["streams", 0],
      ["streams", estimated],
    ]);
  });

  it("keeps a key revoked that the other process rotates at the same time", async () => {
    const [here, there] = origins;
    for (let round = 0; round < 20; round++) {
      const { id, key } = await adminClient(here).agentKeys.create({ name: "raced", scopes: ["agents:delete"] });
      const rotating = statusOf(adminClient(there).agentKeys.rotate(id));
      expect(await adminClient(here).agentKeys.revoke(id)).toMatchObject({ status: "revoked" });
      await rotating;
      for (const client of clientsOf(key)) expect(await statusOf(client.agents.delete("nobody"))).toBe(401);
    }
  });

  it("makes one agent of 64 creates of one name", async () => {
    const { key } = await keyedClient(origins[0]);
    const clients = clientsOf(key);
    const statuses = await Promise.all(
      Array.from({ length: 64 }, (_, at) => statusOf(clients[at % 2]!.agents.create({ name: "the-one" }))),
    );
    expect(count(statuses)).toEqual({ 201: 1, 409: 63 });
  });

  it("makes one agent of 32 repetitions of one request, whichever process they reach", async () => {
    const { key } = await keyedClient(origins[0]);
    const clients = clientsOf(key);
    const create = (at: number) => clients[at % 2]!.agents.create({ name: "repeated" }, { idempotencyKey: "same" });
    const answers = await Promise.allSettled(Array.from({ length: 32 }, (_, at) => create(at)));
    for (const answer of answers) {
      if (answer.status === "rejected") expect(answer.reason).toMatchObject({ code: "idempotency_in_flight" });
    }
    const [first, second] = [await create(0), await create(1)];
    expect(second).toEqual(first);
    const events = await adminClient(origins[0]).audit.list({ action: "agent.create", target: "repeated" });
    expect(events.events.map(({ phase }) => phase)).toEqual(["outcome", "intent"]);
  });

  it("makes as many agents as the key may have, and as many as there is room for again", async () => {
    const { key } = await keyedClient(origins[0], { maxAgents: 10 });
    const clients = clientsOf(key);
    const race = async (round: string) =>
      await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          statusOf(clients[at % 2]!.agents.create({ name: `room-${round}-${at}` })),
        ),
      );
    const first = await race("a");
    expect(count(first)).toEqual({ 201: 10, 403: 30 });
    const made = first.flatMap((status, at) => (status === 201 ? [`room-a-${at}`] : [])).slice(0, 3);
    await Promise.all(made.map((name, at) => clients[at % 2]!.agents.delete(name)));
    expect(count(await race("b"))).toEqual({ 201: 3, 403: 37 });
  });

  it("keeps one chain of what both have done", async () => {
    const verdicts = await Promise.all(origins.map((origin) => adminClient(origin).audit.verify()));
    for (const verdict of verdicts) expect(verdict).toMatchObject({ ok: true });
  });
});
