import type { DatabaseSync } from "node:sqlite";

/** Keeps rows in memory between transactions, and writes what changed once for each of them. */
export interface RowCache {
  /** Writes what the transaction has changed; its commit follows. */
  flush(): void;
  /** Forgets all: the transaction was rolled back, or somebody else has written. */
  clear(): void;
}

export interface CacheGroup {
  add(cache: RowCache): void;
  /** At a transaction's begin, under its lock. */
  begun(): void;
  flush(): void;
  clear(): void;
}

/**
 * SQLite tells when another connection, of this process or another, has committed (`data_version`): until then what
 * was read under the lock is still true, and the counters that all requests share need not be read and written for
 * each of them.
 */
export function createCacheGroup(db: DatabaseSync): CacheGroup {
  const dataVersion = db.prepare("PRAGMA data_version");
  dataVersion.setReturnArrays(true);
  const caches: RowCache[] = [];
  let version = -1;
  const clear = () => {
    for (const cache of caches) cache.clear();
  };
  return {
    add: (cache) => caches.push(cache),
    begun() {
      const [now] = dataVersion.get() as unknown as [number];
      if (now !== version) clear();
      version = now;
    },
    flush() {
      for (const cache of caches) cache.flush();
    },
    clear,
  };
}
