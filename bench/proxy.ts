/** The metering proxy against a bare `node:http` one, and with `--peer portkey` against Portkey's gateway. */
import { eventsPerStream, type Load, runLoad, startUpstream } from "./proxy/load.ts";
import { bareTarget, leaveFirstCore, meteringTarget, portkeyTarget, type Target } from "./proxy/targets.ts";
import { median, type Row } from "./row.ts";

const rounds = 9;
const measures = {
  "JSON c1": { stream: false, concurrency: 1, ms: 700 },
  "JSON c64": { stream: false, concurrency: 64, ms: 1_500 },
  "SSE c1": { stream: true, concurrency: 1, ms: 500 },
  "SSE c16": { stream: true, concurrency: 16, ms: 1_500 },
};
type Measure = keyof typeof measures;

/** Per round, so that ratios are taken between neighbours: the machine's speed drifts. */
interface Figures {
  loads: Record<Measure, Load[]>;
  rssMb: number;
}

const middle = (sorted: number[]): number => sorted[sorted.length >> 1]!;

async function measure(targets: (Target | "direct")[], upstream: string): Promise<Map<string, Figures>> {
  const direct = { origin: upstream, path: "/v1/chat/completions", headers: {} };
  const all = new Map<string, Figures>();
  for (let round = -1; round < rounds; round++) {
    for (const target of targets) {
      const name = target === "direct" ? target : target.name;
      const figures = all.get(name) ?? {
        loads: { "JSON c1": [], "JSON c64": [], "SSE c1": [], "SSE c16": [] },
        rssMb: 0,
      };
      all.set(name, figures);
      for (const [key, { stream, concurrency, ms }] of Object.entries(measures) as [
        Measure,
        (typeof measures)[Measure],
      ][]) {
        if (target === "direct" ? concurrency > 1 : stream && !target.streams) continue;
        const load =
          target === "direct"
            ? await runLoad(direct, stream, concurrency, ms)
            : await runLoad(target.endpoint, stream, concurrency, ms, target.cpuUs);
        if (target !== "direct") figures.rssMb = Math.max(figures.rssMb, target.rssMb());
        // The first round warms up.
        if (round >= 0) figures.loads[key].push(load);
      }
    }
  }
  return all;
}

const perRound = (of: Figures, key: Measure, figure: (load: Load) => number): number[] => of.loads[key].map(figure);
const ratios = (a: number[], b: number[]): number => median(a.map((value, round) => value / b[round]!));

export async function benchProxy(): Promise<Row[]> {
  const pinned = leaveFirstCore();
  const upstream = await startUpstream();
  const targets: Target[] = [await bareTarget(upstream.origin), await meteringTarget(upstream.origin)];
  if (process.argv.includes("--peer")) {
    const portkey = await portkeyTarget(upstream.origin);
    if (portkey) targets.push(portkey);
    else console.log("(portkey is not installed: npm install @portkey-ai/gateway, or set PORTKEY_DIR)");
  }
  try {
    const all = await measure(["direct", ...targets], upstream.origin);
    const [direct, bare, ours] = [all.get("direct")!, all.get("bare node:http")!, all.get("metering proxy")!];
    const rows: Row[] = [{ name: `rounds, ${pinned}`, value: rounds, unit: "" }];
    const added = (of: Figures, key: Measure, figure: (load: Load) => number): number[] => {
      const without = perRound(direct, key, figure);
      return perRound(of, key, figure).map((value, round) => (value - without[round]!) * 1_000);
    };
    for (const target of targets) {
      const figures = all.get(target.name)!;
      const mine = figures === ours;
      const against = (key: Measure) =>
        ratios(
          perRound(figures, key, (load) => load.perSecond),
          perRound(bare, key, (load) => load.perSecond),
        );
      const p50 = added(figures, "JSON c1", (load) => middle(load.latencies));
      const ttfb = added(figures, "SSE c1", (load) => middle(load.firstBytes));
      rows.push(
        {
          name: `${target.name}: JSON c64`,
          value: median(perRound(figures, "JSON c64", (load) => load.perSecond)),
          unit: "req/s",
          ratio: against("JSON c64"),
          ...(mine && { aim: ">= 1.3 x bare node:http" }),
        },
        {
          name: `${target.name}: SSE c16`,
          value: median(perRound(figures, "SSE c16", (load) => load.perSecond * eventsPerStream)),
          unit: "events/s",
          ratio: against("SSE c16"),
          ...(mine && { aim: ">= 2 x bare node:http" }),
        },
        ...(["JSON c64", "SSE c16"] as const).map((key) => ({
          name: `${target.name}: ${key}, CPU of a request`,
          value: median(perRound(figures, key, (load) => load.cpuUs)),
          unit: "us",
          ratio: ratios(
            perRound(figures, key, (load) => load.cpuUs),
            perRound(bare, key, (load) => load.cpuUs),
          ),
        })),
        {
          name: `${target.name}: JSON c1, added p50`,
          value: median(p50),
          unit: "us",
          ratio: ratios(
            p50,
            added(bare, "JSON c1", (load) => middle(load.latencies)),
          ),
          ...(mine && { aim: "<= 1.15 x bare node:http" }),
        },
        {
          name: `${target.name}: SSE c1, added time to first byte, p50`,
          value: median(ttfb),
          unit: "us",
          ratio: ratios(
            ttfb,
            added(bare, "SSE c1", (load) => middle(load.firstBytes)),
          ),
          ...(mine && { aim: "<= 1 x bare node:http" }),
        },
        { name: `${target.name}: RSS under load`, value: figures.rssMb, unit: "MB", ...(mine && { aim: "<= 150 MB" }) },
        {
          name: `${target.name}: cold start`,
          value: target.coldStartMs,
          unit: "ms",
          ...(mine && { aim: "<= 200 ms" }),
        },
      );
    }
    const portkey = all.get("portkey");
    if (portkey) rows.push(...againstPortkey(ours, portkey, targets, added));
    // A figure that could not be measured (a peer does not stream) has no row.
    return rows.filter(({ value }) => Number.isFinite(value));
  } finally {
    for (const target of targets) target.stop();
    upstream.close();
  }
}

function againstPortkey(
  ours: Figures,
  portkey: Figures,
  targets: Target[],
  added: (of: Figures, key: Measure, figure: (load: Load) => number) => number[],
): Row[] {
  const rate = (of: Figures, key: Measure) => perRound(of, key, (load) => load.perSecond);
  const p50 = (of: Figures) => added(of, "JSON c1", (load) => middle(load.latencies));
  const coldStart = (name: string) => targets.find((target) => target.name === name)!.coldStartMs;
  const row = (name: string, ratio: number, aim: string): Row => ({
    name: `against portkey: ${name}`,
    value: ratio,
    unit: "x",
    ratio,
    aim,
  });
  return [
    row("JSON c64", ratios(rate(ours, "JSON c64"), rate(portkey, "JSON c64")), ">= 8 x"),
    row("SSE c16", ratios(rate(ours, "SSE c16"), rate(portkey, "SSE c16")), ">= 15 x"),
    row("added p50, c1", ratios(p50(ours), p50(portkey)), "<= 1/3 x"),
    row("RSS under load", ours.rssMb / portkey.rssMb, "<= 0.6 x"),
    row("cold start", coldStart("metering proxy") / coldStart("portkey"), "<= 0.8 x"),
  ];
}
