/**
 * A real OpenClaw gateway as it fills: a create by itself, a burst, a first turn, its memory, and how long its own health
 * check takes meanwhile. At 25 agents, or at those of `OPENCLAW_BENCH_AGENTS` (`25,150`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { provisionedGateway } from "../test/e2e/openclaw/provisioned-gateway.ts";
import { median, type Row, sample } from "./row.ts";

const burst = 25;

export async function benchGateway(): Promise<Row[]> {
  const sizes = (process.env.OPENCLAW_BENCH_AGENTS || "25").split(",").map(Number);
  const on = await provisionedGateway();
  const rows: Row[] = [];
  let made = 0;
  const create = () => on.created(`agent-${made++}`);
  try {
    for (const size of sizes) {
      while (made < size) await Promise.all(Array.from({ length: Math.min(burst, size - made) }, create));
      const health = watchHealth(on.gateway.url);
      const single = median(await sample(3, create));
      const [together] = await sample(1, () => Promise.all(Array.from({ length: burst }, create)));
      const p99 = await health();
      const turn = await on.gateway.turn(`agent-${made - 1}`);
      if (turn.status !== 200) throw new Error(`the first turn answered ${turn.status}: ${turn.text}`);
      rows.push(
        { name: `${size} agents: a create by itself`, value: single, unit: "ms" },
        { name: `${size} agents: in a burst of ${burst}, each`, value: together! / burst, unit: "ms" },
        { name: `${size} agents: first turn`, value: turn.took, unit: "ms" },
        { name: `${size} agents: memory`, value: (await on.gateway.residentBytes()) / 1e6, unit: "MB" },
        { name: `${size} agents: /healthz while agents are made, p99`, value: p99, unit: "ms" },
      );
    }
    return rows;
  } finally {
    await on.close();
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
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length * 0.99)]!;
  };
}
