import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  exactUsage,
  meteredCall,
  meteredClient,
  meteredMicroUsd,
  meteredPrice,
  meteredTokens,
} from "../metered-agent.ts";
import { startRedisCluster } from "../redis-cluster.ts";
import { hasRedis } from "../redis-server.ts";
import { adminClient, makeStateDir, type ServerProcess, startServerProcess } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

const provisioning = { prices: { rows: [meteredPrice] }, proxy: { maxConcurrentPerKey: 1_000 } };
const usdOf100 = (100 * meteredMicroUsd) / 1e6;

async function onFiles(): Promise<{ servers: ServerProcess[]; close(): Promise<void> }> {
  const stateDir = await makeStateDir(provisioning);
  const servers = [await startServerProcess(stateDir), await startServerProcess(stateDir)];
  return {
    servers,
    async close() {
      await Promise.all(servers.map((server) => server.kill()));
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

const stores = { files: onFiles, Redis: () => startRedisCluster({ provisioning }) };

describe.each(Object.entries(stores))("two processes on the same %s", (name, start) => {
  // Redis is not installed everywhere; `hasRedis` says so.
  describe.skipIf(name === "Redis" && !hasRedis)("let through exactly 100 of 500 metered requests", () => {
    let upstream: SampleUpstream;
    let processes: Awaited<ReturnType<typeof onFiles>>;
    let origins: string[];

    beforeAll(async () => {
      upstream = await startSampleUpstream();
      upstream.behave({ usage: exactUsage });
      processes = await start();
      origins = processes.servers.map(({ origin }) => origin);
    });
    afterAll(async () => {
      await processes?.close();
      await upstream?.close();
    });

    it.each([
      ["tokens", { maxTokensPerMonth: 100 * meteredTokens }, 100 * meteredTokens],
      ["one token less", { maxTokensPerMonth: 101 * meteredTokens - 1 }, 100 * meteredTokens],
      ["requests", { maxRequestsPerDay: 100 }, 100],
      ["USD", { maxUsdPerMonth: usdOf100 }, usdOf100],
      ["one micro-dollar less", { maxUsdPerDay: (101 * meteredMicroUsd - 1) / 1e6 }, usdOf100],
    ] as const)("of a quota in %s", async (what, quotas, used) => {
      const agentId = `quota-${what.replaceAll(" ", "-").toLowerCase()}`;
      const quota = Object.keys(quotas)[0] as "maxTokensPerMonth";
      const before = upstream.seen.length;
      const { client } = await meteredClient(processes.servers[0]!, upstream);
      const autoProvisionAiKey = { provider: "anthropic", quotas };
      const { aiKey } = await client.agents.create({ name: agentId, autoProvisionAiKey, revealAiKey: true });
      // No reservation is settled before each request has been let in or refused.
      let pass = () => {};
      upstream.behave({ until: new Promise<void>((resolve) => (pass = resolve)) });
      let refused = 0;
      const calls = Array.from({ length: 500 }, async (_, at) => {
        const status = await meteredCall(origins[at % 2]!, aiKey!.key!);
        if (status === 429) refused++;
        return status;
      });
      const quotaNow = async (origin: string) => (await adminClient(origin).agents.usage(agentId)).quotas[quota];
      await expect.poll(() => refused, { timeout: 20_000 }).toBe(400);
      for (const origin of origins) expect(await quotaNow(origin)).toMatchObject({ used: 0, reserved: used });
      pass();
      const statuses = await Promise.all(calls);
      expect(statuses.filter((status) => status === 200)).toHaveLength(100);
      expect(upstream.seen.length - before).toBe(100);
      for (const origin of origins) {
        await expect.poll(() => quotaNow(origin)).toMatchObject({ used, reserved: 0 });
        const { total } = await adminClient(origin).agents.usage(agentId);
        expect(total).toMatchObject({ requests: 100, tokens: 100 * meteredTokens, usd: usdOf100, estimated: 0 });
        expect(await meteredCall(origin, aiKey!.key!)).toBe(429);
      }
    });
  });
});
