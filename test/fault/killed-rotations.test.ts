import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { openNode } from "../../adapters/node/open-node.ts";
import { createApp } from "../../src/app.ts";
import { keyStatus } from "../../src/proxy/verify-key.ts";
import { currentAiKey } from "../../src/service/state/ai-key-state.ts";
import { meteredCall, meteredClient } from "../metered-agent.ts";
import { makeStateDir, type ServerProcess, startServerProcess, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stateDir: string;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stateDir = await makeStateDir();
});
afterAll(async () => {
  await upstream.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const names = Array.from({ length: 12 }, (_, at) => `agent-${at}`);
/** The key that the agent has in its hands. */
function inUse(name: string): string {
  const text = readFileSync(join(stateDir, "agents", name, "agent", "auth-profiles.json"), "utf8");
  return JSON.parse(text).profiles["anthropic:dedicated"].key;
}

/** Those whose key would be refused a year from now: in a grace that ends is not good enough. */
async function endangered(): Promise<string[]> {
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const node = readNodeSettings(env);
  const opened = await openNode(node, { env, log: () => undefined });
  const { context } = createApp(opened.ports, node.settings);
  const later = Date.now() + 365 * 86_400_000;
  const found = await Promise.all(
    names.map(async (name) => {
      const agent = await context.records.get("agents", name);
      const { state } = (await currentAiKey(context, agent!.aiKeyId!))!;
      return keyStatus(state, await context.crypto.sha256(inUse(name)), later) === "valid" ? [] : [name];
    }),
  );
  await opened.close();
  return found.flat();
}

it("kill -9 in the middle of rotations without a grace: every agent's key works, and can be rotated", async () => {
  let server: ServerProcess = await startServerProcess(stateDir);
  const first = await meteredClient(server, upstream);
  const { aiProviderKeyId } = first;
  let { client } = first;
  for (const name of names) await client.agents.create({ name, autoProvisionAiKey: { provider: "anthropic" } });
  let rotations = 0;
  for (let round = 0; round < 4; round++) {
    const killed = 15 * (round + 1);
    let done = 0;
    const rotating = names.map(async (name) => {
      for (;;) {
        await client.agents.rotateAiKey(name, { graceSeconds: 0 }, { signal: AbortSignal.timeout(10_000) });
        rotations++;
        if (++done === killed) void server.kill();
      }
    });
    await Promise.allSettled(rotating);
    await server.kill();

    expect(await endangered()).toEqual([]);
    server = await startServerProcess(stateDir);
    for (const name of names) expect([name, await meteredCall(server.origin, inUse(name))]).toEqual([name, 200]);
    ({ client } = await meteredClient(server, upstream, { aiProviderKeyId }));
  }
  expect(rotations).toBeGreaterThan(100);
  for (const name of names) {
    const before = inUse(name);
    await client.agents.rotateAiKey(name, { graceSeconds: 0 });
    expect(inUse(name)).not.toBe(before);
    expect([name, await meteredCall(server.origin, before)]).toEqual([name, 401]);
    expect([name, await meteredCall(server.origin, inUse(name))]).toEqual([name, 200]);
  }
  expect(await server.stop()).toBe(0);
}, 120_000);
