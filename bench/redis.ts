/** Two server processes on one Redis against one of them alone: creates, and metered calls. */
import { execFileSync } from "node:child_process";
import { Agent, request } from "node:http";
import { cpus } from "node:os";
import { startRedisCluster } from "../test/redis-cluster.ts";
import { hasRedis } from "../test/redis-server.ts";
import { adminClient, keyedClient, token } from "../test/server-process.ts";
import { type Load, runLoad, startUpstream } from "./proxy/load.ts";
import { median, type Row } from "./row.ts";

const rounds = 5;
const concurrency = 64;
const createsPerRound = 800;
const meteredMs = 1_500;

const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

/** Global `fetch` would cost more than what is measured. */
function create(origin: string, key: string, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key };
    const sent = request(`${origin}/api/v1/agents/create`, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () =>
        response.statusCode === 201 ? resolve() : reject(new Error(`create answered ${response.statusCode}`)),
      );
    });
    sent.once("error", reject);
    sent.end(JSON.stringify({ name }));
  });
}

/** Another bench may have left this process, and so what it starts, one core. */
function useAllCores(): void {
  try {
    execFileSync("taskset", ["-a", "-p", "-c", `0-${cpus().length - 1}`, String(process.pid)], { stdio: "ignore" });
  } catch {
    // Nothing was pinned where there is no taskset.
  }
}

export async function benchRedis(): Promise<Row[]> {
  if (!hasRedis) {
    console.log("(skipped: there is no redis-server on the PATH)");
    return [];
  }
  useAllCores();
  const upstream = await startUpstream();
  const cluster = await startRedisCluster();
  try {
    const both = cluster.servers.map(({ origin }) => origin);
    const one = both.slice(0, 1);
    const provider = await adminClient(both[0]!).aiProviders.add({
      provider: "openai",
      name: "Bench",
      key: "sk-test-not-a-real-key",
      baseUrl: `${upstream.origin}/v1`,
      verify: false,
    });
    const { client, key } = await keyedClient(both[0]!, { aiProviderKeyId: provider.id });
    const { aiKey } = await client.agents.create({
      name: "metered",
      autoProvisionAiKey: { provider: "openai", quotas: { maxTokensPerMonth: 1_000_000_000_000 } },
      revealAiKey: true,
    });

    let made = 0;
    const creates = async (origins: string[]): Promise<number> => {
      const end = made + createsPerRound;
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: concurrency }, async (_, caller) => {
          while (made < end) await create(origins[caller % origins.length]!, key, `bench-${made++}`);
        }),
      );
      return (createsPerRound / (performance.now() - startedAt)) * 1000;
    };
    const metered = async (origins: string[]): Promise<number> => {
      const headers = { authorization: `Bearer ${aiKey!.key}` };
      const loads = await Promise.all(
        origins.map((origin): Promise<Load> => {
          const endpoint = { origin, path: "/proxy/openai/v1/chat/completions", headers };
          return runLoad(endpoint, false, concurrency / origins.length, meteredMs);
        }),
      );
      return loads.reduce((sum, { perSecond }) => sum + perSecond, 0);
    };

    const figures = { creates: { one: [], two: [] }, metered: { one: [], two: [] } } as Record<
      "creates" | "metered",
      { one: number[]; two: number[] }
    >;
    // Interleaved: the machine's speed drifts. The first round warms up.
    for (let round = -1; round < rounds; round++) {
      for (const [name, work] of Object.entries({ creates, metered }) as ["creates" | "metered", typeof creates][]) {
        const [alone, together] = [await work(one), await work(both)];
        if (round < 0) continue;
        figures[name].one.push(alone);
        figures[name].two.push(together);
      }
    }
    const cores = `${cpus().length} cores, shared with Redis, upstream and clients`;
    return Object.entries(figures).flatMap(([name, { one, two }]): Row[] => [
      { name: `${name} c64, one process on Redis`, value: median(one), unit: "/s" },
      {
        name: `${name} c64, two processes on Redis`,
        value: median(two),
        unit: "/s",
        ratio: median(two.map((value, at) => value / one[at]!)),
        aim: `of one (${cores})`,
      },
    ]);
  } finally {
    agent.destroy();
    await cluster.close();
    upstream.close();
  }
}
