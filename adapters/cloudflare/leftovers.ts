/**
 * The cron's work stands under one prefix of KV, so that one list finds it all: the free plan has a thousand lists a
 * day.
 *
 * An object cannot be found by what it holds. One that holds something unfinished (a claim that ran out, a reservation
 * that nobody settled) therefore leaves a note here. The note is a hint that may be late; what the object itself
 * answers is exact. Minted keys that are to be revoked yet have their records here.
 */
const prefix = "leftover:";
const objects = `${prefix}shard:`;
const revocations = `${prefix}revocations:`;

/** A record's key as it stands in KV. */
export const leftoverOr = (key: string): string =>
  key.startsWith("revocations:") ? revocations + key.slice("revocations:".length) : key;

/** The object writes and removes its own note, so that the two cannot overtake each other. */
export const leftoverNote = (kv: KVNamespace, objectId: string) => ({
  leave: () => kv.put(objects + objectId, "1"),
  remove: () => kv.delete(objects + objectId),
});

/** Notes in KV of objects that have work to be settled: nothing lists Durable Objects. */
export interface Leftovers {
  /** Ids of the objects that left a note. */
  objects(): Promise<string[]>;
  /** Ids of the revocations to be made, in ascending order. */
  revocations(): Promise<string[]>;
  /** Everything that `work` asks is answered from one list. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

export function createLeftovers(kv: Pick<KVNamespace, "list">): Leftovers {
  let seen: string[] | undefined;
  /** Names to the end of the list: the first of them may wait for days, and would keep the rest waiting with them. */
  async function list(): Promise<string[]> {
    const names: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await kv.list({ prefix, cursor });
      for (const { name } of page.keys) names.push(name);
      if (page.list_complete) return names;
      cursor = page.cursor;
    }
  }
  const below = async (start: string) =>
    (seen ?? (await list())).filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));

  return {
    objects: () => below(objects),
    revocations: () => below(revocations),
    async during(work) {
      seen = await list();
      try {
        return await work();
      } finally {
        seen = undefined;
      }
    },
  };
}
