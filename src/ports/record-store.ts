/**
 * Documents that are read far more than written; the last write wins.
 * @template Types what each collection holds, by the collection's name
 */
export interface RecordStore<Types extends object> {
  /** Resolves to `undefined` where there is none; rejects with `store_unreadable` where it does not parse. */
  get<C extends keyof Types>(collection: C, id: string): Promise<Types[C] | undefined>;
  /** Durable when it resolves. */
  set<C extends keyof Types>(collection: C, id: string, value: Types[C]): Promise<void>;
  /** Resolves when there is nothing of that id, whether or not there was. */
  remove(collection: keyof Types, id: string): Promise<void>;
  /**
   * Sets a record, or removes it (`undefined`), where the one that is there is `expected` still: no other process
   * comes between the look and the change. Resolves to whether it did.
   */
  replace<C extends keyof Types>(
    collection: C,
    id: string,
    expected: (current: Types[C] | undefined) => boolean,
    next: Types[C] | undefined,
  ): Promise<boolean>;
  /** Records in ascending order of id, after `cursor` (an id, exclusive). An empty page with a `nextCursor` is not the last. */
  list<C extends keyof Types>(
    collection: C,
    page?: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<{ items: Types[C][]; nextCursor?: string }>;
  /** Rejects with `store_unreadable` where the store cannot be read, or is damaged as far as can be seen cheaply. */
  check?(): Promise<void>;
}
