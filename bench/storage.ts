/** Storage against the least that the same work can cost: interleaved rounds in one process, medians. */
import {
  closeSync,
  fdatasync as fdatasyncCallback,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createStorage } from "unstorage";
import { createAuditFile } from "../adapters/node/audit/audit-file.ts";
import { withAiKeyMappings } from "../adapters/node/files/ai-key-mappings.ts";
import { writePrivate } from "../adapters/node/files/atomic-write.ts";
import { groupCommit } from "../adapters/node/files/group-commit.ts";
import { createPrivateFs } from "../adapters/node/files/private-fs.ts";
import type { AuditEvent } from "../src/domain/audit-event.ts";
import { createRecords } from "../src/storage/records.ts";
import { sampleRecords } from "../test/conformance/sample-records.ts";
import { median, type Row } from "./row.ts";

const fdatasync = promisify(fdatasyncCallback);

/** Microseconds of each call, by one caller. */
async function latency(count: number, work: (index: number) => unknown): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await work(i);
    taken.push((performance.now() - started) * 1000);
  }
  return median(taken);
}

/** Microseconds per call, by several callers at once. */
async function spread(callers: number, count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return ((performance.now() - started) / count) * 1000;
}

/** Medians of both and of their ratio, measured in turns. */
async function inTurns(rounds: number, reference: () => Promise<number>, ours: () => Promise<number>) {
  const pairs: [number, number][] = [];
  for (let round = 0; round <= rounds; round++) {
    const pair: [number, number] = [await reference(), await ours()];
    // The first warms both up.
    if (round > 0) pairs.push(pair);
  }
  return {
    reference: median(pairs.map(([a]) => a)),
    ours: median(pairs.map(([, b]) => b)),
    ratio: median(pairs.map(([a, b]) => b / a)),
  };
}

