import { rmSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { keptOfAgent, makeAgentByHand } from "../agent-by-hand.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess } from "../server-process.ts";

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

const ids = Array.from({ length: 120 }, (_, at) => `theirs-${at}`);
const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000 } };

it("kill -9 in the middle of adoptions, moves and releases: each agent is managed and whole, or as it was", async () => {
  const stateDir = await makeStateDir();
  directories.push(stateDir);
  const before = new Map<string, unknown>();
  for (const id of ids) {
    await makeAgentByHand(stateDir, id);
    before.set(id, await keptOfAgent(stateDir, id));
  }
  let server = await startServerProcess(stateDir);
  const account = { provider: "anthropic", key: "sk-ant-not-a-real-key-0000", verify: false };
  const providers = [
    await adminClient(server.origin).aiProviders.add({ ...account, name: "First" }),
    await adminClient(server.origin).aiProviders.add({ ...account, name: "Second" }),
  ];
  const counts = { adopted: 0, own: 0 };
  // Early, in the middle, late; for each of them, all of what can be done to such an agent.
  for (const killAt of [1, 40, 100]) {
    for (const act of ["adopt", "move", "release"] as const) {
      const { client } = await keyedClient(server.origin, { aiProviderKeyId: providers[act === "move" ? 1 : 0]!.id });
      const answered = new Set<string>();
      const acts = ids.map(async (id) => {
        if (act === "adopt") await client.agents.adopt(id, { autoProvisionAiKey });
        if (act === "move") await client.agents.moveAiKey(id, { provider: "anthropic" });
        if (act === "release") await client.agents.release(id);
        answered.add(id);
        if (answered.size === killAt) void server.kill();
      });
      await Promise.allSettled(acts);
      await server.kill();
      server = await startServerProcess(stateDir);
      const { client: after } = await keyedClient(server.origin);
      for (const id of ids) {
        const { managed, status, health, aiKeyId } = await after.agents.get(id);
        const kept = await keptOfAgent(stateDir, id);
        if (!managed) {
          counts.own++;
          expect([id, kept]).toEqual([id, before.get(id)]);
          expect(act === "adopt" && answered.has(id), id).toBe(false);
        } else {
          counts.adopted++;
          expect([id, status, health.credentials, health.aiKey?.status]).toEqual([id, "ready", "ok", "active"]);
          expect(JSON.stringify(kept)).toContain(`ocv_${aiKeyId}_`);
          expect(act === "release" && answered.has(id), id).toBe(false);
        }
      }
    }
  }
  expect(counts.adopted).toBeGreaterThan(0);
  expect(counts.own).toBeGreaterThan(0);
  // Nothing is left of any of it once all are released.
  const { client } = await keyedClient(server.origin);
  for (const id of ids) if ((await client.agents.get(id)).managed) await client.agents.release(id);
  for (const id of ids) expect([id, await keptOfAgent(stateDir, id)]).toEqual([id, before.get(id)]);
  const report = await adminClient(server.origin).audit.verify();
  expect(report).toMatchObject({ ok: true });
  expect(await server.stop()).toBe(0);
}, 240_000);
