/**
 * A metered call's CPU with a quota in USD and without one: keys of one process, in turns so short that both have one
 * machine.
 */
import { runLoad, startUpstream } from "./proxy/load.ts";
import { leaveFirstCore, meteringTargets, type Target } from "./proxy/targets.ts";
import { median, type Row } from "./row.ts";

const rounds = 600;
const warmups = 40;
const forMs = 60;

export async function benchMoney(): Promise<Row[]> {
  const pinned = leaveFirstCore();
  const upstream = await startUpstream();
  // The second stands for what two equal keys differ by.
  const targets = await meteringTargets(upstream.origin, [{}, {}, { maxUsdPerMonth: 1_000_000 }]);
  try {
    const rows: Row[] = [{ name: `rounds, ${pinned}`, value: rounds, unit: "" }];
    for (const concurrency of [16, 1]) rows.push(...(await compare(targets, concurrency)));
    return rows;
  } finally {
    targets[0]!.stop();
    upstream.close();
  }
}

async function compare(targets: readonly Target[], concurrency: number): Promise<Row[]> {
  const plain: number[] = [];
  const equal: number[] = [];
  const more: number[] = [];
  for (let round = -warmups; round < rounds; round++) {
    const cpu: number[] = [];
    // Each goes first as often as the others.
    for (let turn = 0; turn < targets.length; turn++) {
      const at = (turn + Math.abs(round)) % targets.length;
      const { endpoint, cpuUs } = targets[at]!;
      cpu[at] = (await runLoad(endpoint, false, concurrency, forMs, cpuUs)).cpuUs;
    }
    if (round < 0) continue;
    plain.push(cpu[0]!);
    equal.push(cpu[1]! - cpu[0]!);
    more.push(cpu[2]! - (cpu[0]! + cpu[1]!) / 2);
  }
  const what = `JSON c${concurrency}`;
  return [
    { name: `${what}: CPU of a call`, value: median(plain), unit: "us" },
    { name: `${what}: more with an equal key, ${likely(equal)}`, value: median(equal), unit: "us" },
    { name: `${what}: more with a quota in USD, ${likely(more)}`, value: median(more), unit: "us", aim: "<= 3" },
  ];
}

/** The median's interval of 95 % confidence, whatever the values are distributed like: ranks are binomial. */
function likely(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const reach = 0.98 * Math.sqrt(sorted.length);
  const at = (rank: number): string => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(rank)))]!.toFixed(1);
  return `95 %: ${at(sorted.length / 2 - reach)} to ${at(sorted.length / 2 + reach)}`;
}
