import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../src/client/client.ts";
import { ClientError } from "../../src/client/client-error.ts";
import { meteredCall } from "../metered-agent.ts";
import { token } from "../server-process.ts";

export interface Load {
  /** Names that were asked for, in order. */
  asked: string[];
  /** Names whose creation was answered with a yes. */
  created: Set<string>;
  /** How often a create was answered otherwise, by code. */
  refused: Record<string, number>;
  /** How often a metered call was answered, by status; 0: not at all. */
  metered: Record<number, number>;
  /** Rejects where a create was answered as it must not be. */
  failed: Promise<never>;
  /** No more names and no more metered calls. */
  stop(): Promise<void>;
  /** Repeats what was not answered with a yes until all is, or rejects after `patienceMs`. */
  finish(patienceMs: number): Promise<void>;
}

/** The codes allowed while something is being killed; a caller comes back with the same Idempotency-Key. */
const passing = new Set(["network_error", "timeout", "idempotency_in_flight", "agent_exists", "gateway_failed"]);

/** Creates and metered calls, each sent to the next of the origins, as behind one address. */
export function startLoad(options: { origins(): string[]; key: string; aiKey: string; workers?: number }): Load {
  const { key, aiKey, workers = 6 } = options;
  let requests = 0;
  let running = true;
  const nextOrigin = (): string => {
    const origins = options.origins();
    return origins[requests++ % origins.length]!;
  };
  const failure = Promise.withResolvers<never>();
  const load: Load = {
    asked: [],
    created: new Set(),
    refused: {},
    metered: {},
    failed: failure.promise,
    stop,
    finish,
  };

  async function create(name: string): Promise<boolean> {
    const client = createClient({ url: nextOrigin(), token, provisioningKey: key, retries: 0, timeoutMs: 60_000 });
    const body = { name, bind: [`telegram:${name}`], autoProvisionAiKey: { provider: "anthropic" } };
    try {
      await client.agents.create(body, { idempotencyKey: name });
      load.created.add(name);
      return true;
    } catch (error) {
      if (!(error instanceof ClientError) || !(passing.has(error.code) || error.status === 503)) throw error;
      load.refused[error.code] = (load.refused[error.code] ?? 0) + 1;
      return false;
    }
  }

  async function creating(): Promise<void> {
    while (running) {
      const name = `load-${load.asked.length}`;
      load.asked.push(name);
      if (!(await create(name))) await sleep(50);
      await sleep(20);
    }
  }
  async function metering(): Promise<void> {
    while (running) {
      const status = await meteredCall(nextOrigin(), aiKey);
      load.metered[status] = (load.metered[status] ?? 0) + 1;
      await sleep(status === 200 ? 10 : 50);
    }
  }
  const work = Promise.all(Array.from({ length: workers }, () => [creating(), metering()]).flat());
  // A caller that does not ask for it is told at the end.
  failure.promise.catch(() => {});
  work.catch((error: unknown) => {
    running = false;
    failure.reject(error);
  });

  async function stop(): Promise<void> {
    running = false;
    await work;
  }

  async function finish(patienceMs: number): Promise<void> {
    const open = () => load.asked.filter((name) => !load.created.has(name));
    for (const deadline = Date.now() + patienceMs; open().length > 0; await sleep(500)) {
      if (Date.now() > deadline) throw new Error(`not healed: ${open().join(", ")} (${JSON.stringify(load.refused)})`);
      for (const name of open()) await create(name);
    }
  }
  return load;
}
