import { endsWithin } from "../../src/domain/ends-within.ts";

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
      if (open.size === 0) return true;
      const all = async () => {
        while (open.size > 0) await Promise.allSettled(open);
      };
      return await endsWithin(all(), withinMs);
    },
  };
}
