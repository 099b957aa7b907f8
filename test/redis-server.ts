import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.ts";

const binary = (process.env.PATH ?? "")
  .split(delimiter)
  .map((directory) => join(directory, "redis-server"))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export const hasRedis = binary !== undefined;
if (!hasRedis) console.warn("skipped: there is no redis-server on the PATH (Debian: apt-get install redis-server)");

export interface RedisServer {
  url: string;
  /** As a crash would. */
  kill(): Promise<void>;
  /** Stops answering, with its connections open, until `resume`. */
  freeze(): void;
  resume(): void;
  /** Starts it again, on the same port and files. */
  start(): Promise<void>;
  /** Kills it and removes its files. */
  dispose(): Promise<void>;
}

/** Whether the port answers a PING as a Redis that has loaded its files does. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      resolve(data.toString().startsWith("+PONG"));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
  });
}

/** A real Redis on a free port of the loopback, in a directory of its own, that by default syncs what it answers. */
export async function startRedis({
  appendfsync = "always",
}: {
  appendfsync?: "always" | "no";
} = {}): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), "redis-"));
  const port = await freePort();
  let running: ChildProcess | undefined;

  async function start(): Promise<void> {
    const settings = { port, bind: "127.0.0.1", dir: directory, save: "", appendonly: "yes", appendfsync };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    running = spawn(binary!, options, { stdio: "ignore" });
    for (let i = 0; i < 400; i++) {
      if (await answers(port)) return;
      if (running.exitCode !== null) throw new Error(`redis-server ended with ${running.exitCode}`);
      await sleep(25);
    }
    throw new Error("redis-server does not answer");
  }

  async function kill(): Promise<void> {
    const child = running;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  // A test run that ends badly leaves no server behind.
  const onExit = () => running?.kill("SIGKILL");
  process.once("exit", onExit);
  await start();
  return {
    url: `redis://127.0.0.1:${port}/0`,
    kill,
    start,
    freeze: () => void running?.kill("SIGSTOP"),
    resume: () => void running?.kill("SIGCONT"),
    async dispose() {
      await kill();
      process.off("exit", onExit);
      rmSync(directory, { recursive: true });
    },
  };
}
