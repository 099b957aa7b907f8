import { type Client, createClient } from "../client/client.ts";
import { ClientError, unknownRoute } from "../client/client-error.ts";
import { isFresh } from "../domain/is-fresh.ts";
import { retry } from "../domain/retry.ts";
import { isProblem, type Problem } from "../errors.ts";
import type { Clock, Fetch, HostAgent, HostGateway, Log } from "../ports.ts";
import { requireCurrent } from "./agent-problems.ts";
import {
  gatewayProblem,
  isBusy,
  isInFlight,
  isMistaken,
  isRefusal,
  isUnsent,
  requireAnswer,
} from "./gateway-problem.ts";
import { startPatience } from "./patience.ts";

/** An entry of `gateway.provisioning.host.gateways`. */
export interface GatewaySettings {
  id: string;
  /** Its base path (`http://gw1:18789/api/v1`), or its origin alone. */
  url: string;
  /** Its gateway token. */
  token: string;
  /** One of its provisioning keys, unless the token alone stands for one. */
  key?: string | undefined;
  maxAgents?: number | undefined;
  labels?: Record<string, string> | undefined;
  /** Its own id, which every call then names: another that has come to its address refuses. */
  meant?: string | undefined;
}

/** The runtime's parts that a gateway is spoken to with. */
export interface GatewayTools {
  fetch: Fetch;
  /** Patience with one attempt; a change that is tried again gets twice as much in all, while the gateway is silent. */
  timeoutMs: number;
  /** Patience in all with one that says it is still at the change. Default: three minutes. */
  workingMs?: number | undefined;
  clock: Clock;
  log: Log;
}

/**
 * How a change ended. `refused`: the gateway did not do it. `unsent`: nor did this call ever get as far as to ask.
 * `unknown`: it may have done it, or may do it yet.
 */
export type Changed<T> =
  | { outcome: "done"; value: T }
  | { outcome: "refused" | "unsent" | "unknown"; problem: Problem };

/** One gateway with its client, its agents' count, and the knowledge of whether it answers. */
export interface Gateway extends HostGateway {
  /**
   * A question, asked once and with little patience.
   * @returns `undefined` where the gateway does not answer, or refuses to
   */
  ask<T>(question: (client: Client) => Promise<T>): Promise<T | undefined>;
  /**
   * A change that may be repeated: it is, while it is in doubt.
   * @param how.repeated an earlier one like it may be under way still: an agent that is busy is waited for
   * @param how.agent what is changed, where another may have changed it since: asked before each attempt
   */
  change<T extends { agentId: string }>(
    work: (client: Client, signal: AbortSignal) => Promise<T>,
    how?: { repeated?: boolean; agent?: Pick<HostAgent, "agentId" | "isCurrent"> },
  ): Promise<Changed<T>>;
  /** @param patient waits for one that is busy as long as for a change, and asks also one that was silent just now */
  recount(ageMs?: number, patient?: boolean): Promise<boolean>;
}

const questionMs = 2_000;
/** How long a gateway that did not answer is left alone: a dead one must not slow every call. */
const restMs = 5_000;
const countMs = 10_000;
const busyMs = 250;
const inFlightMs = 1_000;
/** A reload takes 27 s where there are a hundred agents, and a change may wait for the one before it. */
const usualWorkingMs = 180_000;

