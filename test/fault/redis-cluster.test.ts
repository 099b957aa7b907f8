import { readdirSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { exactUsage, meteredCall, meteredClient, meteredTokens } from "../metered-agent.ts";
import { type RedisCluster, startRedisCluster } from "../redis-cluster.ts";
import { hasRedis } from "../redis-server.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";
import { type Load, startLoad } from "./load.ts";

/** A claim that could not be given back lasts half a minute, and is looked for every quarter. */
const healing = 90_000;

interface Stand {
  cluster: RedisCluster;
  upstream: SampleUpstream;
  load: Load;
  key: string;
  aiKey: string;
  finished(): Promise<void>;
}

/** A cluster with an agent that makes metered calls, and a load on it. */
async function underLoad(provisioning: Record<string, unknown> = {}): Promise<Stand> {
  const upstream = await startSampleUpstream();
  upstream.behave({ usage: exactUsage, delayMs: 30 });
  const cluster = await startRedisCluster({ provisioning });
  const { key, client } = await meteredClient(cluster.servers[0]!, upstream);
  const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000_000 } };
  const metered = await client.agents.create({ name: "metered", autoProvisionAiKey, revealAiKey: true });
  const aiKey = metered.aiKey!.key!;
  const load = startLoad({ origins: () => originsOf(cluster), key, aiKey });
  await sleep(500);
  return {
    cluster,
    upstream,
    load,
    key,
    aiKey,
    async finished() {
      await load.stop().catch(() => undefined);
      await cluster.close();
      await upstream.close();
    },
  };
}

const originsOf = (cluster: RedisCluster) => cluster.servers.map(({ origin }) => origin);
const readiness = (cluster: RedisCluster) =>
  Promise.all(originsOf(cluster).map(async (origin) => (await fetch(`${origin}/readyz`)).status));
const quotaOf = async ({ cluster }: Stand) =>
  (await adminClient(cluster.servers[0]!.origin).agents.usage("metered")).quotas.maxTokensPerMonth!;

async function expectRefusals({ cluster, key, aiKey }: Stand): Promise<void> {
  for (const origin of originsOf(cluster)) {
    const client = createClient({ url: origin, token, provisioningKey: key, retries: 0 });
    await expect(client.agents.create({ name: "while-away" })).rejects.toMatchObject({ status: 503 });
    await expect(client.agents.delete("metered")).rejects.toMatchObject({ status: 503 });
    expect(await meteredCall(origin, aiKey)).toBe(503);
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  }
  expect(await readiness(cluster)).toEqual(cluster.servers.map(() => 503));
}

/** Whole is what was answered, and nothing else is there: no agent, no place, no AI key. */
async function expectWhole({ cluster, load, key }: Stand): Promise<void> {
  const { origin } = cluster.servers[0]!;
  const reader = createClient({ url: origin, token });
  const present: string[] = [];
  for await (const agent of reader.agents.all()) if (agent.agentId !== "metered") present.push(agent.agentId);
  expect(present.sort()).toEqual([...load.created].sort());
  for (const name of present) {
    const { status, health } = await reader.agents.get(name);
    const seen = [name, status, health.workspace, health.credentials, health.aiKey?.status];
    expect(seen).toEqual([name, "ready", "ok", "ok", "active"]);
  }
  const admin = adminClient(origin);
  expect(await admin.audit.verify()).toMatchObject({ ok: true });
  const shown = (await admin.agentKeys.list()).keys.find(({ id }) => key.includes(`_${id}_`))!;
  expect(shown.agents).toBe(present.length + 1);
  const redis = new Redis(cluster.redis.url);
  expect(await redis.zcard("openclaw:ids:ai-keys")).toBe(present.length + 1);
  redis.disconnect();
}

/** A yes whose append lost its answer may be repeated by recovery; neither of the two says it twice. */
async function expectDoneOnce({ cluster }: Stand): Promise<void> {
  const said = new Map<string, number>();
  for await (const { events } of adminClient(cluster.servers[0]!.origin).audit.pages({
    action: "agent.create",
    limit: 1000,
  })) {
    for (const { phase, actor, operationId } of events) {
      if (phase === "event") continue;
      const line = `${operationId} ${phase} ${actor === "recovery"}`;
      said.set(line, (said.get(line) ?? 0) + 1);
    }
  }
  expect([...said].filter(([, times]) => times > 1)).toEqual([]);
}

