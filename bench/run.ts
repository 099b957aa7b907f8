/** `npm run bench [name ...] [--peer portkey]`: measures, prints a table, writes `bench/results.json`. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { buildTargets } from "../build.mjs";
import { benchBulk } from "./bulk.ts";
import { benchConsole } from "./console.ts";
import { benchCreate } from "./create.ts";
import { benchGateway } from "./gateway.ts";
import { benchLedger } from "./ledger.ts";
import { benchMoney } from "./money.ts";
import { benchOpenClaw } from "./openclaw.ts";
import { benchOverview } from "./overview.ts";
import { benchProxy } from "./proxy.ts";
import { benchRedis } from "./redis.ts";
import type { Row } from "./row.ts";
import { benchSearch } from "./search.ts";
import { benchStorage } from "./storage.ts";
import { benchStreams } from "./streams.ts";
import { benchWorker } from "./worker.ts";
import { benchWorkers } from "./workers.ts";

const benches: Record<string, () => Promise<Row[]>> = {
  create: benchCreate,
  storage: benchStorage,
  ledger: benchLedger,
  search: benchSearch,
  overview: benchOverview,
  console: benchConsole,
  proxy: benchProxy,
  workers: benchWorkers,
  streams: benchStreams,
  money: benchMoney,
  worker: benchWorker,
  redis: benchRedis,
  openclaw: benchOpenClaw,
  gateway: benchGateway,
  bulk: benchBulk,
};

const file = "bench/results.json";
const asked = process.argv.slice(2).filter((argument) => argument in benches);
await buildTargets(["node", "worker"]);
const results = previous();
for (const name of asked.length > 0 ? asked : Object.keys(benches)) {
  console.log(`\n${name}`);
  const rows = await benches[name]!();
  results[name] = { at: new Date().toISOString().slice(0, 10), rows: rows.map(rounded) };
  print(rows);
}
writeFileSync(
  file,
  `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, results }, null, 2)}\n`,
);

/** Rows that this run does not measure stay. */
function previous(): Record<string, { at: string; rows: Row[] }> {
  try {
    return JSON.parse(readFileSync(file, "utf8")).results;
  } catch {
    return {};
  }
}

function rounded(row: Row): Row {
  const significant = (value: number): number => Number(value.toPrecision(4));
  return { ...row, value: significant(row.value), ...(row.ratio !== undefined && { ratio: significant(row.ratio) }) };
}

function print(rows: Row[]): void {
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const { name, value, unit, ratio, aim } of rows) {
    const figure = `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`.padStart(14);
    console.log(
      `${name.padEnd(width)} ${figure} ${ratio === undefined ? "".padStart(8) : `${ratio.toFixed(2)} x`.padStart(8)}  ${aim ?? ""}`,
    );
  }
}
