import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meteredCall, meteredClient, meteredTokens } from "../metered-agent.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { makeStateDir, type ServerProcess, startServerProcess, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stateDir: string;
let redis: RedisServer | undefined;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stateDir = await makeStateDir();
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
});
