/** Keeps rows in memory between transactions, and writes what changed once for each of them. */
export interface RowCache {
  /** Writes what the transaction has changed; its commit follows. */
  flush(): void;
  /** Forgets all: the transaction was rolled back, or somebody else has written. */
  clear(): void;
  /** The transaction was committed, or rolled back. */
  ended?(committed: boolean): void;
}

/** Several caches that act as one. */
export interface CacheGroup extends Required<RowCache> {
  add(cache: RowCache): void;
}

/** Flushes and clears its caches in the order in which they were added. */
export function createCacheGroup(): CacheGroup {
  const caches: RowCache[] = [];
  return {
    add: (cache) => void caches.push(cache),
    flush() {
      for (const cache of caches) cache.flush();
    },
    clear() {
      for (const cache of caches) cache.clear();
    },
    ended(committed) {
      for (const cache of caches) cache.ended?.(committed);
    },
  };
}
