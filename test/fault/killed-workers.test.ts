import { rmSync } from "node:fs";
import { Agent } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exactUsage, meteredCall, meteredClient, meteredTokens } from "../metered-agent.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { adminClient, makeStateDir, type ServerProcess, startServerProcess } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";
import { workerPids } from "../worker-pids.ts";
import { startLoad } from "./load.ts";

const isLinux = process.platform === "linux";
if (!hasRedis) console.warn("skipped: worker processes on Redis; there is no redis-server");
if (!isLinux) console.warn("skipped: worker processes, whose pids are read from Linux's /proc");

/** Each test has a state directory of its own, and all of them one Redis. */
const sealKey = Buffer.alloc(32, 1).toString("base64url");

describe.runIf(isLinux).each(["files", "Redis"] as const)("two worker processes, in %s", (stores) => {
  const isHere = stores === "files" || hasRedis;
  const test = it.runIf(isHere);
  let redis: RedisServer | undefined;
  let upstream: SampleUpstream;
  let stateDir: string;
  let server: ServerProcess;
  beforeAll(async () => {
    upstream = await startSampleUpstream();
    if (stores === "Redis" && hasRedis) redis = await startRedis();
  });
  afterAll(async () => {
    await upstream.close();
    await redis?.dispose();
  });
  beforeEach(async () => {
    if (!isHere) return;
    upstream.behave("reset");
    upstream.seen.length = 0;
    stateDir = await makeStateDir({ proxy: { maxConcurrentPerKey: 1_000 } });
    server = await startServerProcess(stateDir, {
      OPENCLAW_WORKERS: "2",
      ...(redis && { OPENCLAW_PROVISIONING_STORAGE: redis.url, OPENCLAW_PROVISIONING_SEAL_KEY: sealKey }),
    });
  });
  afterEach(async () => {
    if (!isHere) return;
    await server.kill();
    rmSync(stateDir, { recursive: true, force: true });
  });

  async function meteredAgent(name: string, quotas: Record<string, number>) {
    const { client, key } = await meteredClient(server, upstream);
    const autoProvisionAiKey = { provider: "anthropic", quotas } as const;
    const { aiKey } = await client.agents.create({ name, autoProvisionAiKey, revealAiKey: true });
    const usage = () => adminClient(server.origin).agents.usage(name);
    return { client, key, aiKey: aiKey!.key!, usage };
  }

  test("of 500 requests at once with room for exactly 100, 100 succeed and 400 are refused", async () => {
    const limit = 100 * meteredTokens + meteredTokens / 2;
    const { aiKey, usage } = await meteredAgent("exact", { maxTokensPerMonth: Math.floor(limit) });
    // None is settled before all have asked.
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    upstream.behave({ until, usage: exactUsage });
    let refused = 0;
    const statuses = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const status = await meteredCall(server.origin, aiKey);
        if (status === 429 && ++refused === 400) goOn();
        return status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(400);
    expect(upstream.seen).toHaveLength(100);
    await expect
      .poll(async () => (await usage()).quotas.maxTokensPerMonth)
      .toMatchObject({ used: 100 * meteredTokens, reserved: 0 });
    expect((await usage()).total.requests).toBe(100);
  });

  test("one that dies is replaced, and what it held is charged at once; the other's goes on", async () => {
    const { aiKey, usage } = await meteredAgent("held", { maxTokensPerDay: 2 * meteredTokens });
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    upstream.behave({ until, usage: exactUsage });
    // Each on a connection of its own, and so with a worker process of its own.
    const dispatcher = new Agent({ pipelining: 0 });
    const calls = [meteredCall(server.origin, aiKey, dispatcher), meteredCall(server.origin, aiKey, dispatcher)];
    await expect.poll(() => upstream.seen.length, { timeout: 10_000 }).toBe(2);
    const held = async () => (await usage()).quotas.maxTokensPerDay;
    expect(await held()).toMatchObject({ used: 0, reserved: 2 * meteredTokens });
    const before = workerPids(server.pid);
    expect(before).toHaveLength(2);
    process.kill(before[0]!, "SIGKILL");
    await expect.poll(held, { timeout: 10_000 }).toMatchObject({ used: meteredTokens, reserved: meteredTokens });
    goOn();
    expect((await Promise.all(calls)).sort()).toEqual([0, 200]);
    await expect.poll(held, { timeout: 10_000 }).toMatchObject({ used: 2 * meteredTokens, reserved: 0 });
    await expect.poll(() => workerPids(server.pid)).toHaveLength(2);
    expect(workerPids(server.pid)).toContain(before[1]);
    expect(await meteredCall(server.origin, aiKey)).toBe(429);
    expect(server.output()).toMatch(/"a worker process died; another takes its place","worker":\d,.*"SIGKILL"/);
    await dispatcher.close();
    expect(await server.stop()).toBe(0);
  });

  test("die again and again under load, and in the end every agent is whole, the quota exact, the trail verified", async () => {
    upstream.behave({ usage: exactUsage });
    const { key, aiKey, usage, client } = await meteredAgent("busy", { maxTokensPerMonth: 100_000_000 });
    const load = startLoad({ origins: () => [server.origin], key, aiKey, workers: 4 });
    for (let kill = 0; kill < 6; kill++) {
      const made = load.created.size;
      // A load that fails ends it here.
      await Promise.race([
        load.failed,
        expect.poll(() => load.created.size, { timeout: 30_000 }).toBeGreaterThan(made + 5),
      ]);
      const alive = workerPids(server.pid);
      process.kill(alive[kill % alive.length]!, "SIGKILL");
    }
    await load.stop();
    await load.finish(60_000);
    const present = new Set<string>();
    for await (const { agentId } of client.agents.all()) present.add(agentId);
    for (const name of load.asked) expect(present).toContain(name);
    for (const name of load.asked.slice(0, 40)) {
      const { status, health } = await client.agents.get(name);
      expect([name, status, health.workspace, health.credentials]).toEqual([name, "ready", "ok", "ok"]);
    }
    await expect.poll(async () => (await usage()).quotas.maxTokensPerMonth!.reserved, { timeout: 20_000 }).toBe(0);
    const { quotas, total } = await usage();
    // Each of these requests costs what is reserved for it, whether it was settled or its process died.
    const { used } = quotas.maxTokensPerMonth!;
    const asked = Object.values(load.metered).reduce((sum, count) => sum + count, 0);
    expect(used % meteredTokens).toBe(0);
    expect(used / meteredTokens).toBeGreaterThanOrEqual(total.requests);
    expect(used / meteredTokens).toBeLessThanOrEqual(asked);
    // One that was answered may have been killed before it was settled.
    expect(used / meteredTokens).toBeGreaterThanOrEqual(load.metered[200] ?? 0);
    expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
    expect(await server.stop()).toBe(0);
  }, 150_000);

  test("end with the primary process, however it ends", async () => {
    const pids = workerPids(server.pid);
    const isAlive = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await server.kill();
    await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  });
});
