import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import type { Quotas } from "../../src/schema/quota.ts";
import { adminToken, makeStateDir, token } from "../../test/server-process.ts";
import { workerPids } from "../../test/worker-pids.ts";
import { rssMbOf } from "../resident-memory.ts";
import { median } from "../row.ts";
import { type Endpoint, requestBody } from "./load.ts";

export interface Target {
  name: string;
  endpoint: Endpoint;
  /** Portkey 1.15.2 as published answers streams with a 500. */
  streams: boolean;
  /** The time from the process's start to its first answer, the median of several. */
  coldStartMs: number;
  /** Resident now. */
  rssMb(): number;
  /** Microseconds of CPU that it has used, all of its threads together. */
  cpuUs(): number;
  stop(): void;
}

const pinning = cpus().length > 1 && hasTaskset();

function hasTaskset(): boolean {
  try {
    execFileSync("taskset", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Targets have the first core for themselves; what drives them stays off it. */
export function leaveFirstCore(): string {
  if (!pinning) return "not pinned";
  execFileSync("taskset", ["-a", "-p", "-c", "1", String(process.pid)], { stdio: "ignore" });
  return "pinned to one core each";
}

const onFirstCore = (args: string[]): ChildProcess => start(args, {}, pinning);

function start(args: string[], env: NodeJS.ProcessEnv, isPinned: boolean): ChildProcess {
  const command = isPinned ? ["taskset", "-c", "0", process.execPath, ...args] : [process.execPath, ...args];
  return spawn(command[0]!, command.slice(1), {
    env: { ...process.env, NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function statusOf(endpoint: Endpoint, stream: boolean): Promise<number> {
  const response = await fetch(endpoint.origin + endpoint.path, {
    method: "POST",
    headers: { "content-type": "application/json", ...endpoint.headers },
    body: requestBody(stream),
  });
  await response.text();
  return response.status;
}

async function untilAnswered(endpoint: Endpoint): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; ) {
    try {
      const status = await statusOf(endpoint, false);
      if (status === 200) return;
      if (Date.now() > deadline) throw new Error(`${endpoint.origin} answers ${status}`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Sums over the process and its worker processes. */
const sumOf = (pid: number, of: (pid: number) => number): number =>
  [pid, ...workerPids(pid)].reduce((sum, one) => sum + of(one), 0);

/** To the nanosecond, where `/proc/<pid>/stat` counts hundredths of a second. */
function cpuUsOf(pid: number): number {
  const onCpuNs = (thread: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + onCpuNs(thread), 0) / 1_000;
}

interface Started {
  child: ChildProcess;
  endpoint: Endpoint;
  coldStartMs: number;
}

const starts = 5;

/** Starts it several times, one after another, since one start's time says little; the last goes on. */
async function started(
  serve: () => ChildProcess,
  endpointOf: (child: ChildProcess) => Endpoint | Promise<Endpoint>,
): Promise<Started> {
  for (const times: number[] = []; ; ) {
    const since = performance.now();
    const child = serve();
    const endpoint = await endpointOf(child);
    await untilAnswered(endpoint);
    times.push(performance.now() - since);
    if (times.length === starts) return { child, endpoint, coldStartMs: median(times) };
    await ended(child);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

async function targetOf(name: string, { child, endpoint, coldStartMs }: Started, tidy = () => {}): Promise<Target> {
  return {
    name,
    endpoint,
    streams: (await statusOf(endpoint, true)) === 200,
    coldStartMs,
    cpuUs: () => sumOf(child.pid!, cpuUsOf),
    rssMb: () => sumOf(child.pid!, rssMbOf),
    stop() {
      child.kill("SIGKILL");
      tidy();
    },
  };
}

export async function bareTarget(upstream: string): Promise<Target> {
  const serve = () => onFirstCore([join(import.meta.dirname, "bare-proxy.ts"), upstream]);
  const bare = await started(serve, async (child) => {
    const [port] = await once(child.stdout!, "data");
    return { origin: `http://127.0.0.1:${String(port).trim()}`, path: "/v1/chat/completions", headers: {} };
  });
  return await targetOf("bare node:http", bare);
}

const tokenQuotas = { maxTokensPerMonth: 1_000_000_000_000, maxRequestsPerDay: 1_000_000_000 };

/**
 * The product itself: the bundle on files, with an agent whose key has a quota.
 *
 * @param workers its processes, which have all cores; absent: one process on the first
 */
export async function meteringTarget(upstream: string, workers?: number): Promise<Target> {
  return (await meteringTargets(upstream, [{}], workers))[0]!;
}

/** One deployment of it, with an agent for each set of quotas beside the tokens' and requests'. */
export async function meteringTargets(upstream: string, sets: readonly Quotas[], workers?: number): Promise<Target[]> {
  const stateDir = await makeStateDir();
  const port = randomPort();
  const origin = `http://127.0.0.1:${port}`;
  // As the image starts it.
  const args = ["--max-semi-space-size=8", "dist/index.js", "serve"];
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: token,
    OPENCLAW_ADMIN_TOKEN: adminToken,
    OPENCLAW_GATEWAY_PORT: String(port),
    OPENCLAW_WORKERS: String(workers ?? 1),
  };
  const serve = () => start(args, env, pinning && workers === undefined);
  const first = serve();
  await untilReady(origin);
  const admin = createClient({ url: origin, token, provisioningKey: adminToken });
  const { id } = await admin.aiProviders.add({
    provider: "openai",
    name: "bench",
    key: "sk-bench-not-a-real-key",
    baseUrl: `${upstream}/v1`,
    verify: false,
  });
  const { key } = await admin.agentKeys.create({ name: "bench", scopes: ["agents:create"], aiProviderKeyId: id });
  const client = createClient({ url: origin, token, provisioningKey: key });
  const keys: string[] = [];
  for (const [at, more] of sets.entries()) {
    const autoProvisionAiKey = { provider: "openai", quotas: { ...tokenQuotas, ...more } };
    const agent = await client.agents.create({ name: `bench-${at}`, autoProvisionAiKey, revealAiKey: true });
    keys.push(agent.aiKey!.key!);
  }
  await ended(first);
  const endpoints = keys.map((aiKey) => ({
    origin,
    path: "/proxy/openai/v1/chat/completions",
    headers: { authorization: `Bearer ${aiKey}` },
  }));
  const one = await started(serve, () => endpoints[0]!);
  const name = workers === undefined ? "metering proxy" : `metering proxy, ${workers}`;
  const tidy = () => rmSync(stateDir, { recursive: true, force: true });
  const targets: Target[] = [];
  for (const endpoint of endpoints) targets.push(await targetOf(name, { ...one, endpoint }, tidy));
  return targets;
}

/** A port below the range that systems give to outgoing connections: one of them could hold it at the second start. */
const randomPort = (): number => 20_000 + Math.floor(Math.random() * 12_000);

async function untilReady(origin: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    const ready = await fetch(`${origin}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("the metering proxy was not ready in time");
}

/** `undefined` where `@portkey-ai/gateway` is not installed (here, or where `PORTKEY_DIR` says). */
export async function portkeyTarget(upstream: string): Promise<Target | undefined> {
  let script: string;
  try {
    const from = process.env.PORTKEY_DIR ?? process.cwd();
    script = createRequire(join(from, "package.json")).resolve("@portkey-ai/gateway/build/start-server.js");
  } catch {
    return undefined;
  }
  const port = randomPort();
  const headers = {
    authorization: "Bearer sk-bench-not-a-real-key",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${upstream}/v1`,
  };
  const endpoint = { origin: `http://127.0.0.1:${port}`, path: "/v1/chat/completions", headers };
  const serve = () => {
    const child = onFirstCore([script, "--headless", `--port=${port}`]);
    child.stdout!.resume();
    return child;
  };
  return await targetOf("portkey", await started(serve, () => endpoint));
}
