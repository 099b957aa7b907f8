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
