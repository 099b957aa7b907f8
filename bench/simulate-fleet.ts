/**
 * `npm run simulate-fleet [-- --agents 10000 --gateways 20 --scale 40]`: agents made through a control plane on many
 * gateways. The control plane, the plugin's API and its host are real; OpenClaw is not, and takes up a change after as
 * long as was measured, divided by `scale`. Meanwhile gateways die, fill, slow down, are cordoned, and come back.
 */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { inProcessKeyStore } from "../adapters/openclaw/key-store.ts";
import { createOpenClawHost } from "../adapters/openclaw/openclaw-host.ts";
import { type App, createApp } from "../src/app.ts";
import { type Client, createClient } from "../src/client/client.ts";
import { createRemoteHost } from "../src/host/remote-host.ts";
import type { AgentHost, Fetch } from "../src/ports.ts";
import { makeFakeOpenClaw } from "../test/conformance/fake-openclaw.ts";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "10000" },
    gateways: { type: "string", default: "20" },
    scale: { type: "string", default: "40" },
  },
});
const [wanted, count, scale] = [Number(values.agents), Number(values.gateways), Number(values.scale)];
/** Bulk calls under way at one time; each makes eight agents at a time. */
const calls = 24;
const perCall = 50;
const token = "gateway-token-of-the-simulation";
const adminToken = "admin-token-of-the-simulation";

/** Docs/fleets.md, "Gateways that fill": a create by itself, by the agents that are there. */
const measuredMs = (agents: number): number => 300 + 56 * agents;

interface Simulated {
  id: string;
  maxAgents: number;
  fetch: Fetch;
  /** The time that its reloads took together, by OpenClaw's measured cost. */
  reloadedMs(): number;
  reloads(): number;
  /** Times as slow as measured. */
  slowness: number;
  /** Refuses connections, and loses the answers that are under way. */
  dead: boolean;
  ids(): string[];
  close(): Promise<void>;
}

async function openApp(
  stateDir: string,
  config: object,
  host: AgentHost,
): Promise<{ app: App; close(): Promise<void> }> {
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: token,
    OPENCLAW_ADMIN_TOKEN: adminToken,
    OPENCLAW_CONFIG: JSON.stringify({ gateway: { provisioning: { enabled: true, allowDelete: true, ...config } } }),
  };
  const node = readNodeSettings(env);
  const opened = await openNode(node, { env, log: () => undefined, host });
  return { app: createApp(opened.ports, node.settings), close: opened.close };
}

const clientOf = (app: App, provisioningKey = adminToken): Client =>
  createClient({
    url: "http://plane.test",
    token,
    provisioningKey,
    fetch: (request) => app.fetch(request),
    timeoutMs: 3_600_000,
  });

const broken = (code: string): TypeError =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });

async function simulated(at: number, maxAgents: number): Promise<Simulated & { key: string }> {
  const id = `gw${at}`;
  let [reloads, reloadedMs] = [0, 0];
  const openclaw = await makeFakeOpenClaw({
    running: true,
    reloadMs(agents) {
      const ms = measuredMs(agents) * one.slowness;
      reloads++;
      reloadedMs += ms;
      return ms / scale;
    },
  });
  const host = createOpenClawHost({
    ...openclaw,
    keys: inProcessKeyStore(openclaw.auth, openclaw.stateDir),
    proxyBaseUrl: "http://plane.test/proxy",
    openclaw: { confinement: "workspace", unmetered: [] },
    isPlugin: true,
    log: () => undefined,
  });
  const { app, close } = await openApp(openclaw.stateDir, {}, host);
  const scopes = ["agents:create", "agents:onboard", "agents:update", "agents:delete"] as const;
  const limits = { rateLimitPerMinute: 100_000, maxAgents: 1_000_000 };
  const { key } = await clientOf(app).agentKeys.create({ name: "plane", scopes: [...scopes], ...limits });
  const one = {
    id,
    key,
    maxAgents,
    slowness: 1,
    dead: false,
    async fetch(input: Parameters<Fetch>[0], init?: RequestInit) {
      if (one.dead) throw broken("ECONNREFUSED");
      const response = await app.fetch(new Request(input, init));
      if (one.dead) throw broken("ECONNRESET");
      return response;
    },
    reloads: () => reloads,
    reloadedMs: () => reloadedMs,
    ids: () => Object.keys(openclaw.file().agents?.entries ?? {}).filter((agentId) => agentId !== "main"),
    async close() {
      await close();
      await openclaw.close();
    },
  };
  return one;
}

const root = await realpath(await mkdtemp(join(tmpdir(), "simulate-fleet-")));
// The first fills early; the rest have room for what it does not take, and a little more. OpenClaw's own agent counts.
const small = Math.ceil(wanted / count / 5);
const large = Math.ceil(((wanted - small) / (count - 1)) * 1.04) + 2;
const gateways = await Promise.all(Array.from({ length: count }, (_, at) => simulated(at, at === 0 ? small : large)));
const host = createRemoteHost({
  gateways: gateways.map(({ id, key, maxAgents }) => ({ id, url: `http://${id}.test`, token, key, maxAgents })),
  fetch: async (input, init) => {
    const request = new Request(input, init);
    const id = new URL(request.url).hostname.split(".")[0];
    return await gateways.find((one) => one.id === id)!.fetch(request);
  },
  timeoutMs: 20_000,
  clock: { now: Date.now },
  log: () => undefined,
});
const plane = await openApp(join(root, "plane"), { maxAgentsPerKey: wanted * 2, publicUrl: "http://plane.test" }, host);
const client = clientOf(plane.app);
const provider = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
const { id: aiProviderKeyId } = await client.aiProviders.add(provider);
const { key } = await client.agentKeys.create({
  name: "simulation",
  scopes: ["agents:create", "agents:update", "agents:delete"],
  aiProviderKeyId,
  rateLimitPerMinute: 100_000,
  maxAgents: wanted * 2,
});
const maker = clientOf(plane.app, key);

