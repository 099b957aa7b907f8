/** Two worker processes against one process, both on all cores: the cost of sharing one ledger. */
import { type Load, runLoad, startUpstream } from "./proxy/load.ts";
import { meteringTarget } from "./proxy/targets.ts";
import { median, type Row } from "./row.ts";

const rounds = 9;
const forMs = 1_500;

export async function benchWorkers(): Promise<Row[]> {
  const upstream = await startUpstream();
  const targets = [await meteringTarget(upstream.origin, 1), await meteringTarget(upstream.origin, 2)];
  const loads: Load[][] = targets.map(() => []);
  const rss = targets.map(() => 0);
  try {
    for (let round = -1; round < rounds; round++) {
      for (const [at, target] of targets.entries()) {
        const load = await runLoad(target.endpoint, false, 64, forMs, target.cpuUs);
        rss[at] = Math.max(rss[at]!, target.rssMb());
        // The first round warms up.
        if (round >= 0) loads[at]!.push(load);
      }
    }
    const [one, two] = loads as [Load[], Load[]];
    const row = (name: string, unit: string, figure: (load: Load) => number, aim: string): Row => ({
      name: `two worker processes, JSON c64: ${name}`,
      value: median(two.map(figure)),
      unit,
      ratio: median(two.map((load, round) => figure(load) / figure(one[round]!))),
      aim,
    });
    return [
      row("rate", "req/s", ({ perSecond }) => perSecond, ">= 1.7 x one, on two idle cores"),
      row("CPU of a request", "us", ({ cpuUs }) => cpuUs, "<= 1.15 x one"),
      row("p99", "ms", ({ latencies }) => latencies[Math.floor(latencies.length * 0.99)]!, ""),
      { name: "two worker processes: RSS under load, all three", value: rss[1]!, unit: "MB", ratio: rss[1]! / rss[0]! },
    ];
  } finally {
    for (const target of targets) target.stop();
    upstream.close();
  }
}