/** The usual way: temporary file, fsync, rename, fsync of the directory. */
async function bareAtomicWrite(path: string, text: string): Promise<void> {
  const file = await open(`${path}.tmp`, "wx", 0o600);
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.tmp`, path);
  const directory = await open(join(path, ".."), "r");
  await directory.sync();
  await directory.close();
}

async function writes(directory: string): Promise<Row[]> {
  const text = JSON.stringify({ text: "x".repeat(1000) });
  let count = 0;
  const fresh = () => join(directory, `file-${++count}`);
  const bare = () => bareAtomicWrite(fresh(), text);
  const ours = () => writePrivate(fresh(), text);
  const alone = await inTurns(
    5,
    () => latency(100, bare),
    () => latency(100, ours),
  );
  const together = await inTurns(
    5,
    () => spread(64, 640, bare),
    () => spread(64, 640, ours),
  );
  return [
    { name: "bare atomic private write, 1 KB, p50", value: alone.reference, unit: "us" },
    { name: "atomic private write, 1 KB, p50 (to the bare one)", value: alone.ours, unit: "us", ratio: alone.ratio },
    { name: "bare atomic private writes, 64 callers", value: 1e6 / together.reference, unit: "/s" },
    {
      name: "atomic private writes, 64 callers (to the bare ones)",
      value: 1e6 / together.ours,
      unit: "/s",
      ratio: 1 / together.ratio,
    },
  ];
}

const event: AuditEvent = {
  phase: "intent",
  action: "agent.create",
  actor: "k123456789",
  operationId: "3f1c6f0e-5b1d-4f6e-9d0a-2f3d7c9b8a10",
  requestId: "7a0d2c44-98a1-4f0b-8f57-0c6f3a5f1b22",
  target: "my-agent",
  address: "127.0.0.1",
  details: { name: "my-agent", workspace: "/home/node/.openclaw/workspace-my-agent", model: "claude-sonnet-3.5" },
};

async function appends(stateDir: string): Promise<Row[]> {
  const trail = createAuditFile({ stateDir, clock: { now: Date.now } });
  const file = openSync(join(stateDir, "bare.jsonl"), "a", 0o600);
  const hash = "0".repeat(64);
  let seq = 0;
  // Lines of the same size, neither hashed nor locked nor remembered.
  const line = (item: AuditEvent) =>
    `${JSON.stringify({ ...item, seq: ++seq, time: new Date().toISOString(), previous: hash, hash })}\n`;
  const commit = groupCommit<AuditEvent>(async (events) => {
    writeFileSync(file, events.map(line).join(""));
    await fdatasync(file);
  });
  const alone = await inTurns(
    5,
    () => latency(200, () => commit(event)),
    () => latency(200, () => trail.append(event)),
  );
  const together = await inTurns(
    9,
    () => spread(64, 6400, () => commit(event)),
    () => spread(64, 6400, () => trail.append(event)),
  );
  const verified = await latency(1, () => trail.verify());
  const page = await latency(50, () => trail.read({ limit: 100 }));
  await trail.close();
  closeSync(file);
  return [
    { name: "bare group-committed append, 1 caller, p50", value: alone.reference, unit: "us" },
    { name: "audit append, 1 caller, p50 (to the bare one)", value: alone.ours, unit: "us", ratio: alone.ratio },
    { name: "bare group-committed appends, 64 callers", value: 1e6 / together.reference, unit: "/s" },
    {
      name: "audit appends, 64 callers (to the bare ones)",
      value: 1e6 / together.ours,
      unit: "/s",
      ratio: 1 / together.ratio,
      aim: ">= 0.8",
    },
    { name: "audit verify, per event", value: verified / (6 * 200 + 10 * 6400), unit: "us" },
    { name: "audit read, newest 100, p50", value: page, unit: "us" },
  ];
}

async function populated(directory: string, agents: number) {
  const stateDir = join(directory, `agents-${agents}`);
  const folder = (name: string) => join(stateDir, "provisioning", name);
  for (const name of ["agents", "ai-keys"]) mkdirSync(folder(name), { recursive: true, mode: 0o700 });
  const ids = Array.from({ length: agents }, (_, i) => `agent${String(i).padStart(5, "0")}`);
  for (const id of ids) {
    writeFileSync(join(folder("agents"), `${id}.json`), JSON.stringify(sampleRecords.agents(id)), { mode: 0o600 });
    writeFileSync(join(folder("ai-keys"), `${id}.json`), JSON.stringify(sampleRecords["ai-keys"](id)), { mode: 0o600 });
  }
  const files = createPrivateFs({ stateDir });
  const storage = createStorage({ driver: files.driver });
  const records = createRecords(storage, files.page);
  await sleep(100);
  return { stateDir, files, storage, records, ids };
}

async function growth(directory: string): Promise<Row[]> {
  const [few, many] = [await populated(directory, 100), await populated(directory, 10_000)];
  type Store = typeof few;
  let count = 0;
  const get =
    ({ records, ids }: Store) =>
    () =>
      latency(2000, (i) => records.get("agents", ids[(i * 7919) % ids.length] ?? ""));
  const list =
    ({ records }: Store) =>
    () =>
      latency(100, () => records.list("agents", { limit: 50 }));
  const set =
    ({ records }: Store) =>
    () =>
      latency(100, () => records.set("agents", `new${++count}`, sampleRecords.agents(`new${count}`)));
  const compared = async (name: string, work: (store: Store) => () => Promise<number>, aim?: string): Promise<Row> => {
    // A directory that has just changed is read again until its time is past doubt.
    await sleep(100);
    const { ours, ratio } = await inTurns(5, work(few), work(many));
    return { name: `${name} at 10,000 agents, p50 (to 100)`, value: ours, unit: "us", ratio, ...(aim && { aim }) };
  };
  const rows = [
    // A few microseconds: what grows is the misses of the processor's caches. The aim is the API's, see create.ts.
    await compared("a record read", get),
    await compared("a first page of 50", list, "<= 1.3"),
    await compared("a durable set", set, "<= 1.3"),
  ];
  const started = performance.now();
  const findings = await many.files.check();
  rows.push({
    name: "first check of the files of 10,000 agents",
    value: (performance.now() - started) * 1000,
    unit: "us",
  });
  if (findings.length > 0) throw new Error(`the store is not in order: ${findings[0]?.file}`);
  rows.push({ name: "later check of the same, p50", value: await latency(3, many.files.check), unit: "us" });
  const indexed = withAiKeyMappings(many.records, many.stateDir, { now: Date.now });
  rows.push({
    name: "rewrite of ai-key-mappings.json at 10,000 keys",
    value: await latency(3, indexed.flush),
    unit: "us",
  });
  await indexed.close();
  for (const { storage } of [few, many]) await storage.dispose();
  return rows;
}

export async function benchStorage(): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), "bench-storage-"));
  try {
    return [...(await writes(directory)), ...(await appends(directory)), ...(await growth(directory))];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.main) {
  console.table(
    (await benchStorage()).map(({ name, value, unit, ratio, aim }) => ({
      name,
      value: `${value.toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`,
      ratio: ratio?.toFixed(2) ?? "",
      aim: aim ?? "",
    })),
  );
}
