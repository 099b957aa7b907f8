import { type Client, createClient } from "../client/client.ts";
import { ClientError } from "../client/client-error.ts";
import { Problem } from "../errors.ts";
import type { Clock, Fetch, Log } from "../ports.ts";
import { gatewayProblem } from "./gateway-problem.ts";

export interface GatewaySettings {
  id: string;
  /** Its base path (`http://gw1:18789/api/v1`), or its origin alone. */
  url: string;
  /** Its gateway token. */
  token: string;
  /** One of its provisioning keys. */
  key: string;
}

export interface GatewayTools {
  fetch: Fetch;
  /** Patience with one attempt; a change that is retried gets twice as much in all. */
  timeoutMs: number;
  clock: Clock;
  log: Log;
}

export interface Gateway {
  readonly id: string;
  /** A question: asked once, without patience. `undefined` from a gateway that does not answer. */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T | undefined>;
  /**
   * A change that may be repeated: tried again while it is in doubt.
   * @throws Problem `gateway_failed`, or what the gateway says of the caller's own doing
   */
  change<T>(work: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T>;
  /** How many agents it has, as far as is known; `undefined` while it does not answer. */
  agents(): Promise<number | undefined>;
  /** Notes agents placed or removed since they were counted. */
  expect(difference: number): void;
}

const questionMs = 2_000;
/** How long a gateway that did not answer is left alone: a dead one must not slow every call. */
const restMs = 5_000;
const countMs = 10_000;

/** One gateway, and whether it is there. */
export function openGateway(settings: GatewaySettings, tools: GatewayTools): Gateway {
  const { id } = settings;
  const { clock, log, timeoutMs } = tools;
  const common = { url: settings.url, token: settings.token, provisioningKey: settings.key, fetch: tools.fetch };
  const brief = createClient({ ...common, timeoutMs: Math.min(questionMs, timeoutMs), retries: 0 });
  const patient = createClient({ ...common, timeoutMs, retries: 4, maxRetryDelayMs: 2_000 });

  // Plain data and no shared promises: on a Worker, one request must not wait for another's I/O.
  let downSince: number | undefined;
  let askedAt = 0;
  let counted: { agents: number; at: number } | undefined;

  async function watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      if (downSince !== undefined) log("info", "gateway answers again", { gateway: id });
      downSince = undefined;
      return answer;
    } catch (error) {
      // A gateway that refuses is there.
      if (error instanceof ClientError && error.status > 0 && error.status < 500) throw error;
      if (downSince === undefined) log("warn", "gateway does not answer", { gateway: id, reason: reasonOf(error) });
      downSince ??= clock.now();
      throw error;
    }
  }

  async function ask<T>(question: (client: Client) => Promise<T>): Promise<T | undefined> {
    const now = clock.now();
    if (downSince !== undefined && now - askedAt < restMs) return undefined;
    askedAt = now;
    try {
      return await watched(() => question(brief));
    } catch (error) {
      if (error instanceof ClientError && error.code === "agent_not_found") throw error;
      if (downSince === undefined) log("warn", "gateway refuses us", { gateway: id, reason: reasonOf(error) });
      return undefined;
    }
  }

  async function count(client: Client): Promise<number> {
    let agents = 0;
    for await (const page of client.agents.pages({ limit: 1000 })) agents += page.agents.length;
    return agents;
  }

  return {
    id,
    ask,
    async change(work) {
      const signal = AbortSignal.timeout(2 * timeoutMs);
      return await watched(() => work(patient, signal));
    },
    async agents() {
      const now = clock.now();
      if (counted && downSince === undefined && now - counted.at < countMs) return counted.agents;
      // Others who ask meanwhile go by the old number.
      if (counted) counted.at = now;
      const agents = await ask(count);
      if (agents === undefined) return undefined;
      counted = { agents, at: clock.now() };
      return agents;
    },
    expect(difference) {
      if (counted) counted.agents += difference;
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof ClientError ? error.code : "timeout");
