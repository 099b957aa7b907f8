import type { Log } from "../../../src/ports.ts";
import type { Ending, Standing, Standings } from "../../../src/proxy/standings.ts";

export interface OpenRequest {
  standing: Standing;
  /** Called with each look until it has ended. */
  stop(ending: Ending): void;
}

export interface StreamWatch {
  /** @returns takes it off again */
  add(request: OpenRequest): () => void;
}

/** With the look itself, everything that has fallen ends within two seconds. */
const everyMs = 750;

/**
 * One look for all requests under way, since a key may be suspended or revoked by another process. Without any of
 * them there is no timer.
 */
export function createStreamWatch({ fallen }: Pick<Standings, "fallen">, log: Log): StreamWatch {
  const open = new Set<OpenRequest>();
  let scheduled = false;

  async function look(): Promise<void> {
    const requests = [...open];
    const endings = requests.length > 0 ? await fallen(requests.map(({ standing }) => standing)) : undefined;
    for (const { standing, stop } of requests) {
      const ending = endings?.get(standing);
      if (ending) stop(ending);
    }
  }

  function schedule(): void {
    if (scheduled || open.size === 0) return;
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
      open.add(request);
      schedule();
      return () => open.delete(request);
    },
  };
}
