import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../adapters/node/open-node.ts";
import { type App, createApp } from "../../src/app.ts";
import { callAsOperator } from "../call-as-operator.ts";

const script = fileURLToPath(new URL("children/stop-in-create.ts", import.meta.url));
const leaseMs = 250;
const body = { name: "one", bind: ["telegram:one"], autoProvisionAiKey: { provider: "anthropic" } };

let stateDir: string;
let node: NodePorts;
let app: App;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-stopped-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  app = createApp(node.ports, settings.settings);
  const provider = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
  expect((await call("POST", "/provisioning/ai-providers", provider)).status).toBe(201);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const remove = () => call("DELETE", "/agents/one", { deleteWorkspace: true, deleteSessions: true });
const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

/** One of this process's own is there in the end, whatever has become of the other's. */
async function makeAnew() {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await call("POST", "/agents/create", body);
    if (answer.status === 201) return answer.body;
    if (answer.body.code === "agent_exists") await remove();
    await soon();
  }
  throw new Error("the agent could not be made anew");
}

const isLinux = process.platform === "linux";
if (!isLinux) console.warn("skipped: a process that was stopped in a create, whose state is read from Linux's /proc");

it.runIf(isLinux)(
  "a process that was stopped in a create, at any fsync, and woken when the agent was made anew, leaves that alone",
  async () => {
    let stopped = 0;
    for (let number = 1; ; number++) {
      const args = [script, stateDir, String(number), String(leaseMs), JSON.stringify(body)];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.on("data", (chunk) => (said += chunk));
      const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
      while (child.exitCode === null && !isStopped(child.pid!)) await soon();
      if (child.exitCode !== null) {
        await ended;
        expect(said).toMatch(/^201 /);
        break;
      }
      stopped++;
      const made = await makeAnew();
      child.kill("SIGCONT");
      await ended;
      expect([number, said]).toEqual([number, expect.stringMatching(/^(201|409|503) /)]);
      const agent = await call("GET", "/agents/one");
      expect(agent.body).toMatchObject({ status: "ready", bindings: ["telegram:one"], aiKeyId: made.aiKey.keyId });
      expect(agent.body.health).toMatchObject({ workspace: "ok", agentDir: "ok", credentials: "ok" });
      const profiles = readFileSync(join(stateDir, "agents", "one", "agent", "auth-profiles.json"), "utf8");
      expect(profiles).toContain(made.aiKey.keyId);
      const keys = (await app.context.records.list("ai-keys")).items.map(({ keyId }) => keyId);
      expect([number, keys]).toEqual([number, [made.aiKey.keyId]]);
      expect((await remove()).status).toBe(200);
      expect([existsSync(join(stateDir, "agents", "one")), existsSync(join(stateDir, "workspace-one"))]).toEqual([
        false,
        false,
      ]);
    }
    expect(stopped).toBeGreaterThan(4);
  },
  120_000,
);
