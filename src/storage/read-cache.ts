import type { Clock } from "../ports.ts";
import type { Collection, RecordOf, Records } from "./keyspace.ts";

interface Recent {
  record: unknown;
  readAt: number;
}

/** All AI keys that are busy at once, and more. */
const maxRecent = 20_000;

/** Records that remember what was read of them. */
export interface CachedRecords extends Records {
  /**
   * As `get`, where what was read up to `maxAgeMs` ago will do if this process has not changed it since: at once where
   * it is remembered.
   */
  recent<C extends Collection>(
    collection: C,
    id: string,
    maxAgeMs: number,
  ): RecordOf<C> | Promise<RecordOf<C> | undefined>;
}

/**
 * Even a look whether a file has changed costs more than the rest of a metered request's reads of the records. A record
 * that this process changes is forgotten at once; a missing one is never remembered.
 */
export function withReadCache(records: Records, clock: Clock): CachedRecords {
  const remembered = new Map<Collection, Map<string, Recent>>();
  /** A read that was under way during a change may have seen what stood before it. */
  let changes = 0;

  function rememberedOf(collection: Collection): Map<string, Recent> {
    let ofCollection = remembered.get(collection);
    if (ofCollection === undefined) {
      ofCollection = new Map();
      remembered.set(collection, ofCollection);
    }
    return ofCollection;
  }

  async function read<C extends Collection>(collection: C, id: string): Promise<RecordOf<C> | undefined> {
    const before = changes;
    const readAt = clock.now();
    const record = await records.get(collection, id);
    if (record !== undefined && before === changes) {
      const ofCollection = rememberedOf(collection);
      if (ofCollection.size >= maxRecent) ofCollection.clear();
      ofCollection.set(id, { record, readAt });
    }
    return record;
  }

  async function changing<T>(collection: Collection, id: string, change: () => Promise<T>): Promise<T> {
    const forget = () => {
      changes++;
      rememberedOf(collection).delete(id);
    };
    forget();
    try {
      return await change();
    } finally {
      forget();
    }
  }

  return {
    ...records,
    recent(collection, id, maxAgeMs) {
      const known = rememberedOf(collection).get(id);
      const age = known && clock.now() - known.readAt;
      return age !== undefined && age >= 0 && age <= maxAgeMs
        ? (known!.record as RecordOf<typeof collection>)
        : read(collection, id);
    },
    set: (collection, id, value) => changing(collection, id, () => records.set(collection, id, value)),
    replace: (collection, id, expected, next) =>
      changing(collection, id, () => records.replace(collection, id, expected, next)),
    remove: (collection, id) => changing(collection, id, () => records.remove(collection, id)),
  };
}