const made = new Set<string>();
const refusals = new Map<string, number>();
const startedAt = performance.now();

function setDead(which: number[], dead: boolean): void {
  for (const at of which) gateways[at]!.dead = dead;
}

/** As far as the whole is done. */
const events: [share: number, what: string, happen: () => unknown][] = [
  [0.1, "gw1 dies", () => setDead([1], true)],
  [0.2, "gw2 is five times as slow", () => Object.assign(gateways[2]!, { slowness: 5 })],
  [0.25, "gw3 is cordoned", () => client.gateways.cordon("gw3")],
  [0.35, "gw1 comes back", () => setDead([1], false)],
  [0.4, "gw2 is as fast as before", () => Object.assign(gateways[2]!, { slowness: 1 })],
  [0.5, "gw3 is uncordoned", () => client.gateways.uncordon("gw3")],
  [0.6, "gw4 and gw5 die", () => setDead([4, 5], true)],
  [0.7, "gw4 and gw5 come back", () => setDead([4, 5], false)],
];

const onGateways = (): number => gateways.reduce((sum, one) => sum + one.ids().length, 0);

const watching = setInterval(() => {
  const size = onGateways();
  if (!events[0] || size < wanted * events[0][0]) return;
  const [, what, work] = events.shift()!;
  console.log(`${seconds()} s, ${size} agents: ${what}`);
  void work();
}, 500);
const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(0);

/** As whoever runs it again after a failure: the same call under the same key, until every agent is there. */
async function makeBatch(names: string[]): Promise<void> {
  const agents = names.map((name) => ({ name, autoProvisionAiKey: { provider: "anthropic" } }));
  const idempotencyKey = `batch-${names[0]}`;
  for (;;) {
    const answer = await maker.agents
      .createMany({ agents }, { idempotencyKey })
      .catch((error: { code: string }) => error);
    if (!("results" in answer)) {
      refusals.set(answer.code, (refusals.get(answer.code) ?? 0) + 1);
    } else {
      for (const result of answer.results) {
        if ("agentId" in result && !("code" in result)) made.add(agents[result.index]!.name);
        else if ("code" in result) refusals.set(String(result.code), (refusals.get(String(result.code)) ?? 0) + 1);
      }
      if (names.every((name) => made.has(name))) return;
    }
    await plane.app.maintain().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const names = Array.from({ length: wanted }, (_, at) => `agent-${at}`);
const batches: string[][] = [];
while (names.length > 0) batches.push(names.splice(0, perCall));
await Promise.all(
  Array.from({ length: calls }, async () => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) await makeBatch(batch);
  }),
);
const took = performance.now() - startedAt;
clearInterval(watching);
await plane.app.maintain();

const there = gateways.map((one) => one.ids());
const all = there.flat();
const records = new Map((await plane.app.context.agentIndex.entries()).map((entry) => [entry.agentId, entry.gateway]));
const sizes = there.map((ids) => ids.length);
const even = sizes.slice(1);
// The list goes by counts that are ten seconds old at most; agents that were undone since may be in one.
await new Promise((resolve) => setTimeout(resolve, 11_000));
const { gateways: listed } = await client.gateways.list();
const faults = [
  all.length !== wanted && `${all.length} agents are there, of ${wanted}`,
  new Set(all).size !== all.length && "an agent is there twice",
  records.size !== wanted && `${records.size} records`,
  there.some((ids, at) => ids.some((id) => records.get(id) !== gateways[at]!.id)) && "a record names another gateway",
  sizes.some((size, at) => size > gateways[at]!.maxAgents) && "a gateway has more than its maxAgents",
  // OpenClaw's own agent is one of them.
  listed.some(({ agents }, at) => agents !== sizes[at]! + 1) && "the list of gateways counts otherwise",
].filter((fault) => fault !== false);

console.log(`\ngateway  agents  maxAgents  reloads  their time`);
for (const [at, one] of gateways.entries()) {
  const row = [sizes[at]!, one.maxAgents, one.reloads(), `${(one.reloadedMs() / 1_000).toFixed(0)} s`];
  console.log(one.id.padEnd(9) + row.map((cell) => String(cell).padStart(8)).join("  "));
}
const bound = Math.max(...gateways.map((one) => one.reloadedMs()));
console.log(
  `\n${wanted} agents in ${(took / 1_000).toFixed(1)} s; the reloads of the slowest gateway alone take ${(bound / scale / 1_000).toFixed(1)} s at this scale, ${(bound / 60_000).toFixed(1)} min of OpenClaw's`,
);
console.log(`agents on a gateway that did not fill: ${Math.min(...even)} to ${Math.max(...even)}`);
console.log(`answers other than an agent, all tried again: ${JSON.stringify(Object.fromEntries(refusals))}`);
console.log(
  faults.length === 0 ? "nothing lost, nothing twice, none over its maxAgents" : `WRONG: ${faults.join("; ")}`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
await plane.close();
await Promise.all(gateways.map((one) => one.close()));
await rm(root, { recursive: true, force: true });
