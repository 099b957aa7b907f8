import { wait } from "../../domain/retry.ts";
import type { ActivityLog, ActivitySample, AgentActivity } from "../../ports.ts";
import type { Ports } from "../../storage/keyspace.ts";

/** The counts of this time travel together. */
const gatherMs = 1_000;
/** While nobody looks: who begins to look sees what was done since at the latest then. */
const unwatchedMs = 15_000;
const stepMs = 100;
/** The bound of agents by name; the others are in the sums. */
const mostAgents = 200;

/** The activity of metered calls at this moment, for those who look. None of these waits or throws. */
export interface Activity {
  spent(agentId: string, tokens: number): void;
  denied(agentId: string): void;
}

type Needed = Pick<Ports, "activity" | "clock" | "background" | "log">;

/** Sums are published every second while somebody watches, and seldom otherwise; a failure is logged once. */
export function createActivity(context: Needed, isStopping: () => boolean): Activity {
  let agents = new Map<string, AgentActivity>();
  let sums = { requests: 0, tokens: 0, denied: 0 };
  let isGathering = false;
  let isWatched = true;
  let didFail = false;

  function gather(): void {
    if (isGathering) return;
    isGathering = true;
    context.background(publish());
  }

  async function publish(): Promise<void> {
    // Waits in steps: a process that stops waits for what runs in the background.
    for (let waited = 0; waited < (isWatched ? gatherMs : unwatchedMs) && !isStopping(); waited += stepMs)
      await wait(stepMs);
    const sample: ActivitySample = { at: context.clock.now(), ...sums, agents: [...agents.values()] };
    agents = new Map();
    sums = { requests: 0, tokens: 0, denied: 0 };
    isGathering = false;
    try {
      isWatched = await context.activity.publish(sample);
      didFail = false;
    } catch (cause) {
      if (!didFail) context.log("warn", "the activity could not be published", { cause });
      didFail = true;
    }
  }

  function of(agentId: string): AgentActivity | undefined {
    let one = agents.get(agentId);
    if (one === undefined && agents.size < mostAgents) {
      one = { agentId, requests: 0, tokens: 0, denied: 0 };
      agents.set(agentId, one);
    }
    return one;
  }

  return {
    spent(agentId, tokens) {
      sums.requests++;
      sums.tokens += tokens;
      const one = of(agentId);
      if (one) {
        one.requests++;
        one.tokens += tokens;
      }
      gather();
    },
    denied(agentId) {
      sums.denied++;
      const one = of(agentId);
      if (one) one.denied++;
      gather();
    },
  };
}

const keptMs = 60_000;
const watchedMs = 10_000;

/** The log of one process, or of one object: what is older than a minute is gone. */
export function createActivityLog(now: () => number): ActivityLog {
  let samples: { number: number; keptUntil: number; sample: ActivitySample }[] = [];
  let last = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    async publish(sample) {
      const time = now();
      samples = samples.filter(({ keptUntil }) => keptUntil > time);
      samples.push({ number: ++last, keptUntil: time + keptMs, sample });
      return time - readAt < watchedMs;
    },
    async since(cursor) {
      readAt = now();
      const after = cursor === undefined ? last : Number(cursor);
      const found = samples.filter(({ number }) => number > after).map(({ sample }) => sample);
      return { samples: found, cursor: String(last) };
    },
  };
}
