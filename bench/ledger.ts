import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteLedger } from "../adapters/node/sqlite/sqlite-ledger.ts";
import type { Ledger, LedgerName } from "../src/ports.ts";

export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  /** To one bare autocommitted insert of `node:sqlite` in the same run. */
  ratio?: number;
  aim?: string;
}

const keys = 16;
const rounds = 5;

/** One request of the proxy: two calls of the ledger. */
async function meter(ledger: Ledger, i: number): Promise<void> {
  const shard = `ai-key:${i % keys}`;
  const name = (rest: string) => `${shard}/${rest}` as LedgerName;
  const [id, tokens, requests] = [name(`reservation:${i}`), name("tokens"), name("requests")];
  const limit = Number.MAX_SAFE_INTEGER;
  await ledger.reserve(
    id,
    [
      { counter: tokens, period: "2026-11", limit, amount: 900 },
      { counter: requests, period: "2026-11-22", limit, amount: 1 },
    ],
    { name: name("state"), text: "active" },
  );
  const used = {
    ...{ requests: 1, inputTokens: 300, cacheReadTokens: 200, cacheWriteTokens: 0, outputTokens: 100, tokens: 400 },
    ...{ webSearches: 0, microUsd: 2_460, unpricedRequests: 0 },
  };
  await ledger.settle(
    id,
    { [tokens]: 400, [requests]: 1 },
    { name: name("usage"), day: "2026-11-22", model: "claude-sonnet-3.5", ...used },
  );
}

/** Microseconds of this process's CPU for each of `count` runs, `concurrency` at a time. */
async function cpuOf(concurrency: number, count: number, run: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const before = process.cpuUsage();
  const caller = async () => {
    for (let i = next++; i < count; i = next++) await run(i);
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** The sqlite ledger on the metering proxy's hot path, in CPU per call; rounds are interleaved with the bare insert. */
export async function benchLedger(): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-ledger-"));
  const ledger = await openSqliteLedger({ path: join(directory, "provisioning", "ledger.sqlite"), clock: Date });
  const bare = new DatabaseSync(join(directory, "bare.sqlite"));
  bare.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
  const insert = bare.prepare("INSERT INTO t (v) VALUES (?)");
  for (let i = 0; i < keys; i++) await ledger.put(`ai-key:${i}/state`, "active");

  let id = 0;
  const times = { bare: [] as number[], c1: [] as number[], c64: [] as number[], take: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await cpuOf(1, 2_000, async () => insert.run("x".repeat(100))));
    times.c1.push((await cpuOf(1, 1_500, () => meter(ledger, id++))) / 2);
    times.c64.push((await cpuOf(64, 8_000, () => meter(ledger, id++))) / 2);
    const rule = { limit: 100_000, windowMs: 60_000 };
    times.take.push(await cpuOf(64, 16_000, (i) => ledger.take(`key:${i % keys}/rate`, rule)));
  }
  bare.close();
  await ledger.close();
  rmSync(directory, { recursive: true });

  const base = median(times.bare);
  const row = (name: string, values: number[], aim: string): BenchRow => {
    const value = median(values);
    return { name, value, unit: "us CPU", ratio: value / base, aim };
  };
  return [
    { name: "ledger: bare sqlite insert, committed", value: base, unit: "us CPU" },
    row("ledger: reserve or settle, c1", times.c1, "<= 60 us"),
    row("ledger: reserve or settle, c64", times.c64, "<= 15 us"),
    row("ledger: rate limit take, c64", times.take, "<= 15 us"),
  ];
}
