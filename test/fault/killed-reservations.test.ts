import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  meteredCall,
  meteredClient,
  meteredMicroUsd,
  meteredPrice,
  meteredTokens,
  microUsdOf,
} from "../metered-agent.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { adminClient, makeStateDir, type ServerProcess, startServerProcess, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stateDir: string;
let redis: RedisServer | undefined;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stateDir = await makeStateDir({ prices: { rows: [meteredPrice] } });
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  await upstream.close();
  await redis?.dispose();
  rmSync(stateDir, { recursive: true, force: true });
});

const usageOf = async (server: ServerProcess, agent: string) =>
  (await (
    await fetch(`${server.origin}/api/v1/agents/${agent}/usage`, { headers: { authorization: `Bearer ${token}` } })
  ).json()) as { quotas: Record<string, { used: number; reserved: number }> };

describe.each(["files", "Redis"] as const)("what a killed process held, in %s", (stores) => {
  it.skipIf(stores === "Redis" && !hasRedis)(
    "is charged within seconds of the restart, and a living process's is left alone",
    async () => {
      const env = stores === "Redis" ? { OPENCLAW_PROVISIONING_STORAGE: redis!.url } : undefined;
      const killed = await startServerProcess(stateDir, env);
      const { client } = await meteredClient(killed, upstream);
      const agent = `held-${stores.toLowerCase()}`;
      const quotas = { maxTokensPerDay: 2 * meteredTokens };
      const { aiKey } = await client.agents.create({
        name: agent,
        autoProvisionAiKey: { provider: "anthropic", quotas },
        revealAiKey: true,
      });
      const living = await startServerProcess(stateDir, env);
      upstream.behave({ delayMs: 60_000 });
      const before = upstream.seen.length;
      for (const server of [killed, living]) void meteredCall(server.origin, aiKey!.key!);
      await expect.poll(() => upstream.seen.length, { timeout: 10_000 }).toBe(before + 2);
      const held = async () => (await usageOf(living, agent)).quotas.maxTokensPerDay;
      expect(await held()).toMatchObject({ used: 0, reserved: 2 * meteredTokens });
      upstream.behave("reset");
      await killed.kill();

      const again = await startServerProcess(stateDir, env);
      await expect.poll(held, { timeout: 10_000 }).toMatchObject({ used: meteredTokens, reserved: meteredTokens });
      await again.stop();
      await living.kill();
      const last = await startServerProcess(stateDir, env);
      const denied = await fetch(`${last.origin}/proxy/anthropic/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": aiKey!.key!, "anthropic-version": "2023-06-01", "content-type": "application/json" },
        body: JSON.stringify({ model: "m", max_tokens: 16, messages: [{ role: "user", content: "hello" }] }),
      });
      expect([denied.status, await denied.text()]).toEqual([429, expect.stringMatching(/Daily token quota exceeded/)]);
      await last.stop();
    },
    60_000,
  );

  it.skipIf(stores === "Redis" && !hasRedis)(
    "is charged in USD to the micro-dollar, beside what was settled and what a living process holds",
    async () => {
      const env = stores === "Redis" ? { OPENCLAW_PROVISIONING_STORAGE: redis!.url } : undefined;
      const killed = await startServerProcess(stateDir, env);
      const living = await startServerProcess(stateDir, env);
      const { client } = await meteredClient(killed, upstream);
      const agent = `spent-${stores.toLowerCase()}`;
      const { aiKey } = await client.agents.create({
        name: agent,
        autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 1, maxRequestsPerDay: 10_000 } },
        revealAiKey: true,
      });
      const call = ({ origin }: ServerProcess) => meteredCall(origin, aiKey!.key!);
      const sums = async (origin: string) => {
        const { quotas, models } = await adminClient(origin).agents.usage(agent);
        const { used, reserved } = quotas.maxUsdPerMonth!;
        const [told = [], lost = []] = [false, true].map((isLost) =>
          models.filter(({ model }) => (model === "(lost)") === isLost).map(({ usd }) => Math.round(usd * 1e6)),
        );
        return {
          micro: Math.round(used * 1e6),
          held: Math.round(reserved * 1e6),
          settled: told.reduce((sum, one) => sum + one, 0),
          lost: lost.reduce((sum, one) => sum + one, 0),
        };
      };
      const answerUsage = { input: 12, output: 7 };
      const answered = microUsdOf(answerUsage);
      upstream.behave({ usage: answerUsage });
      for (const server of [killed, living, killed]) expect(await call(server)).toBe(200);
      await expect
        .poll(() => sums(living.origin))
        .toEqual({ micro: 3 * answered, held: 0, settled: 3 * answered, lost: 0 });

      let pass = () => {};
      upstream.behave({ until: new Promise<void>((resolve) => (pass = resolve)) });
      const before = upstream.seen.length;
      for (let at = 0; at < 7; at++) void call(at < 4 ? killed : living);
      await expect.poll(() => upstream.seen.length, { timeout: 10_000 }).toBe(before + 7);
      expect(await sums(living.origin)).toMatchObject({ micro: 3 * answered, held: 7 * meteredMicroUsd });
      await killed.kill();
      const again = await startServerProcess(stateDir, env);
      const lost = 4 * meteredMicroUsd;
      await expect
        .poll(() => sums(again.origin), { timeout: 10_000 })
        .toMatchObject({ micro: 3 * answered + lost, held: 3 * meteredMicroUsd });
      pass();
      const settled = 6 * answered;
      await expect
        .poll(() => sums(again.origin), { timeout: 10_000 })
        .toEqual({ micro: settled + lost, held: 0, settled, lost });

      // Killed wherever its requests are: each is charged what it cost, or where that was not told, what was reserved.
      let succeeded = 0;
      let isStopped = false;
      const load = Array.from({ length: 20 }, async () => {
        while (!isStopped) if ((await call(again)) === 200) succeeded++;
      });
      await expect.poll(() => succeeded, { timeout: 20_000 }).toBeGreaterThan(100);
      await again.kill();
      isStopped = true;
      await Promise.all(load);
      const last = await startServerProcess(stateDir, env);
      await expect.poll(async () => (await sums(last.origin)).held, { timeout: 10_000 }).toBe(0);
      const told = await sums(last.origin);
      const { total, models, quotas } = await adminClient(last.origin).agents.usage(agent);
      const unanswered = models.find(({ model }) => model === "(lost)")!.requests;
      expect(told).toMatchObject({
        settled: (total.requests - unanswered) * answered,
        lost: unanswered * meteredMicroUsd,
        micro: told.settled + told.lost,
      });
      expect(quotas.maxRequestsPerDay!.used).toBe(total.requests);
      expect(total.requests).toBeGreaterThanOrEqual(upstream.seen.length - before + 3);
      await last.stop();
      await living.kill();
      upstream.behave("reset");
    },
    90_000,
  );
});
