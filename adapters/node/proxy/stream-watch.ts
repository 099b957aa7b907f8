import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../../src/ports.ts";
import type { Ending, Standing, Standings } from "../../../src/proxy/standings.ts";

export interface OpenRequest {
  readonly standing: Standing;
  /** Its place among those under way, which the watch keeps; -1 outside of them. */
  place: number;
  /**
   * Called with each look until it has ended.
   * @param reason as the metrics count it
   */
  stop(ending: Ending, reason: "revoked" | "drained"): void;
  /** Tokens, once it has ended. */
  charged(): number;
}

/** Requests that were ended before their time, and the tokens charged for them. */
export interface CutOff {
  requests: number;
  tokens: number;
}

/** Looks after answers under way, and ends those whose key may not be used any more. */
export interface StreamWatch {
  add(request: OpenRequest): void;
  /** A request that has ended already is no error. */
  remove(request: OpenRequest): void;
  /** How many are under way. */
  size(): number;
  /** Ends all that is under way, streams after the event that they are at. Resolves to what that was charged. */
  cutAll(ending: Ending): Promise<CutOff>;
}

/** With the look itself, everything that has fallen ends within two seconds. */
const everyMs = 750;
/** A stream that is to end has so long to come to the end of an event. */
const eventMs = 250;

/**
 * One look for all requests under way, since a key may be suspended or revoked by another process. Without any of
 * them there is no timer.
 */
export function createStreamWatch({ fallen }: Pick<Standings, "fallen">, log: Log): StreamWatch {
  // A Set leaves tables behind when it grows, and V8 keeps all that was in them until its next full collection.
  const open: OpenRequest[] = [];
  let scheduled = false;

  async function look(): Promise<void> {
    const requests = [...open];
    const endings = requests.length > 0 ? await fallen(requests.map(({ standing }) => standing)) : undefined;
    for (const request of requests) {
      const ending = endings?.get(request.standing);
      if (ending) request.stop(ending, "revoked");
    }
  }

  function schedule(): void {
    if (scheduled || open.length === 0) return;
    scheduled = true;
    const again = () => {
      scheduled = false;
      schedule();
    };
    const turn = () =>
      look().catch((cause: unknown) => log("error", "requests under way could not be ended", { cause }));
    setTimeout(() => void turn().then(again), everyMs).unref();
  }

  return {
    add(request) {
      request.place = open.push(request) - 1;
      schedule();
    },
    remove(request) {
      const { place } = request;
      if (place === -1) return;
      request.place = -1;
      const last = open.pop()!;
      if (last === request) return;
      open[place] = last;
      last.place = place;
    },
    size: () => open.length,
    async cutAll(ending) {
      const requests = [...open];
      for (const request of requests) request.stop(ending, "drained");
      await sleep(eventMs);
      // The second call does not wait for an event's end.
      for (const request of requests) request.stop(ending, "drained");
      return { requests: requests.length, tokens: requests.reduce((sum, request) => sum + request.charged(), 0) };
    },
  };
}
