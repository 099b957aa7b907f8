import cluster from "node:cluster";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createWorkerPool } from "../../../adapters/node/workers/worker-pool.ts";

const { execPath } = process;
let directory: string;
const logged: string[] = [];

const pool = (count: number) =>
  createWorkerPool({
    count,
    log: (_, message) => void logged.push(message),
    start: () => ({ kind: "start", isSettled: true, node: {} as never }),
    took: () => {},
    died: () => {},
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "worker-pool-"));
  const exec = join(directory, "worker.mjs");
  writeFileSync(
    exec,
    `process.on("message", ({ kind }) => kind === "start" ? process.send({ kind: "listening", port: 1 }) : process.exit(0))`,
  );
  cluster.setupPrimary({ exec, execArgv: [], args: [] });
  logged.length = 0;
});
afterEach(() => {
  process.execPath = execPath;
  rmSync(directory, { recursive: true });
});

it("a worker process that the system does not start is tried again, and holds up no stop", async () => {
  const { start, stop, serving } = pool(2);
  await start();
  process.execPath = join(directory, "no-node");
  Object.values(cluster.workers!)[0]!.process.kill("SIGKILL");
  await vi.waitFor(() => expect(logged).toContain("a worker process cannot be started; it is tried again"));
  expect(serving()).toHaveLength(1);
  process.execPath = execPath;
  await vi.waitFor(() => expect(serving()).toHaveLength(2), 10_000);
  process.execPath = join(directory, "no-node");
  Object.values(cluster.workers!)[0]!.process.kill("SIGKILL");
  await vi.waitFor(() => expect(logged.filter((one) => one.includes("cannot be started"))).toHaveLength(2), 10_000);
  await stop(5_000);
  expect(serving()).toEqual([]);
});

it("the start fails where the system starts no worker process", async () => {
  process.execPath = join(directory, "no-node");
  await expect(pool(2).start()).rejects.toThrow("a worker process cannot be started: spawn");
});
