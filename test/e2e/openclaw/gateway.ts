import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createWriteStream, existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../free-port.ts";
import { type OpenClawPackage, openClawPackage } from "./openclaw-package.ts";

const run = promisify(execFile);

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
  /** Milliseconds. */
  took: number;
}

export interface Gateway {
  home: string;
  stateDir: string;
  url: string;
  token: string;
  openclaw: OpenClawPackage;
  /** `openclaw ...`; rejects when it fails, with what it said. */
  cli(args: string[], input?: string): Promise<string>;
  start(): Promise<void>;
  /** SIGKILL to all of it: the crash of a machine, as far as one process can have it. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  api(method: string, path: string, body?: unknown, key?: string): Promise<Answer>;
  /** One message to an agent, as a client of the gateway sends it: in a session of its own, or in the one that is named. */
  turn(agentId: string, message?: string, session?: string): Promise<Answer & { text: string }>;
  log(): Promise<string>;
  /** How many reloads its log tells of, behind so many characters. OpenClaw says so a while after it works with what it read. */
  reloads(from: number): Promise<number>;
  /** The memory of the process that serves. */
  residentBytes(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Killed in the middle of a reload, OpenClaw itself does not start again before the lease that it held has run out,
 * which takes five minutes. They pass here at once.
 */
function forgetLease(stateDir: string): void {
  const database = new DatabaseSync(join(stateDir, "state", "openclaw.sqlite"), { timeout: 5_000 });
  database.exec("DELETE FROM state_leases WHERE scope = 'core:plugin-lifecycle'");
  database.close();
}

const startWithinMs = 120_000;

/** A real gateway on a fresh state directory, not started yet. `config` is what `config.json` holds, `openclaw` more of `openclaw.json`. */
export async function makeGateway(
  options: { config?: unknown; openclaw?: Record<string, unknown>; env?: Record<string, string> } = {},
): Promise<Gateway> {
  const openclaw = await openClawPackage();
  const home = await realpath(await mkdtemp(join(tmpdir(), "oc-e2e-")));
  const stateDir = join(home, ".openclaw");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const token = "gateway-token-of-a-test";
  const logFile = join(home, "gateway.log");
  await mkdir(stateDir, { mode: 0o700 });
  const config = {
    ...options.openclaw,
    gateway: {
      mode: "local",
      bind: "loopback",
      port,
      auth: { mode: "token" },
      http: { endpoints: { chatCompletions: { enabled: true } } },
    },
  };
  await writeFile(join(stateDir, "openclaw.json"), JSON.stringify(config), { mode: 0o600 });
  await writeFile(join(stateDir, "config.json"), JSON.stringify(options.config ?? {}), { mode: 0o600 });
  const env: NodeJS.ProcessEnv = {
    PATH: openclaw.path,
    HOME: home,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: token,
    ...options.env,
  };
  let running: ChildProcess | undefined;
  const readLog = () => readFile(logFile, "utf8");

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = running;
    running = undefined;
    if (!child?.pid || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // The gateway has helpers of its own: it was made the leader of a group for this.
    process.kill(signal === "SIGKILL" ? -child.pid : child.pid, signal);
    await ended;
  };

  async function call(method: string, path: string, headers: Record<string, string>, body: unknown): Promise<Answer> {
    const startedAt = performance.now();
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const content = await response.text();
    let parsed: Record<string, unknown>;
    try {
      parsed = JSON.parse(content) as Record<string, unknown>;
    } catch {
      parsed = { content };
    }
    return { status: response.status, headers: response.headers, body: parsed, took: performance.now() - startedAt };
  }

  return {
    home,
    stateDir,
    url,
    token,
    openclaw,
    async cli(args, input = "") {
      const child = spawn("openclaw", args, { env, stdio: ["pipe", "pipe", "pipe"] });
      child.stdin.end(input);
      const [output, said, code] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        new Promise<number | null>((resolve) => child.once("close", resolve)),
      ]);
      if (code !== 0) throw new Error(`openclaw ${args.join(" ")} ended with ${code}: ${said}${output}`);
      return output;
    },
    async start() {
      const child = spawn("openclaw", ["gateway", "run"], { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
      const log = createWriteStream(logFile, { flags: "a" });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      running = child;
      const from = existsSync(logFile) ? statSync(logFile).size : 0;
      const until = performance.now() + startWithinMs;
      while (
        !(await fetch(`${url}/readyz`).then(
          (one) => one.ok,
          () => false,
        ))
      ) {
        if (performance.now() > until || child.exitCode !== null) {
          // The reason comes first, and what follows from it is long.
          throw new Error(
            `the gateway did not start: ${(await readFile(logFile)).subarray(from).toString().slice(0, 6_000)}`,
          );
        }
        await sleep(100);
      }
    },
    async kill() {
      await end("SIGKILL");
      forgetLease(stateDir);
    },
    stop: () => end("SIGTERM"),
    api: (method, path, body, key) =>
      call(method, `/api/v1${path}`, key === undefined ? {} : { "x-agent-provisioning-key": key }, body),
    async turn(agentId, message = "hello", session) {
      const body = { model: `openclaw/${agentId}`, messages: [{ role: "user", content: message }] };
      const headers: Record<string, string> = session === undefined ? {} : { "x-openclaw-session-key": session };
      const answer = await call("POST", "/v1/chat/completions", headers, body);
      // OpenClaw answers "internal error", and tells its log alone what it was.
      if (answer.status >= 500) console.error(`${agentId}: ${answer.status}\n${(await readLog()).slice(-3_000)}`);
      const { choices, error } = answer.body as {
        choices?: { message: { content: string } }[];
        error?: { message: string };
      };
      return { ...answer, text: choices?.[0]?.message.content ?? error?.message ?? "" };
    },
    log: readLog,
    reloads: async (from) => [...(await readLog()).slice(from).matchAll(/config (hot )?reload applied/g)].length,
    async residentBytes() {
      // The command may have started the gateway as a child of its own.
      const { stdout } = await run("ps", ["-o", "rss=", "-g", String(running!.pid)]);
      return Math.max(...stdout.trim().split("\n").map(Number)) * 1024;
    },
    async close() {
      await end("SIGKILL");
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
