/** One collection of records on disk. Reading is synchronous: it is a stat and a look into memory. */
export interface StoredCollection {
  /** Frozen, and shared with other readers. */
  get(id: string): Record<string, unknown> | undefined;
  /** All ids in ascending order. Not to be changed. */
  ids(): readonly string[];
  /** @param text the record as JSON. Durable when it resolves. */
  set(id: string, text: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Sets it, or with `undefined` removes it, where what is there is as expected; no other process comes in between. */
  replace(
    id: string,
    isExpected: (stored: Record<string, unknown> | undefined) => boolean,
    text: string | undefined,
  ): Promise<boolean>;
}

/** Up to `limit` ids that stand after `after` in an ascending list, in logarithmic time. */
export function idsAfter(ids: readonly string[], after: string | undefined, limit: number): string[] {
  let low = 0;
  if (after !== undefined) {
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle]! <= after) low = middle + 1;
      else high = middle;
    }
  }
  return ids.slice(low, low + limit);
}
