/**
 * A real OpenClaw gateway as it fills: a create by itself and the part of it that is not OpenClaw's, a burst, a first turn,
 * its memory, how long its own health check takes meanwhile, and how soon a control plane beside it accepts a create that
 * is not waited for. At 25 agents, or at those of `OPENCLAW_BENCH_AGENTS` (`25,150`).
 */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../src/client/client.ts";
import { type ProvisionedGateway, provisionedGateway } from "../test/e2e/openclaw/provisioned-gateway.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess } from "../test/server-process.ts";
import { median, quantile, type Row, sample } from "./row.ts";

const burst = 25;
const accepted = 40;

export async function benchGateway(): Promise<Row[]> {
  const sizes = (process.env.OPENCLAW_BENCH_AGENTS || "25").split(",").map(Number);
  const on = await provisionedGateway();
  const plane = await controlPlaneOf(on);
  const rows: Row[] = [];
  let made = 0;
  const create = async () => {
    const name = `agent-${made++}`;
    const { status, body } = await on.create(name);
    if (status === 202) await untilKnown(on, name);
    else if (status !== 201) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`);
  };
  try {
    for (const size of sizes) {
      while (made < size) await Promise.all(Array.from({ length: Math.min(burst, size - made) }, create));
      const health = watchHealth(on.gateway.url);
      const single = median(await sample(3, create));
      const [together] = await sample(1, () => Promise.all(Array.from({ length: burst }, create)));
      const p99 = await health();
      const turn = await on.gateway.turn(`agent-${made - 1}`);
      if (turn.status !== 200) throw new Error(`the first turn answered ${turn.status}: ${turn.text}`);
      const ours: number[] = [];
      await sample(7, async () => ours.push(await withoutReload(on, `agent-${made++}`)));
      const answers = await plane.accept(`async-${size}`);
      made += answers.made;
      rows.push(
        { name: `${size} agents: a create by itself`, value: single, unit: "ms" },
        {
          name: `${size} agents: of one without key and bootstrap files, all but the write and the reload`,
          value: median(ours),
          unit: "ms",
        },
        { name: `${size} agents: in a burst of ${burst}, each`, value: together! / burst, unit: "ms" },
        { name: `${size} agents: first turn`, value: turn.took, unit: "ms" },
        { name: `${size} agents: memory`, value: (await on.gateway.residentBytes()) / 1e6, unit: "MB" },
        { name: `${size} agents: /healthz while agents are made, p99`, value: p99, unit: "ms" },
        {
          name: `${size} agents: accepted by a control plane while it reloads, p95`,
          value: quantile(answers.times, 0.95),
          unit: "ms",
          aim: "<= 100",
        },
        { name: `${size} agents: of ${accepted} accepted, made`, value: answers.made, unit: "" },
      );
    }
    return rows;
  } finally {
    await plane.close();
    await on.close();
  }
}

/** Putting a key into its store, and files into a workspace, is OpenClaw's own, and takes it longer than all that is ours. */
async function withoutReload(on: ProvisionedGateway, name: string): Promise<number> {
  await untilCalm(on.gateway.url);
  const body = { name, model: "claude-sonnet-3.5", skipBootstrap: true };
  const { took } = await on.gateway.api("POST", "/agents/create", body, on.key);
  const { body: list } = await on.gateway.api("GET", "/gateways");
  const { gateways } = list as { gateways: { lastReload: { ms: number } }[] };
  return took - gateways[0]!.lastReload.ms;
}

/** A reload that outlasts the plugin's patience is answered 202; the agent can be asked once its gateway offers it. */
async function untilKnown({ gateway: { url, token } }: ProvisionedGateway, name: string): Promise<void> {
  for (const until = performance.now() + 180_000; performance.now() < until; await sleep(100)) {
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${token}` } });
    const { data } = (await answer.json()) as { data: { id: string }[] };
    if (data.some(({ id }) => id === `openclaw/${name}`)) return;
  }
  throw new Error(`the gateway did not take up ${name} within three minutes`);
}

/** A reload goes on for a while after the gateway works with what it brought. */
async function untilCalm(url: string): Promise<void> {
  for (let calm = 0; calm < 10; await sleep(50)) {
    const startedAt = performance.now();
    await (await fetch(`${url}/healthz`)).text();
    calm = performance.now() - startedAt < 10 ? calm + 1 : 0;
  }
}

/** A control plane in a process of its own, whose only gateway this is. */
async function controlPlaneOf(on: ProvisionedGateway) {
  const { url, token } = on.gateway;
  const host = { kind: "remote", gateways: [{ id: "gw1", url, token, key: on.key }] };
  const stateDir = await makeStateDir({ host });
  const server = await startServerProcess(stateDir);
  const account = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
  const { id } = await adminClient(server.origin).aiProviders.add({ ...account, baseUrl: on.upstream.origin });
  const { client } = await keyedClient(server.origin, { aiProviderKeyId: id });
  return {
    /** Ten a second, so that they meet reloads in every phase. @returns milliseconds of each, and how many were made */
    async accept(prefix: string): Promise<{ times: number[]; made: number }> {
      const answers = await Promise.all(
        Array.from({ length: accepted }, async (_, at) => {
          await sleep(at * 100);
          const startedAt = performance.now();
          const { operationId } = await client.agents.create(
            { name: `${prefix}-${at}`, model: "claude-sonnet-3.5", autoProvisionAiKey: { provider: "anthropic" } },
            { respondAsync: true },
          );
          return { took: performance.now() - startedAt, operationId: operationId! };
        }),
      );
      let made = 0;
      for (const { operationId } of answers) if (await isMade(client, operationId)) made++;
      return { times: answers.map(({ took }) => took), made };
    },
    async close() {
      await server.kill();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** A gateway that is held up for longer than the control plane waits for it fails a create. */
async function isMade(client: Client, operationId: string): Promise<boolean> {
  for (;;) {
    const { status } = await client.operation(operationId);
    if (status !== "running") return status === "succeeded";
    await sleep(200);
  }
}

/** Asks every 20 ms until it is told to end. @returns the p99 in milliseconds */
function watchHealth(url: string): () => Promise<number> {
  const times: number[] = [];
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      const startedAt = performance.now();
      await (await fetch(`${url}/healthz`)).text();
      times.push(performance.now() - startedAt);
      await sleep(20);
    }
  })();
  return async () => {
    ended = true;
    await watching;
    return quantile(times, 0.99);
  };
}
