import { setTimeout as sleep } from "node:timers/promises";

/** The requests that a plugin is answering. */
export interface UnderWay {
  /** @param done resolves when the request is answered */
  add(done: Promise<void>): Promise<void>;
  /** Resolves to whether all are answered within that time. */
  ended(withinMs: number): Promise<boolean>;
}

/** Counts nothing that was under way before. */
export function createUnderWay(): UnderWay {
  const open = new Set<Promise<void>>();
  return {
    add(done) {
      const one = done.finally(() => open.delete(one));
      open.add(one);
      return one;
    },
    async ended(withinMs) {
      const over = new AbortController();
      const all = (async () => {
        while (open.size > 0) await Promise.allSettled(open);
      })();
      const late = sleep(withinMs, undefined, { signal: over.signal }).catch(() => undefined);
      await Promise.race([all, late]);
      over.abort();
      return open.size === 0;
    },
  };
}
