import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../../src/ports.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import { closeLostConnection } from "./close-lost-connection.ts";
import { forwardLines } from "./forward-lines.ts";
import type { Start, ToPrimary, ToWorker } from "./messages.ts";
import { numberVariable } from "./worker-number.ts";

/** One that dies sooner is replaced with a pause before it, which doubles. */
const soonMs = 60_000;
const firstPauseMs = 250;
const longestPauseMs = 30_000;

/** The worker processes of one server; one that dies is replaced. */
export interface WorkerPool {
  /**
   * Starts all of them. Resolves to their port when all listen.
   *
   * @throws SettingsError, Error: why the first one that failed cannot start; the others are ended
   */
  start(): Promise<number>;
  /** Sends it to each that lives. */
  tell(message: ToWorker, except?: number): void;
  tellOne(number: number, message: ToWorker): void;
  /** The numbers of those that listen. */
  serving(): number[];
  /** Has them end what is under way, and ends those that still live after `graceMs`. None is replaced any more. */
  stop(graceMs: number): Promise<void>;
}

/** How many processes there are, and how each is started. */
export interface PoolOptions {
  count: number;
  log: Log;
  /** Given to each that starts, also later. */
  start(): Start;
  /** @param number from 1 on; one that takes the place of another has its number */
  took(number: number, message: ToPrimary): void;
  /** One has died unasked. */
  died(number: number): void;
}

interface Member {
  worker: Worker;
  startedAt: number;
  port?: number;
}

/** The worker processes, each of which is replaced when it dies. */
export function createWorkerPool({ count, log, start, took, died }: PoolOptions): WorkerPool {
  const members = new Map<number, Member>();
  const failures = new Map<number, number>();
  let isUp = false;
  const stopping = new AbortController();
  // The primary process accepts, and hands each connection to the next worker process that is not busy.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ serialization: "advanced", stdio: ["ignore", "pipe", "inherit", "ipc"] });

  /** Resolves to its port once it listens, or to why it ended before. */
  async function launch(number: number): Promise<{ port: number } | { failure: Error }> {
    const worker = cluster.fork({ [numberVariable]: String(number) });
    if (worker.process.pid === undefined) return await refused(number, worker);
    const member: Member = { worker, startedAt: performance.now() };
    members.set(number, member);
    closeLostConnection(worker);
    forwardLines(worker.process.stdout!, (lines) => void process.stdout.write(lines));
    const launched = Promise.withResolvers<{ port: number } | { failure: Error }>();
    let failure: Error | undefined;
    // A channel that breaks while something is sent is told by the process's end.
    worker.on("error", () => {});
    worker.on("message", (message: ToPrimary) => {
      if (message.kind === "listening") {
        member.port = message.port;
        launched.resolve({ port: message.port });
      } else if (message.kind === "failed") {
        failure = message.isTold ? new SettingsError(message.message) : new Error(message.message);
      }
      took(number, message);
    });
    worker.once("exit", (code, signal) => {
      members.delete(number);
      const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
      launched.resolve({ failure: failure ?? new Error(`a worker process ${how} while it started`) });
      if (stopping.signal.aborted || !isUp) return;
      log("error", "a worker process died; another takes its place", {
        ...{ worker: number, code, signal },
        ...(failure && { cause: failure }),
      });
      died(number);
      void replace(number, performance.now() - member.startedAt < soonMs);
    });
    worker.send(start());
    return await launched.promise;
  }

  /** The system may have no room for a process now. Cluster never tells an end of one that it did not start. */
  async function refused(number: number, worker: Worker): Promise<{ failure: Error }> {
    const [cause] = (await once(worker, "error")) as [Error];
    delete cluster.workers?.[worker.id];
    if (isUp && !stopping.signal.aborted) {
      log("error", "a worker process cannot be started; it is tried again", { worker: number, cause });
      void replace(number, true);
    }
    return { failure: new SettingsError(`a worker process cannot be started: ${cause.message}`) };
  }

  async function replace(number: number, diedSoon: boolean): Promise<void> {
    const times = diedSoon ? (failures.get(number) ?? 0) : 0;
    failures.set(number, times + 1);
    if (times > 0) {
      const pauseMs = Math.min(firstPauseMs * 2 ** times, longestPauseMs);
      // Without a single worker process the timer alone keeps this one alive.
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
    if (!stopping.signal.aborted) await launch(number);
  }

  async function stop(graceMs: number): Promise<void> {
    stopping.abort();
    const ended = [...members.values()].map(
      ({ worker }) => new Promise<void>((resolve) => void worker.once("exit", () => resolve())),
    );
    for (const { worker } of members.values()) worker.send({ kind: "drain" } satisfies ToWorker);
    const late = setTimeout(() => {
      for (const { worker } of members.values()) worker.process.kill("SIGKILL");
    }, graceMs);
    await Promise.all(ended);
    clearTimeout(late);
  }

  return {
    async start() {
      const numbers = Array.from({ length: count }, (_, at) => at + 1);
      const launched = await Promise.all(numbers.map(launch));
      const failed = launched.find((one) => "failure" in one);
      if (failed) {
        await stop(0);
        throw failed.failure;
      }
      isUp = true;
      // One that listened may have died while others started.
      for (const number of numbers) if (!members.has(number)) void replace(number, true);
      return (launched[0] as { port: number }).port;
    },
    tell(message, except) {
      for (const [number, { worker }] of members) if (number !== except) worker.send(message);
    },
    tellOne: (number, message) => void members.get(number)?.worker.send(message),
    serving: () => [...members].filter(([, { port }]) => port !== undefined).map(([number]) => number),
    stop,
  };
}