/** @throws TypeError for an address or a credential that cannot be sent */
export function openGateway(settings: GatewaySettings, tools: GatewayTools): Gateway {
  const { id } = settings;
  const { clock, log, timeoutMs } = tools;
  const { url, token, key: provisioningKey, meant } = settings;
  const common = { url, token, provisioningKey, gatewayId: meant, fetch: tools.fetch };
  const brief = createClient({ ...common, timeoutMs: Math.min(questionMs, timeoutMs), retries: 0 });
  const unhurried = createClient({ ...common, timeoutMs, retries: 0 });

  // Plain data and no shared promises: on a Worker, one request cannot wait for another's I/O.
  let silentSince: number | undefined;
  let stalled = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let countedAt = Number.NEGATIVE_INFINITY;
  let answers = true;
  let agents = 0;
  let agentIds: ReadonlySet<string> = new Set();

  async function watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      if (silentSince !== undefined) log("info", "gateway answers again", { gateway: id });
      silentSince = undefined;
      stalled = false;
      return answer;
    } catch (error) {
      // Nothing was sent.
      if (isProblem(error)) throw error;
      // One that refuses is there, unless it is another.
      if (error instanceof ClientError && error.status > 0 && error.status < 500 && !isMistaken(error)) throw error;
      if (silentSince === undefined) log("warn", "gateway does not answer", { gateway: id, reason: reasonOf(error) });
      silentSince ??= clock.now();
      stalled = reasonOf(error) === "timeout";
      throw error;
    }
  }

  async function ask<T>(question: (client: Client) => Promise<T>, client = brief): Promise<T | undefined> {
    const now = clock.now();
    if (client === brief && silentSince !== undefined && isFresh(askedAt, now, restMs)) return undefined;
    askedAt = now;
    try {
      return await watched(() => question(client));
    } catch (error) {
      if (silentSince === undefined)
        log("warn", "gateway refuses a question", { gateway: id, reason: reasonOf(error) });
      return undefined;
    }
  }

  async function count(client: Client): Promise<Set<string>> {
    const counted = new Set<string>();
    for await (const page of client.agents.pages({ limit: 1000 })) {
      for (const { agentId } of page.agents) counted.add(agentId);
    }
    return counted;
  }

  return {
    id,
    ask: (question) => ask(question),
    async change(work, { repeated = false, agent } = {}) {
      let unsent = !repeated;
      const silenceMs = 2 * timeoutMs;
      const patience = startPatience({ silenceMs, mostMs: Math.max(silenceMs, tools.workingMs ?? usualWorkingMs) });
      const lost = new AbortController();
      const signal = AbortSignal.any([patience.signal, lost.signal]);
      const fetch: Fetch = async (...request) => {
        await (agent && requireCurrent(agent).catch((error) => lost.abort(error)));
        lost.signal.throwIfAborted();
        return await tools.fetch(...request);
      };
      const heard = (error: unknown) => {
        if (isInFlight(error)) patience.renew();
      };
      const patient = createClient({
        ...common,
        fetch,
        timeoutMs,
        retries: 3,
        maxRetryDelayMs: 2_000,
        onRetry({ error }) {
          unsent &&= isUnsent(error);
          heard(error);
        },
      });
      // The change that keeps the gateway or the agent busy is an earlier attempt, whose answer did not come.
      const isOurs = (error: unknown) => isInFlight(error) || (!unsent && isBusy(error));
      try {
        const value = await retry(() => watched(async () => requireAnswer(await work(patient, signal))), {
          isRetryable(error) {
            heard(error);
            return isOurs(error) && !signal.aborted;
          },
          delays: (error) => (isInFlight(error) ? Math.min(inFlightMs, timeoutMs) : busyMs),
        });
        return { outcome: "done", value };
      } catch (error) {
        const problem = gatewayProblem(id, error);
        if (isOurs(error)) return { outcome: "unknown", problem };
        if (isRefusal(error)) return { outcome: "refused", problem };
        return { outcome: unsent && isUnsent(error) ? "unsent" : "unknown", problem };
      } finally {
        patience.end();
      }
    },
    async recount(ageMs = countMs, patient = false) {
      const now = clock.now();
      if (silentSince === undefined && isFresh(countedAt, now, ageMs)) return answers;
      const before = countedAt;
      // A caller that comes meanwhile goes by the old number. Before the first count there is none to go by.
      if (Number.isFinite(countedAt)) countedAt = now;
      const counted = await ask(count, patient ? unhurried : brief);
      answers = counted !== undefined;
      if (counted === undefined) {
        // One that refuses is left alone for as long; one that was silent is counted once it says anything.
        if (silentSince !== undefined) countedAt = before;
        return false;
      }
      agentIds = counted;
      agents = counted.size;
      countedAt = clock.now();
      return true;
    },
    async describe() {
      // One of an earlier release does not describe itself.
      const list = await ask((client) => client.gateways.list().catch(unknownRoute));
      const [own] = list?.gateways ?? [];
      if (!own || list!.gateways.length > 1) return undefined;
      const { version, host, cordoned, lastReload } = own;
      return { version, host, cordoned, lastReload };
    },
    labels: settings.labels,
    maxAgents: settings.maxAgents,
    get isReachable() {
      return answers && silentSince === undefined;
    },
    get isStalled() {
      return stalled;
    },
    get isCounted() {
      return Number.isFinite(countedAt);
    },
    get agents() {
      return agents;
    },
    get agentIds() {
      return agentIds;
    },
    expect(difference) {
      agents += difference;
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof ClientError ? error.code : "timeout");
