import type { Clock } from "../ports.ts";
import type { Collection, RecordOf, Records } from "./keyspace.ts";

interface Recent {
  record: unknown;
  readAt: number;
}

/** All AI keys that are busy at once, and more. */
const maxRecent = 20_000;

/**
 * Records that remember a recent read, for callers of `get` that give a `maxAgeMs`: even a look whether a file has
 * changed costs more than the rest of a metered request's reads of the records. A record that this process changes is
 * forgotten at once; a missing one is never remembered.
 */
export function withReadCache(records: Records, clock: Clock): Records {
  const recent = new Map<string, Recent>();
  /** A read that was under way during a change may have seen what stood before it. */
  let changes = 0;

  async function read<C extends Collection>(collection: C, id: string, key: string): Promise<RecordOf<C> | undefined> {
    const before = changes;
    const readAt = clock.now();
    const record = await records.get(collection, id);
    if (record !== undefined && before === changes) {
      if (recent.size >= maxRecent) recent.clear();
      recent.set(key, { record, readAt });
    }
    return record;
  }

  async function changing<T>(collection: Collection, id: string, change: () => Promise<T>): Promise<T> {
    const forget = () => {
      changes++;
      recent.delete(`${collection}:${id}`);
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
    get(collection, id, maxAgeMs) {
      if (maxAgeMs === undefined) return records.get(collection, id);
      const key = `${collection}:${id}`;
      const known = recent.get(key);
      const age = known && clock.now() - known.readAt;
      return age !== undefined && age >= 0 && age <= maxAgeMs
        ? Promise.resolve(known!.record as RecordOf<typeof collection>)
        : read(collection, id, key);
    },
    set: (collection, id, value) => changing(collection, id, () => records.set(collection, id, value)),
    replace: (collection, id, expected, next) =>
      changing(collection, id, () => records.replace(collection, id, expected, next)),
    remove: (collection, id) => changing(collection, id, () => records.remove(collection, id)),
  };
}
