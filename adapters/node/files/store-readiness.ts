import { type StoreFinding, unreadable } from "./private-file.ts";

/** A probe that anybody may repeat may take this part of the time at most. */
const share = 0.05;

/**
 * The check of every file, for readiness: one at a time, and not again before it has paid for itself.
 *
 * @returns rejects with `store_unreadable` for the first finding
 */
export function createStoreReadiness(check: () => Promise<StoreFinding[]>): () => Promise<void> {
  let verdict: Promise<void> | undefined;

  async function look(): Promise<void> {
    const startedAt = performance.now();
    try {
      const [finding] = await check();
      if (finding) throw unreadable(finding);
    } finally {
      const pauseMs = (performance.now() - startedAt) / share;
      setTimeout(() => {
        verdict = undefined;
      }, pauseMs).unref();
    }
  }

  return () => {
    verdict ??= look();
    return verdict;
  };
}
