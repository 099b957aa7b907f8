/**
 * A metered call's CPU with a quota in USD and without one: keys of one process, in turns so short that both have one
 * machine.
 */
import { runLoad, startUpstream } from "./proxy/load.ts";
import { leaveFirstCore, meteringTargets, type Target } from "./proxy/targets.ts";
import { median, type Row } from "./row.ts";

const rounds = 150;
const warmups = 20;
const forMs = 60;
const concurrency = 16;

export async function benchMoney(): Promise<Row[]> {
  const pinned = leaveFirstCore();
  const upstream = await startUpstream();
  // The second stands for what two equal keys differ by.
  const targets = await meteringTargets(upstream.origin, [{}, {}, { maxUsdPerMonth: 1_000_000 }]);
  const cpuOf = async ({ endpoint, cpuUs }: Target): Promise<number> =>
    (await runLoad(endpoint, false, concurrency, forMs, cpuUs)).cpuUs;
  try {
    const plain: number[] = [];
    const equal: number[] = [];
    const more: number[] = [];
    for (let round = -warmups; round < rounds; round++) {
      const cpu: number[] = [];
      // Each goes first as often as the others.
      for (let turn = 0; turn < targets.length; turn++) {
        const at = (turn + Math.abs(round)) % targets.length;
        cpu[at] = await cpuOf(targets[at]!);
      }
      if (round < 0) continue;
      plain.push(cpu[0]!);
      equal.push(cpu[1]! - cpu[0]!);
      more.push(cpu[2]! - (cpu[0]! + cpu[1]!) / 2);
    }
    return [
      { name: `rounds, ${pinned}`, value: rounds, unit: "" },
      { name: "JSON c16: CPU of a call", value: median(plain), unit: "us" },
      { name: "JSON c16: more with an equal key", value: median(equal), unit: "us" },
      { name: "JSON c16: more with a quota in USD", value: median(more), unit: "us", aim: "<= 3" },
    ];
  } finally {
    targets[0]!.stop();
    upstream.close();
  }
}