// At the same time: most of it is waiting for claims to end.
describe.skipIf(!hasRedis).concurrent("a cluster on one Redis, in the middle of a load", () => {
  it("loses Redis, twice: refuses meanwhile, loses and doubles nothing, and heals", async ({
    expect,
    onTestFinished,
  }) => {
    const stand = await underLoad();
    onTestFinished(stand.finished);
    const { cluster, load, upstream } = stand;
    for (let round = 0; round < 2; round++) {
      await cluster.redis.kill();
      await sleep(300);
      await expectRefusals(stand);
      await cluster.redis.start();
      await expect.poll(() => readiness(cluster), { timeout: 10_000 }).toEqual([200, 200]);
      await sleep(500);
    }
    await load.stop();
    // Each answer was paid for once, and nothing was sent that was not answered.
    const answered = load.metered[200]!;
    expect(upstream.seen).toHaveLength(answered);
    expect(Object.keys(load.metered)).toEqual(["200", "503"]);
    await expect.poll(async () => (await quotaOf(stand)).used, { timeout: 30_000 }).toBe(answered * meteredTokens);
    const { total } = await adminClient(cluster.servers[1]!.origin).agents.usage("metered");
    expect(total).toMatchObject({ requests: answered, tokens: answered * meteredTokens, estimated: 0 });

    await load.finish(healing);
    await expectWhole(stand);
    await expectDoneOnce(stand);
    expect(readdirSync(`${cluster.stateDir}/agents`).sort()).toEqual(["metered", ...load.created].sort());
  }, 180_000);

  it("loses a process, twice: the other goes on, and what was left half done is finished or undone", async ({
    expect,
    onTestFinished,
  }) => {
    const stand = await underLoad();
    onTestFinished(stand.finished);
    const { cluster, load, upstream } = stand;
    for (let round = 0; round < 2; round++) {
      await cluster.servers[0]!.kill();
      const before = load.created.size;
      await expect.poll(() => load.created.size, { timeout: 20_000 }).toBeGreaterThan(before);
      await cluster.start(0);
      await sleep(500);
    }
    await load.stop();
    expect(Object.keys(load.metered)).toEqual(["0", "200"]);
    // A request that a dead process had not settled stays charged as reserved, which here is its cost.
    const { used, reserved } = await quotaOf(stand);
    expect(used + reserved).toBeGreaterThanOrEqual(load.metered[200]! * meteredTokens);
    expect(used + reserved).toBeGreaterThanOrEqual(upstream.seen.length * meteredTokens);
    expect(used + reserved).toBeLessThanOrEqual((load.metered[200]! + load.metered[0]!) * meteredTokens);

    await load.finish(healing);
    await expectWhole(stand);
    await expectDoneOnce(stand);
  }, 180_000);

  it("as a control plane loses a gateway, Redis and a process at once", async ({ expect, onTestFinished }) => {
    const gateways = [];
    for (const id of ["gw1", "gw2"]) {
      const stateDir = await makeStateDir();
      const server = await startServerProcess(stateDir);
      onTestFinished(async () => {
        await gateway.server.kill();
        rmSync(stateDir, { recursive: true, force: true });
      });
      const { key } = await keyedClient(server.origin, { maxAgents: 100_000 });
      const gateway = { id, stateDir, server, key };
      gateways.push(gateway);
    }
    const settings = gateways.map(({ id, server, key }) => ({ id, url: server.origin, token, key }));
    const stand = await underLoad({ host: { kind: "remote", gateways: settings, timeoutMs: 3_000 } });
    onTestFinished(stand.finished);
    const { cluster, load, upstream } = stand;
    const gateway = gateways[0]!;
    await Promise.all([gateway.server.kill(), cluster.redis.kill(), cluster.servers[0]!.kill()]);
    await sleep(700);
    await cluster.redis.start();
    await cluster.start(0);
    await sleep(1_500);
    const { port } = new URL(gateway.server.origin);
    gateway.server = await startServerProcess(gateway.stateDir, { OPENCLAW_GATEWAY_PORT: port });
    await sleep(1_500);
    await load.stop();
    const { used, reserved } = await quotaOf(stand);
    expect(used + reserved).toBeGreaterThanOrEqual(upstream.seen.length * meteredTokens);

    await load.finish(healing);
    await expectWhole(stand);
    await expectDoneOnce(stand);
    const there: string[] = [];
    for (const { server } of gateways) {
      for await (const agent of createClient({ url: server.origin, token }).agents.all()) there.push(agent.agentId);
    }
    expect(there.sort()).toEqual(["metered", ...load.created].sort());
  }, 240_000);
});
