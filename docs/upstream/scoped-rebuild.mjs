// Usage: node scoped-rebuild.mjs <directory with node_modules/openclaw> [agents]
// Makes a gateway with so many agents, each with a credential store of its own, and measures for how long its event
// loop stalls after (a) a changed entry, (b) a new entry without a store, (c) a new entry with one. Nothing but OpenClaw runs.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [, , root, count = "60"] = process.argv;
const openclaw = resolve(root, "node_modules", "openclaw");
const home = mkdtempSync(join(tmpdir(), "scoped-rebuild-"));
const stateDir = join(home, ".openclaw");
mkdirSync(stateDir, { mode: 0o700 });
const port = 20_000 + (process.pid % 20_000);
const env = { ...process.env, HOME: home, OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "token-of-a-reproduction" };
const agentDir = (id) => join(stateDir, "agents", id, "agent");
// In a process of its own: the SDK keeps a store open for as long as its process lives, and the gateway refuses that.
function store(ids) {
  const sdk = pathToFileURL(join(openclaw, "dist/plugin-sdk/provider-auth.js")).href;
  const script = `import { mkdirSync } from "node:fs";
    import { upsertAuthProfileWithLock } from ${JSON.stringify(sdk)};
    for (const [id, agentDir] of ${JSON.stringify(ids.map((id) => [id, agentDir(id)]))}) {
      mkdirSync(agentDir, { recursive: true, mode: 0o700 });
      const credential = { type: "api_key", provider: "local", key: "not-a-real-key-" + id, copyToAgents: false };
      await upsertAuthProfileWithLock({ profileId: "local:dedicated", credential, agentDir, stateDir: process.env.OPENCLAW_STATE_DIR });
    }
    process.exit(0);`;
  const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { env, stdio: "inherit" });
  if (status !== 0) throw new Error("the stores could not be made");
}
const entry = (id, name = id) => ({ name, workspace: join(stateDir, `workspace-${id}`), agentDir: agentDir(id), model: "local/m" });
const config = {
  gateway: { mode: "local", bind: "loopback", auth: { mode: "token" } },
  models: {
    mode: "merge",
    providers: { local: { baseUrl: "http://127.0.0.1:9/v1", api: "openai-completions", models: [{ id: "m", name: "m" }] } },
  },
  agents: { ownership: "explicit", entries: {} },
};
function write() {
  const path = join(stateDir, "openclaw.json");
  writeFileSync(`${path}.new`, JSON.stringify(config), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
const first = Array.from({ length: Number(count) }, (_, at) => `agent-${at}`);
store(first);
for (const id of first) config.agents.entries[id] = entry(id);
write();

const args = [join(openclaw, "openclaw.mjs"), "gateway", "run", "--port", String(port)];
const gateway = spawn(process.execPath, args, { env, stdio: "ignore" });
const ask = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).ok;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
gateway.once("exit", (code) => {
  if (code !== null && code !== 0) throw new Error(`the gateway ended with ${code}`);
});
for (let at = 0; !(await ask("/readyz").catch(() => false)); at++) {
  if (at > 600) throw new Error("the gateway did not start");
  await sleep(500);
}

/** Milliseconds in which /healthz took longer than 50, until it was quick for three seconds. */
async function stall() {
  let stalled = 0;
  for (let quick = performance.now(); performance.now() - quick < 3_000; ) {
    const before = performance.now();
    await ask("/healthz");
    const took = performance.now() - before;
    if (took > 50) {
      stalled += took;
      quick = performance.now();
    }
    await sleep(10);
  }
  return Math.round(stalled);
}
await stall();
async function measure(what, change) {
  const times = [];
  for (let at = 0; at < 3; at++) {
    await change(at);
    write();
    times.push(await stall());
  }
  console.log(`${what}: the event loop stalls ${times.join(", ")} ms`);
}
try {
  console.log(`${count} agents`);
  await measure("a changed entry", (at) => void (config.agents.entries["agent-0"] = entry("agent-0", `renamed ${at}`)));
  await measure("a new entry without a credential store", (at) => void (config.agents.entries[`plain-${at}`] = entry(`plain-${at}`)));
  await measure("a new entry with a credential store", async (at) => {
    store([`keyed-${at}`]);
    await stall();
    config.agents.entries[`keyed-${at}`] = entry(`keyed-${at}`);
  });
} finally {
  gateway.kill("SIGTERM");
  await new Promise((done) => gateway.once("exit", done));
  rmSync(home, { recursive: true, force: true });
}
