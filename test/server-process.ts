import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../src/client/client.ts";
import { freePort } from "./free-port.ts";
import { onProxyPath } from "./proxy-path.ts";
import type { Identity } from "./run-bundle.ts";

export interface ServerProcess {
  origin: string;
  pid: number;
  /** The process's output so far. */
  output(): string;
  /** SIGKILL: no chance to tidy up. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

export const token = "test-gateway-token";
export const adminToken = "test-admin-token";

/** A state directory with settings for tests: everything allowed, hardly a limit, only errors logged. */
export async function makeStateDir(provisioning: Record<string, unknown> = {}): Promise<string> {
  const stateDir = await mkdtemp(join(tmpdir(), "openclaw-state-"));
  const config = {
    gateway: {
      provisioning: {
        enabled: true,
        allowDelete: true,
        rateLimitPerMinute: 100_000,
        maxAgentsPerKey: 100_000,
        ...onProxyPath(provisioning),
      },
    },
    logging: { level: "error" },
  };
  await writeFile(join(stateDir, "config.json"), JSON.stringify(config), { mode: 0o600 });
  return stateDir;
}

/** A test that fails in the middle must not leave a server behind. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** The server as a process of its own, ready. */
export async function startServerProcess(
  stateDir: string,
  env: Record<string, string> = {},
  identity: Identity = {},
): Promise<ServerProcess> {
  if (env.OPENCLAW_GATEWAY_PORT !== undefined)
    return await startOn(Number(env.OPENCLAW_GATEWAY_PORT), stateDir, env, identity);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePort(), stateDir, env, identity);
    } catch (error) {
      // Between the look and the start, another test's connection may have been given the port.
      if (attempt === 3 || !String(error).includes("something else listens")) throw error;
    }
  }
}

async function startOn(
  port: number,
  stateDir: string,
  env: Record<string, string>,
  identity: Identity,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, ["dist/index.js", "serve"], {
    env: {
      ...process.env,
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_ADMIN_TOKEN: adminToken,
      OPENCLAW_GATEWAY_PORT: String(port),
      OPENCLAW_DRAIN_SECONDS: "4",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    ...identity,
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const origin = `http://127.0.0.1:${port}`;
  await untilReady(child, origin, () => output);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    origin,
    pid: child.pid!,
    output: () => output,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      child.kill("SIGTERM");
      return await exited;
    },
  };
}

async function untilReady(child: ChildProcess, origin: string, output: () => string): Promise<void> {
  // A server waits up to 40 s for what a predecessor elsewhere left half done.
  for (const deadline = Date.now() + 60_000; ; ) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${output()}`);
    const ready = await fetch(`${origin}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`the server was not ready in time: ${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A client with the admin token, which makes keys. */
export const adminClient = (origin: string) => createClient({ url: origin, token, provisioningKey: adminToken });

/** A client with a fresh key of every agent scope. */
export async function keyedClient(origin: string, options: { aiProviderKeyId?: string; maxAgents?: number } = {}) {
  const { key } = await adminClient(origin).agentKeys.create({
    name: "test",
    scopes: ["agents:create", "agents:onboard", "agents:delete", "agents:update", "agents:keys"],
    rateLimitPerMinute: 100_000,
    ...options,
  });
  return { key, client: createClient({ url: origin, token, provisioningKey: key, retries: 0 }) };
}
