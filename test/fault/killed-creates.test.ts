import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { adminClient, keyedClient, makeStateDir, startServerProcess } from "../server-process.ts";

describe.each([
  ["one process", {}],
  // The primary process is killed: its worker processes end with it.
  ["two worker processes", { OPENCLAW_WORKERS: "2" }],
])("kill -9 of %s in the middle of hundreds of creates", (_, several) => {
  const directories: string[] = [];
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  it("leaves every answered agent whole, no half agent, no stuck claim, a chain that verifies", async () => {
    const stateDir = await makeStateDir();
    directories.push(stateDir);
    const answered = new Set<string>();
    const started = new Set<string>();
    let round = 0;
    for (; round < 3; round++) {
      const server = await startServerProcess(stateDir, several);
      const provider = await adminClient(server.origin).aiProviders.add({
        provider: "anthropic",
        name: `Round ${round}`,
        key: "sk-ant-not-a-real-key-0000",
        verify: false,
      });
      const { client } = await keyedClient(server.origin, { aiProviderKeyId: provider.id });
      let done = 0;
      const creating = Array.from({ length: 300 }, async (_, at) => {
        const name = `agent-${round}-${at}`;
        started.add(name);
        await client.agents.create({
          name,
          bind: [`telegram:${name}`],
          autoProvisionAiKey: { provider: "anthropic" },
        });
        answered.add(name);
        // Early, in the middle, late.
        if (++done === [1, 60, 200][round]) void server.kill();
      });
      await Promise.allSettled(creating);
      await server.kill();
    }

    const server = await startServerProcess(stateDir, several);
    const { client } = await keyedClient(server.origin);
    const present = new Set<string>();
    for await (const agent of client.agents.all()) {
      present.add(agent.agentId);
      expect(agent.managed).toBe(true);
    }
    // Killed early and late: some must have been answered, some not.
    expect(answered.size).toBeGreaterThan(0);
    expect(answered.size).toBeLessThan(started.size);
    for (const name of answered) expect(present).toContain(name);

    const keyFiles = new Set(
      readdirSync(join(stateDir, "provisioning", "ai-keys")).filter((file) => file.endsWith(".json")),
    );
    for (const name of present) {
      const { status, health } = await client.agents.get(name);
      expect([name, status, health.workspace, health.credentials]).toEqual([name, "ready", "ok", "ok"]);
      const profiles = readFileSync(join(stateDir, "agents", name, "agent", "auth-profiles.json"), "utf8");
      expect(profiles).toContain(health.aiKey!.keyId);
      keyFiles.delete(`${health.aiKey!.keyId}.json`);
    }
    expect([...keyFiles]).toEqual([]);
    for (const name of started) {
      if (present.has(name)) continue;
      expect(existsSync(join(stateDir, `workspace-${name}`))).toBe(false);
      expect(existsSync(join(stateDir, "agents", name))).toBe(false);
    }
    // Nothing that was undone is still held: names, bindings, places.
    const undone = [...started].filter((name) => !present.has(name)).slice(0, 20);
    for (const name of undone) {
      await expect(client.agents.create({ name, bind: [`telegram:${name}`] })).resolves.toMatchObject({
        agentId: name,
      });
    }
    const verdict = await adminClient(server.origin).audit.verify();
    expect(verdict).toMatchObject({ ok: true });
    expect(await server.stop()).toBe(0);
  }, 120_000);
});
