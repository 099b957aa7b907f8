/** The Worker under miniflare, as ratios to a bare Worker that does the same I/O and nothing else. */
import { Agent, request } from "node:http";
import { Miniflare } from "miniflare";
import { createClient } from "../src/client/client.ts";
import { workerTarget } from "../test/contract/worker-target.ts";
import { startSampleUpstream } from "../test/upstream/sample-upstream.ts";
import { median, type Row } from "./row.ts";

/** As many calls of KV, objects and upstream as ours makes for the same: the floor that the platform sets. */
const bareWorker = `
import { DurableObject } from "cloudflare:workers";
export class Bare extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v TEXT)");
  }
  write(key) { this.ctx.storage.sql.exec("INSERT OR REPLACE INTO t VALUES (?, ?)", key, "x".repeat(300)); }
}
const object = (env, name) => env.BARE.get(env.BARE.idFromName(name));
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/hello") return Response.json({ status: "ok" });
    if (pathname === "/list") {
      const { keys } = await env.KV.list({ prefix: "agent:", limit: 50 });
      return Response.json(await Promise.all(keys.map(({ name }) => env.KV.get(name))));
    }
    if (pathname === "/create") {
      const { name } = await request.json();
      await env.KV.get("key:1");
      // State, rate, claim, place, intent, exact text, outcome, release.
      for (const one of ["key:1", "key:1", name, "key:1", "audit", name, "audit", name]) await object(env, one).write(name);
      await env.KV.put("agent:" + name, "x".repeat(400));
      return Response.json({ name }, { status: 201 });
    }
    await Promise.all([env.KV.get("key:1"), env.KV.get("provider:1")]);
    const body = await request.text();
    await object(env, "ai-key").write("reserve");
    const answer = await fetch(env.UPSTREAM + "/v1/messages", { method: "POST", headers: { "x-api-key": "k", "content-type": "application/json" }, body });
    await object(env, "ai-key").write("settle");
    return new Response(answer.body, answer);
  },
};`;

const agent = new Agent({ keepAlive: true });

function call(url: string, method: string, headers: Record<string, string>, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode!));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

async function timed(expected: number, work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const status = await work();
  if (status !== expected) throw new Error(`answered ${status}, not ${expected}`);
  return performance.now() - startedAt;
}

export async function benchWorker(): Promise<Row[]> {
  const upstream = await startSampleUpstream({ keepSeen: false });
  const bare = new Miniflare({
    modules: true,
    script: bareWorker,
    compatibilityDate: "2026-01-01",
    kvNamespaces: ["KV"],
    durableObjects: { BARE: { className: "Bare", useSQLite: true } },
    bindings: { UPSTREAM: upstream.origin },
    cf: false,
    telemetry: { enabled: false },
  });
  const ours = await workerTarget();
  try {
    const bareOrigin = `http://127.0.0.1:${(await bare.ready).port}`;
    const admin = createClient({ url: ours.origin, token: ours.token, provisioningKey: ours.adminToken });
    const provider = await admin.aiProviders.add({
      provider: "anthropic",
      name: "Bench",
      key: "sk-ant-not-a-real-key-0000",
      baseUrl: upstream.origin,
      verify: false,
    });
    const { key } = await admin.agentKeys.create({
      name: "Bench",
      scopes: ["agents:create"],
      aiProviderKeyId: provider.id,
      rateLimitPerMinute: 100_000,
      maxAgents: 10_000,
    });
    const client = createClient({ url: ours.origin, token: ours.token, provisioningKey: key });
    const { aiKey } = await client.agents.create({ name: "spender", autoProvisionAiKey: { provider: "anthropic" } });

    const authorization = `Bearer ${ours.token}`;
    const keyed = { authorization, "x-agent-provisioning-key": key };
    const prompt = JSON.stringify({
      model: "claude-sonnet-3.5",
      max_tokens: 50,
      messages: [{ role: "user", content: "Hello" }],
    });
    let made = 0;
    const named = () => JSON.stringify({ name: `bench-${made++}` });
    const spend = { "x-api-key": aiKey!.key!, "content-type": "application/json" };
    const pairs = {
      hello: [() => call(`${ours.origin}/healthz`, "GET", {}), () => call(`${bareOrigin}/hello`, "GET", {}), 200],
      create: [
        () => call(`${ours.api}/agents/create`, "POST", keyed, named()),
        () => call(`${bareOrigin}/create`, "POST", {}, named()),
        201,
      ],
      "list of 50": [
        () => call(`${ours.api}/agents?limit=50`, "GET", { authorization }),
        () => call(`${bareOrigin}/list`, "GET", {}),
        200,
      ],
      proxy: [
        () => call(`${ours.origin}/proxy/anthropic/v1/messages`, "POST", spend, prompt),
        () => call(`${bareOrigin}/proxy`, "POST", {}, prompt),
        200,
      ],
    } as const;
    const rows: Row[] = [];
    for (const [name, [us, them, status]] of Object.entries(pairs)) {
      const [mine, theirs, ratios] = [[] as number[], [] as number[], [] as number[]];
      for (let round = -20; round < 120; round++) {
        const pair = [await timed(status, us), await timed(status, them)] as const;
        if (round < 0) continue;
        mine.push(pair[0]);
        theirs.push(pair[1]);
        ratios.push(pair[0] / pair[1]);
      }
      rows.push({
        name: `Worker, ${name}, p50`,
        value: median(mine),
        unit: "ms",
        ratio: median(ratios),
        aim: `bare Worker: ${median(theirs).toFixed(2)} ms`,
      });
    }
    return rows;
  } finally {
    agent.destroy();
    await ours.close();
    await bare.dispose();
    await upstream.close();
  }
}
